"""From label quality to a verdict: pure functions on arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

__all__ = [
    "contamination_threshold",
    "estimate_transition_matrix",
    "flag_share",
    "judge_labels",
    "label_margins",
    "moved_to_quantiles",
    "order_by_suspicion",
    "quality_of_margins",
    "quality_scale",
    "quantile_map",
    "weights_of_quality",
]

# A threshold set by a share keeps this distance from 0 and 1, where rows may be many.
EDGE = 1e-9
MAX_KNOTS_PER_SIDE = 100
# Knots keep a distance from 0 and 1 that slopes between them can be computed with.
MARGIN_RANGE = 1e-280, 1 - 2**-53
# What is looked at together, so that no copy of all probabilities is made.
BLOCK_ROWS = 2**16
# How much of the scale is straight between its anchors, so that it rises where qualities tie.
STRAIGHT_SHARE = 0.01
# Rows of the least quality still count a little in a weighted training.
LEAST_WEIGHT = 0.01


def contamination_threshold(
    label_quality: ArrayLike, contamination: float, *, judged: ArrayLike | None = None
) -> float:
    """Return the threshold below which the given share of rows lies.

    Parameters
    ----------
    label_quality : array-like of shape (n_rows,)
        In [0, 1].
    contamination : float in (0, 1)
        Share of the judged rows to flag.
    judged : array-like of bool of shape (n_rows,), default=None
        Rows that count; None: all.

    Returns
    -------
    float
        In [0, 1]. Rows that tie with the first one above the threshold aren't below it.

    Examples
    --------
    >>> float(contamination_threshold([0.1, 0.9, 0.4, 0.8], 0.5))
    0.8
    """
    label_quality = np.asarray(label_quality, dtype=float)
    if judged is not None:
        label_quality = label_quality[np.asarray(judged)]
    ordered = np.sort(label_quality)
    return _threshold_above(ordered, round(contamination * len(ordered)))


def _threshold_above(ordered: NDArray[np.floating], n_flagged: int) -> float:
    """Return a threshold in [0, 1] with the first `n_flagged` of ordered qualities below it."""
    if not n_flagged:
        return float(ordered[0]) if len(ordered) else 0.0
    if n_flagged >= len(ordered):
        return float(min(np.nextafter(ordered[-1], 2), 1.0))
    threshold = ordered[n_flagged]
    # At 0 nothing could ever be below it, and at 1 no new row could be above it.
    if threshold == 0:
        positive = ordered[ordered > 0]
        return float(min(EDGE, positive[0])) if len(positive) else EDGE
    if threshold == 1:
        below = ordered[ordered < 1]
        return float(max(1 - EDGE, np.nextafter(below[-1], 2))) if len(below) else 1 - EDGE
    return float(threshold)


def order_by_suspicion(
    label_quality: NDArray[np.floating], margins: NDArray[np.floating] | None = None
) -> NDArray[np.integer]:
    """Return the rows from the most suspicious on: by quality, then margin, then row number.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
    margins : ndarray of shape (n_rows,), default=None
        What the net says of the label; None: not known.

    Returns
    -------
    ndarray of int of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> order_by_suspicion(np.array([0.5, 0.5, 0.1]), np.array([0.9, 0.2, 1.0]))
    array([2, 1, 0])
    """
    if margins is None:
        return np.argsort(label_quality, kind="stable")
    return np.lexsort((margins, label_quality))


def flag_share(
    label_quality: NDArray[np.floating],
    contamination: float,
    *,
    codes: NDArray[np.integer],
    trusted: NDArray[np.bool_] | None = None,
    margins: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.bool_], float]:
    """Judge a share of the untrusted rows wrong: the most suspicious ones.

    Rows of equal quality are told apart by their margins, then by row number. Every class
    keeps at least one row, its best; the next suspicious row takes that one's place.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
        In [0, 1].
    contamination : float in (0, 1)
        Share of the untrusted rows to flag.
    codes : ndarray of int of shape (n_rows,)
        Given labels as codes 0, 1, ...
    trusted : ndarray of bool of shape (n_rows,), default=None
    margins : ndarray of shape (n_rows,), default=None

    Returns
    -------
    noise_mask : ndarray of bool of shape (n_rows,)
    threshold : float
        In [0, 1]. Rows are flagged if their quality is below it, but for those that tie with it
        and for the rows that classes keep.

    Examples
    --------
    >>> import numpy as np
    >>> quality, margins = np.array([0.2, 0.2, 0.2, 0.2, 0.9]), np.array([0.6, 0.1, 0.7, 0.3, 0.8])
    >>> flag_share(quality, 0.4, codes=np.array([0, 0, 1, 1, 1]), margins=margins)
    (array([False,  True, False,  True, False]), 0.2)
    """
    trusted = np.zeros(len(codes), dtype=bool) if trusted is None else trusted
    order = order_by_suspicion(label_quality, margins)
    best_first = order[::-1]
    classes, first = np.unique(codes[best_first], return_index=True)
    has_trusted = np.isin(classes, codes[trusted])
    open_to_doubt = ~trusted
    open_to_doubt[best_first[first[~has_trusted]]] = False
    candidates = order[open_to_doubt[order]]
    n_flagged = round(contamination * np.sum(~trusted))
    mask = np.zeros(len(codes), dtype=bool)
    mask[candidates[:n_flagged]] = True
    return mask, _threshold_above(label_quality[candidates], n_flagged)


def label_margins(
    probabilities: NDArray[np.floating], codes: NDArray[np.integer]
) -> NDArray[np.floating]:
    """Return p(given class) / (p(given class) + p(best other class)) of each row.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
    codes : ndarray of int of shape (n_rows,)
        Given labels as codes 0, 1, ...

    Returns
    -------
    ndarray of shape (n_rows,)
        In [0, 1]; below one half where another class is likelier.

    Examples
    --------
    >>> import numpy as np
    >>> label_margins(np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]]), np.array([0, 2])).round(2)
    array([0.67, 0.14])
    """
    given = probabilities[np.arange(len(codes)), codes]
    best_other = np.empty_like(given)
    for start in range(0, len(codes), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        others = probabilities[rows].copy()
        others[np.arange(len(others)), codes[rows]] = 0
        best_other[rows] = others.max(axis=1)
    return given / np.maximum(given + best_other, np.finfo(float).tiny)


def quality_scale(
    margins: NDArray[np.floating], label_quality: NDArray[np.floating], anchor: tuple[float, float]
) -> NDArray[np.floating]:
    """Return the knots of a function that brings margins to the scale of the label quality.

    It is piecewise linear, rises from (0, 0) through the anchor to (1, 1), and matches quantiles:
    as many of the rows lie below a margin as below the quality that it is brought to, on each
    side of the anchor for itself. It is straight on a side without rows. A hundredth of it is
    straight everywhere, so that margins keep their order where many rows are of one quality.

    Parameters
    ----------
    margins, label_quality : ndarrays of shape (n_rows,)
        Of rows that both are known of, in [0, 1].
    anchor : (float, float)
        Margin and quality of the border between right and wrong labels, the quality in (0, 1).

    Returns
    -------
    ndarray of shape (2, n_knots)
        Margins, strictly rising, and the qualities that they are brought to.

    Examples
    --------
    >>> import numpy as np
    >>> margins = np.array([0.1, 0.3, 0.8, 0.9])
    >>> quality_scale(margins, margins, (0.5, 0.5)).round(2)
    array([[0. , 0.1, 0.3, 0.5, 0.8, 0.9, 1. ],
           [0. , 0.1, 0.3, 0.5, 0.8, 0.9, 1. ]])
    >>> quality_scale(margins, np.array([0.05, 0.2, 0.3, 0.7]), (0.5, 0.2)).round(2)
    array([[0.  , 0.2 , 0.5 , 0.8 , 0.9 , 1.  ],
           [0.  , 0.05, 0.2 , 0.23, 0.6 , 1.  ]])
    """
    anchor = np.clip(anchor[0], *MARGIN_RANGE), anchor[1]
    below = margins < anchor[0], label_quality < anchor[1]
    sides = [
        _matched_knots(margins[below[0]], label_quality[below[1]], (0.0, 0.0), anchor),
        _matched_knots(margins[~below[0]], label_quality[~below[1]], anchor, (1.0, 1.0)),
    ]
    corners = [np.array(corner)[:, None] for corner in ((0.0, 0.0), anchor, (1.0, 1.0))]
    return np.hstack([corners[0], sides[0], corners[1], sides[1], corners[2]])


def _matched_knots(
    margins: NDArray[np.floating],
    label_quality: NDArray[np.floating],
    start: tuple[float, float],
    end: tuple[float, float],
) -> NDArray[np.floating]:
    """Return the knots between two corners."""
    n_knots = min(MAX_KNOTS_PER_SIDE, len(margins), len(label_quality))
    if not n_knots:
        return np.empty((2, 0))
    levels = (np.arange(n_knots) + 0.5) / n_knots
    x, y = (_quantiles(values, levels) for values in (margins, label_quality))
    inside = (x > max(start[0], MARGIN_RANGE[0])) & (x < end[0])
    x, which = np.unique(x[inside], return_inverse=True)
    if not len(x):
        return np.empty((2, 0))
    y = np.bincount(which, weights=y[inside]) / np.bincount(which)
    straight = np.interp(x, (start[0], end[0]), (start[1], end[1]))
    return np.stack([x, (1 - STRAIGHT_SHARE) * y + STRAIGHT_SHARE * straight])


def _quantiles(values: NDArray[np.floating], levels: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.quantile(values, levels, method="hazen")


def quality_of_margins(
    margins: NDArray[np.floating], knots: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Bring margins of new rows to the scale of the label quality.

    Parameters
    ----------
    margins : ndarray of shape (n_rows,)
    knots : ndarray of shape (2, n_knots)
        As `quality_scale` returns them.

    Returns
    -------
    ndarray of shape (n_rows,)
        In [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> knots = quality_scale(np.empty(0), np.empty(0), (0.5, 0.2))
    >>> quality_of_margins(np.array([0.0, 0.25, 0.5, 0.75]), knots)
    array([0. , 0.1, 0.2, 0.6])
    """
    return np.interp(margins, *knots)


