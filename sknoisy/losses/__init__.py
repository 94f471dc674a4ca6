"""Losses of rows from logits: corrected by transition matrices, with soft targets, of mixed rows.

Pure functions on tensors, which know nothing of nets and trainings.
"""

from ._corrected import backward_corrected, forward_corrected, gold_corrected
from ._importance import importance_reweighted, importance_weights, posterior_of_given
from ._jensen_shannon import generalised_jensen_shannon
from ._mixing import co_refine, draw_mixing_share, mix_up, sharpen
from ._semi_supervised import linear_ramp_up, prior_penalty, semi_supervised_loss
from ._soft import soft_cross_entropy, squared_probability_error

__all__ = [
    "backward_corrected",
    "co_refine",
    "draw_mixing_share",
    "forward_corrected",
    "generalised_jensen_shannon",
    "gold_corrected",
    "importance_reweighted",
    "importance_weights",
    "linear_ramp_up",
    "mix_up",
    "posterior_of_given",
    "prior_penalty",
    "semi_supervised_loss",
    "sharpen",
    "soft_cross_entropy",
    "squared_probability_error",
]
