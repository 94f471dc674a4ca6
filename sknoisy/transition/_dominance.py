"""The least that is assumed of a transition matrix: right labels are the commonest."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def make_dominant(matrix: ArrayLike, lead: float = 0.1) -> NDArray[np.float64]:
    r"""Mix rows with the identity, as little as needed for the right label to be the commonest one.

    Without that a correction may exchange classes: a net that predicts class j for the rows of
    class i fits the given labels as well. An estimate breaks this assumption where the net that it
    is taken from hardly knows a class.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        P(given class j | true class i).
    lead : float in [0, 1), default=0.1
        How far P(given class i | true class i) has to be above the others of its row.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Examples
    --------
    >>> make_dominant([[0.7, 0.3], [0.6, 0.4]], lead=0.1).round(2)
    array([[0.7 , 0.3 ],
           [0.45, 0.55]])
    """
    matrix = np.asarray(matrix, dtype=float)
    right = matrix.diagonal()
    others = matrix - np.diag(right)
    distance = right - others.max(axis=1)
    # With the share a of the identity the distance is (1 - a) of what it is now, and a more.
    shares = np.where(distance < lead, (lead - distance) / np.maximum(1 - distance, lead), 0)
    return (1 - shares[:, None]) * matrix + shares[:, None] * np.eye(len(matrix))
