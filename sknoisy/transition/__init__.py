"""Transition matrices P(given class j | true class i): how to estimate, check and invert them.

Pure functions, which know nothing of nets and trainings.
"""

from ._anchors import anchor_rows, estimate_from_anchors
from ._checking import check_transition_matrix
from ._confusion import count_transitions, estimate_from_trusted
from ._dominance import make_dominant
from ._dual_t import estimate_dual_t
from ._hoc import (
    NoiseEstimate,
    consensus_frequencies,
    estimate_from_features,
    estimate_noise,
)
from ._inverse import invert_transition_matrix, make_invertible
from ._revision import revise_transition_matrix

__all__ = [
    "NoiseEstimate",
    "anchor_rows",
    "check_transition_matrix",
    "consensus_frequencies",
    "count_transitions",
    "estimate_dual_t",
    "estimate_from_anchors",
    "estimate_from_features",
    "estimate_from_trusted",
    "estimate_noise",
    "invert_transition_matrix",
    "make_dominant",
    "make_invertible",
    "revise_transition_matrix",
]
