"""The rows that are nearest to each row, by Euclidean distance."""

import numpy as np
from numpy.typing import NDArray


def nearest_rows(features: NDArray[np.floating], n_neighbors: int) -> NDArray[np.integer]:
    """Return the nearest rows of each row, without the row itself.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
    n_neighbors : int
        Where there are fewer other rows, all of them.

    Returns
    -------
    ndarray of int of shape (n_rows, n_neighbors)

    Examples
    --------
    >>> import numpy as np
    >>> nearest_rows(np.array([[0.0], [1.0], [3.0]]), 1)
    array([[1],
           [0],
           [1]])
    """
    # Not before it is needed: it takes a tenth of a second.
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(n_neighbors, len(features) - 1)).fit(features)
    return search.kneighbors(return_distance=False)
