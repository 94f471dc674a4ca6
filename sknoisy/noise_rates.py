"""How many labels are wrong, and how likely each one is right: pure functions on arrays.

What a model contradicts is overlap of the classes, or its own ignorance, or error. From the labels
alone these can't be told apart for certain. Rows left out of training tell most: error is spread
over sure and unsure predictions alike, and overlap shows where the model is unsure.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, softmax
from scipy.stats import beta

__all__ = [
    "NoiseRate",
    "ScoreCalibration",
    "calibrate_to_rate",
    "calibrated_quality",
    "class_rate_intervals",
    "estimate_noise_rate",
    "share_intervals",
]

N_RATES = 61
N_TEMPERATURES = 33
SHARPNESS_RANGE = 0.3, 6.0
# More rows than these cost time and tell little more.
MAX_ROWS = 4000
LEAST_PROBABILITY = 1e-6
COVERAGE = 0.9
# Between overlap and error, which fit equally well, the prior prefers error: the probabilities of
# a model that has learnt wrong labels already hold them as if they were overlap.
PREFERENCE_FOR_ERROR = 2
PRIOR_CONFUSIONS = 2.0
# How much faster the log-odds of a right label grow than those of the label quality by a method.
# How much faster the log-odds of a right label grow than those of the label quality by a method,
# at most, and how far apart they may lie in the middle four fifths of the rows.
MAX_SLOPE = 3.0
MAX_SPREAD = 12.0
MIN_KNOWN_RIGHT = 20
LEAST_SCORE = 1e-15


class NoiseRate(NamedTuple):
    """Share of wrong labels.

    Parameters
    ----------
    rate : float
        Estimate.
    low, high : float
        Ends of the 90 % interval.
    pessimistic : float
        Estimate under the form of error that leaves least to overlap.
    """

    rate: float
    low: float
    high: float
    pessimistic: float


def estimate_noise_rate(
    probabilities: ArrayLike,
    codes: ArrayLike,
    *,
    known_right: ArrayLike | None = None,
    confusions: ArrayLike | None = None,
) -> NoiseRate:
    r"""Estimate the share of wrong labels from predictions of rows that were left out of training.

    A label is right with probability :math:`1 - e` and then drawn from the sharpened
    prediction :math:`s \propto p^\tau`, or wrong and then another class:

    .. math:: P(\tilde y_i) = (1 - e)\, s_{i \tilde y_i} + e \sum_k s_{ik} R_{k \tilde y_i}

    Two forms of :math:`R` are compared, all other classes alike, and in proportion to
    `confusions`. The estimate is the mean of their posterior means, under flat priors
    of :math:`e` and of :math:`\log \tau`, weighed by :math:`\tau^2`. The interval reaches from what
    only error explains, the lower end of the posterior under the first form, to all that is
    contradicted.

    Parameters
    ----------
    probabilities : array-like of shape (n_rows, n_classes)
        Predictions by a model that hasn't learnt these rows.
    codes : array-like of int of shape (n_rows,)
        Given labels as codes 0, 1, ...
    known_right : array-like of bool of shape (n_rows,), default=None
        Rows whose labels are known to be right. They tell how much is overlap, and aren't counted.
    confusions : array-like of shape (n_classes, n_classes), default=None
        How often rows predicted as the class of the row are given the class of the column.

    Returns
    -------
    NoiseRate

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.repeat([0, 1, 2], 30)
    >>> predicted = codes.copy()
    >>> predicted[::5] = (codes[::5] + 1) % 3
    >>> estimate = estimate_noise_rate(np.eye(3)[predicted] * 0.9 + 0.1 / 3, codes)
    >>> print(f"{estimate.rate:.2f}, between {estimate.low:.2f} and {estimate.high:.2f}")
    0.20, between 0.13 and 0.28
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(codes)
    right = np.zeros(len(y), bool) if known_right is None else np.asarray(known_right)
    if len(y) > MAX_ROWS:
        rows = np.linspace(0, len(y) - 1, MAX_ROWS).round().astype(int)
        p, y, right = p[rows], y[rows], right[rows]
    n_classes = p.shape[1]
    rates = np.linspace(0, 1 - 1 / n_classes, N_RATES)
    even = _posterior(p, y, right, rates, _other_classes(n_classes))
    structured = even
    if confusions is not None and n_classes > 2:
        structured = _posterior(p, y, right, rates, _directions(confusions))
    estimates = float(even @ rates), float(structured @ rates)
    rate = sum(estimates) / 2
    tail = (1 - COVERAGE) / 2
    low = _quantile(rates, even, tail)
    high = _most_contradicted(p[~right], y[~right], tail)
    if right.sum() >= MIN_KNOWN_RIGHT:
        high = min(high, max(_quantile(rates, each, 1 - tail) for each in (even, structured)))
    return NoiseRate(rate, min(low, rate), max(high, rate), max(estimates))


