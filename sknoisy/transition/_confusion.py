"""Transition matrices from rows whose true, or predicted, classes are known."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def count_transitions(classes: ArrayLike, given: ArrayLike, n_classes: int) -> NDArray[np.floating]:
    """Return the distribution of the given labels in each class, by counts.

    Parameters
    ----------
    classes : array-like of int of shape (n_rows,)
        Codes of the true, or of the predicted, classes.
    given : array-like of int of shape (n_rows,)
        Codes of the given labels.
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one; a class without rows has a one on the diagonal.

    Examples
    --------
    >>> from sknoisy.transition import count_transitions
    >>> count_transitions([0, 0, 0, 0, 1], [0, 0, 0, 1, 0], 3)
    array([[0.75, 0.25, 0.  ],
           [1.  , 0.  , 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    return _mean_by_class(np.eye(n_classes)[np.asarray(given, dtype=int)], classes)


def estimate_from_trusted(
    probabilities: ArrayLike, true_classes: ArrayLike
) -> NDArray[np.floating]:
    r"""Estimate the transition matrix from the probabilities of rows with known true classes.

    .. math:: C_{kj} = \frac{1}{|A_k|} \sum_{x \in A_k} p(\tilde y = j \mid x)

    with :math:`A_k` the trusted rows of class k. The mean is over whole distributions: counts of
    the likeliest class would hide how often another label is given.

    Parameters
    ----------
    probabilities : ndarray of shape (n_trusted, n_classes)
        Of the given labels, by a net trained on rows that aren't trusted.
    true_classes : array-like of int of shape (n_trusted,)
        Codes of the true classes.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one; a class without trusted rows has a one on the diagonal, so that its rows
        are taken as they are.

    References
    ----------
    Hendrycks, Mazeika, Wilson and Gimpel, "Using Trusted Data to Train Deep Networks on Labels
    Corrupted by Severe Noise", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import estimate_from_trusted
    >>> estimate_from_trusted(np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]]), [0, 0, 1])
    array([[0.8, 0.2],
           [0.4, 0.6]])
    """
    return _mean_by_class(np.asarray(probabilities, dtype=float), true_classes)


def _mean_by_class(distributions: NDArray[np.floating], classes: ArrayLike) -> NDArray[np.floating]:
    n_classes = distributions.shape[1]
    totals = np.zeros((n_classes, n_classes))
    np.add.at(totals, np.asarray(classes, dtype=int), distributions)
    sums = totals.sum(axis=1, keepdims=True)
    return np.where(sums > 0, totals / np.where(sums > 0, sums, 1), np.eye(n_classes))
