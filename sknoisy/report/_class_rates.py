"""How many labels of each class are wrong, at least and at most: pure functions."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from .._typing import BoolArray, FloatArray, IntArray

# Of a standard normal distribution: 90 % lie within.
QUANTILE = 1.645
LEAST_PROBABILITY = 1e-9
LARGEST_SHIFT = 60.0
# Enough rows, evenly spread over the qualities, to find a shift by.
MAX_ROWS = 20_000


class RateInterval(NamedTuple):
    """Ends of a 90 % interval for each class.

    Parameters
    ----------
    low, high : ndarray of shape (n_classes,)
    """

    low: FloatArray
    high: FloatArray


def class_rate_intervals(
    quality: FloatArray,
    codes: IntArray,
    rates: FloatArray,
    *,
    interval: tuple[float, float],
    is_settled: BoolArray | None = None,
) -> RateInterval:
    """Return how many labels of each class are wrong, at least and at most.

    The interval of all labels says that as few, or as many, may be wrong. Then the log-odds of
    every label shift alike, and with them the rate of each class. What chance adds in a class of
    few rows is added on either side.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
        Probability that each label is right.
    codes : ndarray of int of shape (n_rows,)
    rates : ndarray of shape (n_classes,)
        Estimates, which the intervals shall hold.
    interval : (float, float)
        Of the share of wrong labels among all.
    is_settled : ndarray of bool of shape (n_rows,), default=None
        Rows of which it is known whether their label is wrong.

    Returns
    -------
    RateInterval

    Examples
    --------
    >>> import numpy as np
    >>> quality, codes = np.repeat([0.9, 0.6], 100), np.repeat([0, 1], 100)
    >>> low, high = class_rate_intervals(
    ...     quality, codes, np.array([0.1, 0.4]), interval=(0.2, 0.3)
    ... )
    >>> low.round(2), high.round(2)
    (array([0.03, 0.25]), array([0.18, 0.55]))
    """
    settled = np.zeros(len(quality), bool) if is_settled is None else is_settled
    ends = [
        _rates_and_errors(_shifted(quality, settled, target), codes, settled, len(rates))
        for target in interval
    ]
    (low, low_error), (high, high_error) = ends
    return RateInterval(
        np.clip(np.minimum(low - QUANTILE * low_error, rates), 0, 1),
        np.clip(np.maximum(high + QUANTILE * high_error, rates), 0, 1),
    )


def _rates_and_errors(
    quality: FloatArray, codes: IntArray, settled: BoolArray, n_classes: int
) -> tuple[FloatArray, FloatArray]:
    counts = np.maximum(np.bincount(codes, minlength=n_classes), 1)
    rates = np.bincount(codes, 1 - quality, n_classes) / counts
    variances = np.where(settled, 0.0, quality * (1 - quality))
    return rates, np.bincount(codes, variances, n_classes) ** 0.5 / counts


def _shifted(quality: FloatArray, settled: BoolArray, rate: float) -> FloatArray:
    """Return qualities whose log-odds are shifted such that a share of the labels is wrong."""
    open_rows = ~settled
    if not open_rows.any():
        return quality
    wanted = (rate * len(quality) - (1 - quality[settled]).sum()) / open_rows.sum()
    if wanted <= 0 or wanted >= 1:
        return np.where(settled, quality, float(wanted <= 0))
    odds = logit(np.clip(quality[open_rows], LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    probe = odds
    if len(odds) > MAX_ROWS:
        probe = np.quantile(odds, (np.arange(MAX_ROWS) + 0.5) / MAX_ROWS)
    shift = brentq(
        lambda by: expit(-(probe + by)).mean() - wanted, -LARGEST_SHIFT, LARGEST_SHIFT, xtol=1e-6
    )
    shifted = quality.copy()
    shifted[open_rows] = expit(odds + shift)
    return shifted