def _other_classes(n_classes: int) -> NDArray[np.floating]:
    """Return R for errors that take any other class alike."""
    return (1 - np.eye(n_classes)) / (n_classes - 1)


def _directions(confusions: ArrayLike) -> NDArray[np.floating]:
    """Return R for errors in proportion to what a model contradicts."""
    counts = np.array(confusions, dtype=float)
    counts += PRIOR_CONFUSIONS / (len(counts) - 1)
    np.fill_diagonal(counts, 0)
    return counts / counts.sum(axis=1, keepdims=True)


def _posterior(
    p: NDArray[np.floating],
    codes: NDArray[np.integer],
    right: NDArray[np.bool_],
    rates: NDArray[np.floating],
    error: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return the posterior probabilities of the rates, the temperature integrated out."""
    rows, logarithms = np.arange(len(codes)), np.log(np.maximum(p, LEAST_PROBABILITY))
    into_given = error[:, codes].T
    # Where a label is known to be right, the rate has no part.
    shares = np.where(right[:, None], 0.0, rates)
    least, most = np.log(SHARPNESS_RANGE)
    log_sharpness = np.linspace(least, most, N_TEMPERATURES)
    log_joint = np.empty((N_TEMPERATURES, len(rates)))
    for each, sharpness in zip(log_joint, np.exp(log_sharpness), strict=True):
        sharpened = softmax(sharpness * logarithms, axis=1)
        as_right = sharpened[rows, codes][:, None]
        as_wrong = (sharpened * into_given).sum(axis=1)[:, None]
        likelihoods = (1 - shares) * as_right + shares * as_wrong
        each[:] = np.log(np.maximum(likelihoods, np.finfo(float).tiny)).sum(axis=0)
    log_joint += PREFERENCE_FOR_ERROR * log_sharpness[:, None]
    return softmax(log_joint).sum(axis=0)


def _quantile(rates: NDArray[np.floating], posterior: NDArray[np.floating], level: float) -> float:
    reached = int(np.searchsorted(np.cumsum(posterior), level))
    return float(rates[min(reached, len(rates) - 1)])


def _most_contradicted(p: NDArray[np.floating], codes: NDArray[np.integer], tail: float) -> float:
    """Return the upper end of Jeffreys' interval of the share of contradicted labels."""
    n_contradicted = np.sum(p.argmax(axis=1) != codes)
    return float(beta.ppf(1 - tail, n_contradicted + 0.5, len(codes) - n_contradicted + 0.5))


class ScoreCalibration(NamedTuple):
    """Straight line from the log-odds of a method's score to those of a right label.

    Parameters
    ----------
    slope, intercept : float
    """

    slope: float
    intercept: float


def calibrate_to_rate(scores: ArrayLike, rate: float) -> ScoreCalibration:
    """Return the calibration by which so many labels are expected to be wrong.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Label quality by a method, in [0, 1].
    rate : float
        Share of wrong labels among these rows.

    Returns
    -------
    ScoreCalibration
        For `calibrated_quality`.
    """
    log_odds = _log_odds(scores)
    low, high = np.quantile(log_odds, [0.1, 0.9])
    slope = min(MAX_SLOPE, MAX_SPREAD / max(high - low, 1e-9))
    log_odds = slope * log_odds
    least = 0.5 / len(log_odds)
    rate = min(max(rate, least), 1 - least)
    end = 1 + np.abs(log_odds).max() + abs(logit(rate))
    intercept = brentq(lambda shift: expit(-log_odds - shift).mean() - rate, -end, end)
    return ScoreCalibration(slope, float(intercept))


def calibrated_quality(scores: ArrayLike, calibration: ScoreCalibration) -> NDArray[np.floating]:
    """Return the probability that each label is right.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Label quality by a method, in [0, 1].
    calibration : ScoreCalibration
        From `calibrate_to_rate`.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([0.1, 0.4, 0.6, 0.9, 0.95])
    >>> quality = calibrated_quality(scores, calibrate_to_rate(scores, 0.1))
    >>> print(quality.round(2), (1 - quality).mean().round(2))
    [0.51 0.99 1.   1.   1.  ] 0.1
    """
    return expit(calibration.slope * _log_odds(scores) + calibration.intercept)


def _log_odds(scores: ArrayLike) -> NDArray[np.floating]:
    return logit(np.clip(np.asarray(scores, dtype=float), LEAST_SCORE, 1 - LEAST_SCORE))


def share_intervals(
    n_wrong: ArrayLike, n_rows: ArrayLike, *, coverage: float = COVERAGE
) -> NDArray[np.floating]:
    """Return Jeffreys' intervals of shares, each by its count among so many rows.

    Parameters
    ----------
    n_wrong : array-like of shape (n_shares,)
        Counts, or expected counts. Less than half a row counts as none.
    n_rows : array-like of shape (n_shares,)
    coverage : float, default=0.9

    Returns
    -------
    ndarray of shape (n_shares, 2)
        From 0 where no row is counted, to 1 where all are.

    Examples
    --------
    >>> share_intervals([0, 5], [50, 50]).round(2)
    array([[0.  , 0.04],
           [0.05, 0.19]])
    """
    wrong, rows = (np.asarray(each, dtype=float) for each in (n_wrong, n_rows))
    right = np.maximum(rows - wrong, 0.0)
    tail = (1 - coverage) / 2
    low, high = (beta.ppf(level, wrong + 0.5, right + 0.5) for level in (tail, 1 - tail))
    return np.stack([np.where(wrong >= 0.5, low, 0.0), np.where(right >= 0.5, high, 1.0)], axis=-1)


def class_rate_intervals(
    errors: tuple[ArrayLike, ArrayLike], codes: ArrayLike, known: ArrayLike
) -> NDArray[np.floating]:
    """Return intervals of the share of wrong labels in each class.

    Two doubts add up: how many labels are wrong at all, and which. A bound begins with the errors
    expected in the class if as few, or as many, labels of all classes are wrong as is plausible.
    It then goes on to that of Jeffreys' interval of such a count, so that classes with few rows
    have wide intervals.

    Parameters
    ----------
    errors : (low, high), array-likes of shape (n_rows,)
        How likely each label is wrong, under the lowest and the highest plausible rate.
    codes : array-like of int of shape (n_rows,)
        Given labels as codes 0, 1, ...
    known : array-like of bool of shape (n_rows,)
        Rows whose errors are known to be 0 or 1, and leave no doubt.

    Returns
    -------
    ndarray of shape (n_classes, 2)

    Examples
    --------
    >>> import numpy as np
    >>> codes, known = np.repeat([0, 1], [200, 20]), np.zeros(220, dtype=bool)
    >>> class_rate_intervals((np.full(220, 0.1), np.full(220, 0.2)), codes, known).round(2)
    array([[0.07, 0.25],
           [0.03, 0.37]])
    """
    classes, settled = np.asarray(codes), np.asarray(known)
    n_rows = np.bincount(classes)
    n_open = np.bincount(classes[~settled], minlength=len(n_rows))
    bounds = []
    for bound, values in enumerate(errors):
        expected = np.bincount(classes, np.where(settled, 0.0, values))
        n_known = np.bincount(classes, np.where(settled, values, 0.0))
        share = share_intervals(np.minimum(expected, n_open), n_open)[:, bound]
        bounds.append((n_known + n_open * share) / np.maximum(n_rows, 1))
    return np.stack(bounds, axis=1)
