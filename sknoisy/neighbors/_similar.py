"""The rows that are most similar to each row, by the angle between features."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

MAX_PAIRS = 2**25


class SimilarRows:
    """The nearest rows of each row, searched once for all rounds.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
    n_neighbors : int
        The row itself included.
    device : torch.device, default="cpu"
        Where to search.
    """

    def __init__(
        self, features: NDArray[Any], n_neighbors: int, device: str | torch.device = "cpu"
    ) -> None:
        n_rows = len(features)
        self._n_neighbors = min(n_neighbors, n_rows)
        # Some neighbours may not vote in a round: look for a few more.
        n_searched = min(2 * self._n_neighbors, n_rows)
        unit = normalize(np.asarray(features, dtype=np.float32))
        self._similarities, self._rows = _self_first(*most_similar(unit, n_searched, device))

    def voters(self, kept: NDArray[np.bool_]) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
        """Return rows and weights of the voters of each row: itself, and the nearest kept ones."""
        allowed = kept[self._rows]
        allowed[:, 0] = True
        order = np.argsort(~allowed, axis=1, kind="stable")[:, : self._n_neighbors]
        voters = np.take_along_axis(self._rows, order, axis=1)
        weights = np.take_along_axis(self._similarities, order, axis=1)
        weights = np.where(np.take_along_axis(allowed, order, axis=1), weights, 0)
        if weights.shape[1] > 2:
            # A row's own vote goes on where the next two lead: it would be 1 for all otherwise.
            weights[:, 0] = 2 * weights[:, 1] - weights[:, 2]
        return voters, np.maximum(weights, 0)


def most_similar(
    unit: NDArray[np.float32], n_neighbors: int, device: str | torch.device = "cpu"
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the largest inner products of each row with all rows, and whose they are.

    Faster than scikit-learn's search, which computes in double precision.

    Parameters
    ----------
    unit : ndarray of shape (n_rows, n_features) of float32
    n_neighbors : int
    device : torch.device, default="cpu"

    Returns
    -------
    similarities, rows : ndarrays of shape (n_rows, n_neighbors)
    """
    every = torch.from_numpy(unit).to(device)
    chunks = every.split(max(1, MAX_PAIRS // len(every)))
    found = [(chunk @ every.T).topk(n_neighbors, dim=1) for chunk in chunks]
    similarities, rows = (torch.cat(part).cpu().numpy() for part in zip(*found, strict=True))
    return similarities, rows


def _self_first(
    similarities: NDArray[np.floating], rows: NDArray[np.integer]
) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Put each row itself in the first place; equal rows may have come before it."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    order = np.argsort(~own, axis=1, kind="stable")
    rows = np.take_along_axis(rows, order, axis=1)
    rows[:, 0] = np.arange(len(rows))
    return np.take_along_axis(similarities, order, axis=1), rows