def moved_to_quantiles(
    label_quality: NDArray[np.floating], moved_rows: NDArray[np.integer]
) -> NDArray[np.floating]:
    """Bring the quality of some rows to the scale of the others, keeping their order.

    A model that has learnt a row's label judges it more kindly than one that hasn't, so rows that
    a training left out look worse than they are. Both carry equally many wrong labels: the rows
    left out get the quantiles of the others.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
    moved_rows : ndarray of int

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> quality = np.array([0.2, 0.4, 0.6, 0.8, 0.1, 0.3])
    >>> moved_to_quantiles(quality, np.array([4, 5])).round(2)
    array([0.2, 0.4, 0.6, 0.8, 0.3, 0.7])
    """
    moved = np.array(label_quality, dtype=float)
    others = np.delete(moved, moved_rows)
    if len(moved_rows) and len(others):
        levels = (rankdata(moved[moved_rows]) - 0.5) / len(moved_rows)
        moved[moved_rows] = _quantiles(others, levels)
    return moved


def quantile_map(
    label_quality: NDArray[np.floating], reference: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the rising function that brings one quality to the quantiles of another.

    It does for rows yet to come what `moved_to_quantiles` does for those at hand. It leads from 0
    to 0 and from 1 to 1, so that rows beyond all that were seen keep their order.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
        In [0, 1], of rows like those to come.
    reference : ndarray of shape (n_others,)
        In [0, 1], of rows with equally many wrong labels.

    Returns
    -------
    ndarray of shape (2, n_knots)
        The values before, rising, and those after, for `numpy.interp`.

    Examples
    --------
    >>> import numpy as np
    >>> knots = quantile_map(np.array([0.1, 0.3]), np.array([0.2, 0.4, 0.6, 0.8]))
    >>> np.interp([0.0, 0.1, 0.2, 0.3, 1.0], *knots).round(2)
    array([0. , 0.3, 0.5, 0.7, 1. ])
    """
    before, counts = np.unique(label_quality, return_counts=True)
    levels = (np.cumsum(counts) - counts / 2) / counts.sum()
    inside = (before > 0) & (before < 1)
    after = _quantiles(np.asarray(reference, dtype=float), levels[inside])
    return np.array([[0.0, *before[inside], 1.0], [0.0, *after, 1.0]])


def weights_of_quality(label_quality: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the weight of each row in training: it rises steeply where the quality is one half.

    A flatter rise, such as in proportion to the quality, leaves wrong labels enough weight to be
    learnt by boosted trees; docs/decisions/0047.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,)
        In [0.01, 1].

    Examples
    --------
    >>> import numpy as np
    >>> weights_of_quality(np.array([0.0, 0.25, 0.5, 0.9]))
    array([0.01, 0.01, 0.5 , 1.  ])
    """
    return np.clip(4 * label_quality - 1.5, LEAST_WEIGHT, 1)


def judge_labels(
    label_quality: NDArray[np.floating],
    threshold: float,
    *,
    codes: NDArray[np.integer],
    trusted: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return which labels are judged wrong: quality below the threshold.

    Trusted rows are never judged wrong, and every class keeps at least its best row, since a
    class without rows can't be learnt.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
    threshold : float
    codes : ndarray of int of shape (n_rows,)
        Given labels as codes 0, 1, ...
    trusted : ndarray of bool of shape (n_rows,), default=None

    Returns
    -------
    ndarray of bool of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> judge_labels(np.array([0.1, 0.9, 0.4, 0.3]), 0.5, codes=np.array([0, 0, 1, 1]))
    array([ True, False, False,  True])
    """
    mask = label_quality < threshold
    if trusted is not None:
        mask &= ~trusted
    order = np.lexsort((label_quality, codes))
    last_of_class = np.flatnonzero(np.append(np.diff(codes[order]) > 0, True))
    best = order[last_of_class]
    kept = np.bincount(codes, weights=~mask)[codes[best]]
    mask[best[kept == 0]] = False
    return mask


def estimate_transition_matrix(
    codes: NDArray[np.integer],
    alternatives: NDArray[np.integer],
    label_quality: NDArray[np.floating],
    n_classes: int,
) -> NDArray[np.floating]:
    """Estimate P(given class j | true class i) from the rows' label quality.

    Each row counts with its quality for its given class as the true one, and with the rest for
    the best other class.

    Parameters
    ----------
    codes, alternatives : ndarray of int of shape (n_rows,)
        Given class and best other class of each row.
    label_quality : ndarray of shape (n_rows,)
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one; a class that is nobody's true class has a one on the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> estimate_transition_matrix(
    ...     np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([1, 1, 1, 0.0]), 2
    ... ).round(2)
    array([[0.67, 0.33],
           [0.  , 1.  ]])
    """
    matrix = np.zeros((n_classes, n_classes))
    np.add.at(matrix, (codes, codes), label_quality)
    np.add.at(matrix, (alternatives, codes), 1 - label_quality)
    totals = matrix.sum(axis=1, keepdims=True)
    return np.where(totals > 0, matrix / np.where(totals > 0, totals, 1), np.eye(n_classes))
