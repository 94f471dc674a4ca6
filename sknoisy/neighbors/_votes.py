"""Votes of neighbours for their labels."""

import numpy as np
from numpy.typing import NDArray


def count_votes(
    codes: NDArray[np.integer],
    n_classes: int,
    voters: NDArray[np.integer],
    weights: NDArray[np.floating] | float = 1,
) -> NDArray[np.floating]:
    """Return the votes of each row's voters for each class.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Given labels.
    n_classes : int
    voters : ndarray of int of shape (n_rows, n_voters)
        The rows that vote for each row.
    weights : ndarray of shape (n_rows, n_voters), default=1

    Returns
    -------
    ndarray of shape (n_rows, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> count_votes(np.array([0, 1, 1]), 2, np.array([[1, 2], [0, 2], [0, 1]]))
    array([[0., 2.],
           [1., 1.],
           [1., 1.]])
    """
    votes = np.zeros((len(codes), n_classes))
    every = np.arange(len(codes))[:, None]
    np.add.at(votes, (np.broadcast_to(every, voters.shape), codes[voters]), weights)
    return votes
