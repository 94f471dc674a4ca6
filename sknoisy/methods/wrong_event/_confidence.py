"""The verdict of several judges together: their confidences, weighed by what they know."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .._base import LabelEvidence

# How fast the weight of one judge grows with what its agreement is ahead, and the weight of trees
# where both agree equally often; docs/decisions/0047.
STEEPNESS = 10
ODDS_OF_TREES = 1.5


@dataclass(kw_only=True)
class ConfidenceEvidence(LabelEvidence):
    """What a judge thinks of each label in the mean, and how well it knows the data.

    Parameters
    ----------
    confidences : ndarray of shape (n_rows,)
        Mean of p(given) / (p(given) + p(rival)) over the counted rounds; rows held out are on the
        scale of the others.
    held_out_agreement : float
        Largest share of the held-out labels that the judge predicted in a round.
    """

    confidences: np.ndarray
    held_out_agreement: float


def weight_of_trees(agreement: float, agreement_of_net: float) -> float:
    """Return the weight of trees beside a net, by their agreement with held-out labels.

    Examples
    --------
    >>> round(weight_of_trees(0.8, 0.8), 3), round(weight_of_trees(0.9, 0.6), 3)
    (0.6, 0.968)
    """
    return float(expit(np.log(ODDS_OF_TREES) + STEEPNESS * (agreement - agreement_of_net)))
