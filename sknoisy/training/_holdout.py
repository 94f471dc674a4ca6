"""Rows that no training learns from."""

from dataclasses import replace

import numpy as np

from .._typing import IntArray
from ._data import TrainingData

# Fewer groups stand for themselves only: one of a few annotators says nothing of the others.
MIN_HELD_OUT_GROUPS = 5


def hold_out(data: TrainingData, share: float, random_state: np.random.RandomState) -> TrainingData:
    """Return the data with a share of its rows held out.

    Those among them that are trusted are so no longer: no method is to learn from them.

    Parameters
    ----------
    data : TrainingData
    share : float
        Of the rows of each class; of the groups, where rows have many of them.
    random_state : RandomState

    Raises
    ------
    ValueError
        If fewer than two rows would be left.
    """
    if not share:
        return data
    if data.groups is None or len(np.unique(data.groups)) * share < MIN_HELD_OUT_GROUPS:
        held_out = _share_of_classes(data, share, random_state)
    else:
        held_out = _share_of_groups(data.groups, share, random_state)
    n_left = data.n_rows - len(held_out)
    if n_left < 2:
        raise ValueError(
            "The 'holdout' parameter of the method must leave at least two rows to train on. Got "
            f"{share!r}, which leaves {n_left} of {data.n_rows}."
        )
    held_out = _without_lost_classes(held_out, data)
    trusted = data.trusted.copy()
    trusted[held_out] = False
    return replace(data, held_out=held_out, trusted=trusted)


def _share_of_classes(
    data: TrainingData, share: float, random_state: np.random.RandomState
) -> IntArray:
    # Trusted rows apart: of few, a method that learns from them can't spare any.
    strata = data.y + data.n_classes * data.trusted
    order = random_state.permutation(data.n_rows)
    order = order[np.argsort(strata[order], kind="stable")]
    n_trusted = int(data.trusted.sum())
    steps = np.concatenate(
        [np.floor(np.arange(n + 1) * share) for n in (data.n_rows - n_trusted, n_trusted)]
    )
    is_held_out = np.delete(np.diff(steps), data.n_rows - n_trusted) > 0
    return np.sort(order[is_held_out])


def _share_of_groups(
    groups: IntArray, share: float, random_state: np.random.RandomState
) -> IntArray:
    """Return the rows of the groups that come first in a random order, up to a share of all."""
    sizes = np.bincount(groups)
    order = random_state.permutation(np.flatnonzero(sizes))
    reached = np.cumsum(sizes[order])
    chosen = order[: max(1, np.searchsorted(reached, share * len(groups), side="right"))]
    return np.flatnonzero(np.isin(groups, chosen))


def _without_lost_classes(held_out: IntArray, data: TrainingData) -> IntArray:
    """Give back the rows of a class whose rows, or whose trusted rows, would all be held out."""
    for rows in (np.arange(data.n_rows), np.flatnonzero(data.trusted)):
        left = np.setdiff1d(rows, held_out)
        lost = np.setdiff1d(data.y[rows], data.y[left])
        held_out = np.setdiff1d(held_out, rows[np.isin(data.y[rows], lost)])
    return held_out
