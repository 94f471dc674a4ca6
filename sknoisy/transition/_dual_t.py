"""Dual-T: the transition matrix as a product of two that are easier to estimate."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._anchors import estimate_from_anchors
from ._confusion import count_transitions


def estimate_dual_t(
    probabilities: ArrayLike, given: ArrayLike, class_shares: NDArray[np.floating] | None = None
) -> NDArray[np.floating]:
    r"""Estimate the transition matrix by way of the predicted classes.

    .. math::

       T = T^\clubsuit T^\spadesuit, \qquad
       T^\clubsuit_{il} = p(l \mid x_i^*), \qquad
       T^\spadesuit_{lj} = \frac{\#(\hat y = l, \tilde y = j)}{\#(\hat y = l)}

    From true to predicted classes by anchors, from predicted to given ones by counts. The net's
    probabilities are wrong about the given labels where it is too sure of itself; its predictions
    are easier to trust, and counts have no such error.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of the given labels, by a net trained on them.
    given : array-like of int of shape (n_rows,)
        Codes of the given labels.
    class_shares : ndarray of shape (n_classes,), default=None
        As for `estimate_from_anchors`.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one. What the anchors send to a class that is never predicted stays there.

    References
    ----------
    Yao, Liu, Han, Gong, Deng, Niu and Sugiyama, "Dual T: Reducing Estimation Error for Transition
    Matrix in Label-noise Learning", NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import estimate_dual_t
    >>> certain = np.repeat(np.eye(2), 4, axis=0)
    >>> estimate_dual_t(certain, [0, 0, 0, 1, 1, 1, 1, 1])
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    probabilities = np.asarray(probabilities, dtype=float)
    counted = count_transitions(probabilities.argmax(axis=1), given, probabilities.shape[1])
    return estimate_from_anchors(probabilities, class_shares) @ counted
