"""Anchors: rows that are nearly surely of a class, and what they tell of its labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARES_ABOVE = (0.3, 0.1)
# Three tenths of such a class are the published 3 % of all rows.
PUBLISHED_CLASS_SHARE = 0.1


def anchor_rows(
    probabilities: NDArray[np.floating], class_shares: NDArray[np.floating], n_anchors: int
) -> NDArray[np.integer]:
    """Return the rows that stand for a class: the likeliest but for some outliers.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of the given labels.
    class_shares : ndarray of shape (n_classes,)
        Sizes of the classes.
    n_anchors : int
        Per class. Between a tenth and three tenths of the class lie above them; above a single
        one, three tenths. For ten classes of one size that is the published rule, percentiles 97
        to 99 of all rows; with that one itself the anchors of a rare class would be rows of other
        classes.

    Returns
    -------
    ndarray of int of shape (n_classes, n_anchors)

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import anchor_rows
    >>> first = np.linspace(0, 1, 100)
    >>> anchor_rows(np.stack([first, 1 - first], axis=1), np.array([0.9, 0.1]), 2)
    array([[72, 90],
           [ 3,  1]])
    """
    above = np.linspace(*SHARES_ABOVE, n_anchors) * class_shares[:, None]
    places = np.round(above * len(probabilities)).astype(int)
    best_first = np.argsort(-probabilities, axis=0, kind="stable")
    return np.take_along_axis(best_first, places.T, axis=0).T


def estimate_from_anchors(
    probabilities: ArrayLike, class_shares: NDArray[np.floating] | None = None
) -> NDArray[np.floating]:
    r"""Estimate the transition matrix from the probabilities of one anchor row per class.

    .. math:: T_{ij} = p(\tilde y = j \mid x_i^*)

    with :math:`x_i^*` the row of the largest :math:`p(\tilde y = i \mid x)`, once the published
    3 % of all rows that are larger still are left out as outliers. Of a small class no more than
    three tenths are left out.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of the given labels, by a net trained on them.
    class_shares : ndarray of shape (n_classes,), default=None
        Sizes of the classes; None: how often each class is the likeliest one. Shares of the given
        labels are larger for rare classes, whose labels are mostly those of other classes.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one.

    References
    ----------
    Patrini, Rozza, Menon, Nock and Qu, "Making Deep Neural Networks Robust to Label Noise: A Loss
    Correction Approach", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import estimate_from_anchors
    >>> probabilities = np.repeat([[0.8, 0.2], [0.3, 0.7]], 50, axis=0)
    >>> probabilities[0] = [0.99, 0.01]
    >>> estimate_from_anchors(probabilities)
    array([[0.8, 0.2],
           [0.3, 0.7]])
    """
    probabilities = np.asarray(probabilities, dtype=float)
    if class_shares is None:
        n_rows, n_classes = probabilities.shape
        class_shares = np.bincount(probabilities.argmax(axis=1), minlength=n_classes) / n_rows
    class_shares = np.minimum(class_shares, PUBLISHED_CLASS_SHARE)
    matrix = probabilities[anchor_rows(probabilities, class_shares, 1)[:, 0]]
    return matrix / matrix.sum(axis=1, keepdims=True)
