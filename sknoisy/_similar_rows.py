"""Which rows of fit are near each other, whatever kind of rows they are."""

from typing import Any

import numpy as np
from scipy import sparse
from torch.utils.data import Dataset

from ._rows import CheckedRows
from ._typing import Features, IntArray
from .tables import NumberEncoder

# Nearer than this share of what a row's nearest neighbour is away in the median: near duplicates.
DUPLICATE_SHARE = 0.1
# So many rows tell how far that is.
N_MEASURED = 500
ROUNDING = 1e-6


class SimilarRows:
    """Distances between rows of fit: encoded and scaled columns, or pixels.

    Parameters
    ----------
    estimator : fitted estimator of this package
    X : rows of fit, in their order
    n_rows : int
        How many there were.
    """

    def __init__(self, estimator: Any, X: Features, n_rows: int) -> None:
        if isinstance(X, Dataset):
            raise TypeError(
                "X must be an array or a table, in which rows can be compared. Got a torch "
                "Dataset: pass its features as an array, or leave X=None."
            )
        rows = CheckedRows(estimator, X, reset=False)
        found = rows.checked.shape[0]
        if found != n_rows:
            raise ValueError(
                f"X must be the rows of fit, in their order: these were {n_rows}. Got {found}."
            )
        self._features = _features(rows)
        self._tolerance: float | None = None

    def nearest(self, row: int, among: IntArray, n: int) -> IntArray:
        """Return the nearest rows among some, the nearest first."""
        among = among[among != row]
        order = np.argsort(self._distances(np.array([row]), among)[0], kind="stable")
        return among[order[:n]]

    def duplicates(self, rows: IntArray, of: IntArray) -> Any:
        """Return for each row, and each of the other rows, whether they are near duplicates."""
        if self._tolerance is None:
            self._tolerance = self._measured_tolerance()
        return self._distances(rows, of) <= self._tolerance

    def _distances(self, rows: IntArray, others: IntArray) -> Any:
        from sklearn.metrics import pairwise_distances

        return pairwise_distances(self._features[rows], self._features[others])

    def _measured_tolerance(self) -> float:
        n_rows = self._features.shape[0]
        measured = np.unique(np.linspace(0, n_rows - 1, N_MEASURED).astype(int))
        distances = self._distances(measured, np.arange(n_rows))
        distances[np.arange(len(measured)), measured] = np.inf
        # The length of a row tells how exact its distances are.
        largest = np.sqrt(np.max(_squared_lengths(self._features[measured])))
        return float(DUPLICATE_SHARE * np.median(distances.min(axis=1)) + ROUNDING * largest)


def _features(rows: CheckedRows) -> Any:
    if not rows.is_table:
        return rows.checked.reshape(len(rows.checked), -1).astype(float)
    from sklearn.preprocessing import StandardScaler

    numbers = NumberEncoder().fit_transform(rows.checked)
    if sparse.issparse(numbers):
        numbers = numbers.tocsr()
    is_dense = not sparse.issparse(numbers)
    return StandardScaler(with_mean=is_dense).fit_transform(numbers.astype(float))


def _squared_lengths(features: Any) -> Any:
    squared = features.multiply(features) if sparse.issparse(features) else features**2
    return np.asarray(squared.sum(axis=1)).ravel()
