"""Which rows to look at, so that a few answers tell about all: strata, their shares, draws."""

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray

N_STRATA = 8
# Rows whose quality leaves no doubt count as if they had this deviation: qualities may be wrong.
LEAST_DEVIATION = 0.3
LEAST_PER_STRATUM = 2
# Of the first rows in the order of suspicion, so many must have been asked about to be a head.
HEAD_SHARE = 0.9


def quality_strata(label_quality: FloatArray, n_strata: int = N_STRATA) -> IntArray:
    """Divide rows by their label quality, finer where it leaves more doubt.

    Every stratum holds the same sum of deviations sqrt(q (1 - q)), each at least 0.3, so that an
    equal number of rows of each tells the most about the share of wrong labels.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
        In [0, 1].
    n_strata : int, default=8

    Returns
    -------
    ndarray of int of shape (n_rows,)
        The number of each row's stratum, 0 the most suspicious one. Some may be empty.

    Examples
    --------
    >>> import numpy as np
    >>> quality_strata(np.array([0.99, 0.5, 0.45, 0.98, 0.02, 0.97, 0.6, 0.99]), 3)
    array([2, 1, 0, 2, 0, 1, 1, 2])
    """
    order = np.argsort(label_quality, kind="stable")
    deviations = _deviations(label_quality)[order]
    middles = np.cumsum(deviations) - deviations / 2
    strata = np.empty(len(label_quality), dtype=np.int64)
    strata[order] = np.minimum(n_strata * middles / deviations.sum(), n_strata - 1).astype(int)
    return strata


def _deviations(rates: FloatArray) -> FloatArray:
    return np.maximum(np.sqrt(rates * (1 - rates)), LEAST_DEVIATION)


def allocate(n: int, sizes: IntArray, error_rates: FloatArray) -> IntArray:
    """Return how many rows of each stratum to draw (Neyman's allocation, with a floor).

    It is in proportion to N sqrt(p (1 - p)), where p is the share of wrong labels and the
    deviation counts as at least 0.3. Every stratum gives two rows if it has them and n allows.

    Parameters
    ----------
    n : int
    sizes : ndarray of int of shape (n_strata,)
        Rows that may be drawn.
    error_rates : ndarray of shape (n_strata,)
        Expected share of wrong labels.

    Returns
    -------
    ndarray of int of shape (n_strata,)
        Their sum is n, or that of the sizes if that is less.

    Examples
    --------
    >>> import numpy as np
    >>> allocate(20, np.array([100, 100, 1]), np.array([0.5, 0.0, 0.5]))
    array([12,  7,  1])
    """
    n = min(n, int(sizes.sum()))
    least = np.minimum(sizes, LEAST_PER_STRATUM)
    if least.sum() > n:
        least = np.zeros_like(least)
    weights = sizes * _deviations(error_rates)
    # The factor of proportion is searched, since strata that are used up leave more to others.
    low, high = 0.0, 1.0
    while _drawn(high, weights, least, sizes).sum() < n:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        too_few = _drawn(middle, weights, least, sizes).sum() < n
        low, high = (middle, high) if too_few else (low, middle)
    wanted = _drawn(high, weights, least, sizes)
    drawn = np.floor(wanted + 1e-9).astype(np.int64)
    largest_rests = np.argsort(drawn - wanted, kind="stable")
    largest_rests = largest_rests[drawn[largest_rests] < sizes[largest_rests]]
    drawn[largest_rests[: n - drawn.sum()]] += 1
    return drawn


def _drawn(factor: float, weights: FloatArray, least: IntArray, sizes: IntArray) -> FloatArray:
    return np.clip(factor * weights, least, sizes)


def draw_stratified(
    n: int,
    strata: IntArray,
    error_rates: FloatArray,
    available: BoolArray,
    random_state: np.random.RandomState,
) -> IntArray:
    """Draw rows by strata, in an order by chance, so that the first few are a sample as well.

    Parameters
    ----------
    n : int
    strata : ndarray of int of shape (n_rows,)
    error_rates : ndarray of shape (n_strata,)
        Expected share of wrong labels of each.
    available : ndarray of bool of shape (n_rows,)
        Rows that may be drawn.
    random_state : RandomState

    Returns
    -------
    ndarray of int of shape (n_drawn,)

    Examples
    --------
    >>> import numpy as np
    >>> strata = np.repeat([0, 1], [10, 90])
    >>> random_state = np.random.RandomState(0)
    >>> rows = draw_stratified(8, strata, np.array([0.5, 0.0]), np.ones(100, bool), random_state)
    >>> np.bincount(strata[rows])
    array([2, 6])
    """
    sizes = np.bincount(strata[available], minlength=len(error_rates))
    drawn = [
        random_state.permutation(np.flatnonzero(available & (strata == stratum)))[:n_of_stratum]
        for stratum, n_of_stratum in enumerate(allocate(n, sizes, error_rates))
    ]
    return random_state.permutation(np.concatenate(drawn))


def reviewed_head(order: IntArray, asked: BoolArray) -> BoolArray:
    """Return the rows of the head of a ranking that a person has been through.

    A person who looks at the most suspicious rows first doesn't draw by chance. What was found
    there tells about these rows only.

    Parameters
    ----------
    order : ndarray of int of shape (n_rows,)
        Rows, the most suspicious first.
    asked : ndarray of bool of shape (n_rows,)
        Rows that a person has looked at.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        True for the longest beginning of the order of which nine tenths were looked at.

    Examples
    --------
    >>> import numpy as np
    >>> reviewed_head(np.array([3, 1, 0, 2]), np.array([False, True, False, True]))
    array([False,  True, False,  True])
    """
    asked_in_order = asked[order]
    enough = np.cumsum(asked_in_order) >= HEAD_SHARE * np.arange(1, len(order) + 1)
    ends = np.flatnonzero(enough & asked_in_order)
    head = np.zeros(len(order), dtype=bool)
    if len(ends):
        head[order[: ends[-1] + 1]] = True
    return head


def poststratified_weights(strata: IntArray, reviewed: BoolArray) -> FloatArray:
    """Return for how many rows of its stratum each reviewed row stands.

    Parameters
    ----------
    strata : ndarray of int of shape (n_rows,)
    reviewed : ndarray of bool of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,)
        Zero for rows that weren't reviewed.

    Examples
    --------
    >>> import numpy as np
    >>> poststratified_weights(np.array([0, 0, 1, 1, 1]), np.array([1, 1, 0, 1, 0], dtype=bool))
    array([1., 1., 0., 3., 0.])
    """
    sizes = np.bincount(strata)
    n_reviewed = np.bincount(strata[reviewed], minlength=len(sizes))
    return np.where(reviewed, (sizes / np.maximum(n_reviewed, 1))[strata], 0.0)


def mean_by_stratum(
    values: FloatArray, strata: IntArray, n_strata: int, *, otherwise: float
) -> FloatArray:
    """Return the mean of each stratum; `otherwise` for those without rows.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
    strata : ndarray of int of shape (n_rows,)
        In 0, ..., n_strata - 1.
    n_strata : int
    otherwise : float

    Returns
    -------
    ndarray of shape (n_strata,)

    Examples
    --------
    >>> import numpy as np
    >>> mean_by_stratum(np.array([0.2, 0.4, 1.0]), np.array([0, 0, 2]), 3, otherwise=0.5)
    array([0.3, 0.5, 1. ])
    """
    sizes = np.bincount(strata, minlength=n_strata)
    totals = np.bincount(strata, weights=values, minlength=n_strata)
    return np.where(sizes > 0, totals / np.maximum(sizes, 1), otherwise)
