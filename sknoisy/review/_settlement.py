"""Everything that follows from a review, from the quality before it and all answers together."""

from dataclasses import dataclass

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray
from ._calibration import Calibration, fit_calibration
from ._interval import noise_rate_interval, simulate_noise_rates
from ._sampling import poststratified_weights, quality_strata, reviewed_head

N_DRAWS = 2000
# The mean of a function over a stratum is taken at so many of its rows.
MAX_ROWS_PER_MEAN = 50
# Where nobody has looked, so much of the errors that are expected may be there.
UNSEEN_SHARES = 0.0, 1.2
# The same answers always give the same interval.
SEED = 0


@dataclass(frozen=True)
class Settlement:
    """What a review tells.

    Parameters
    ----------
    calibration : Calibration
        Brings label qualities from before the review to probabilities.
    noise_rate : float
        Estimated share of wrong labels.
    noise_rate_interval : ndarray of shape (2,)
        Where it lies with a probability of 90 %.
    n_sampled : int
        Reviewed rows outside the head of the ranking. Only these tell about the rows that weren't
        looked at.
    """

    calibration: Calibration
    noise_rate: float
    noise_rate_interval: FloatArray
    n_sampled: int


def settle_review(
    label_quality: FloatArray,
    order: IntArray,
    reviewed: BoolArray,
    is_wrong: BoolArray,
    *,
    asked: BoolArray | None = None,
    coverage: float = 0.9,
) -> Settlement:
    """Calibrate the label quality, and estimate the noise rate, by the rows that were reviewed.

    Nothing is asked about how the rows were chosen. The head of the order of suspicion that
    was looked at as a whole is a stratum of its own; of the other rows, those reviewed count as
    drawn by chance from their stratum of quality.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
        From before the review.
    order : ndarray of int of shape (n_rows,)
        Rows in the order of suspicion before the review.
    reviewed, is_wrong : ndarrays of bool of shape (n_rows,)
        `is_wrong` means something for reviewed rows only.
    asked : ndarray of bool of shape (n_rows,), default=None
        Rows looked at: those reviewed, and those that a person couldn't decide. None: the former.
    coverage : float, default=0.9
        Of the interval.

    Returns
    -------
    Settlement

    Examples
    --------
    >>> import numpy as np
    >>> quality, is_wrong = np.linspace(0, 1, 400), np.arange(400) < 80
    >>> reviewed = np.arange(400) % 5 == 0
    >>> settled = settle_review(quality, np.arange(400), reviewed, is_wrong)
    >>> round(settled.noise_rate, 2), settled.noise_rate_interval.round(2)
    (0.19, array([0.17, 0.24]))
    """
    strata = quality_strata(label_quality)
    n_strata = int(strata.max()) + 2
    head = reviewed_head(order, reviewed if asked is None else asked)
    strata[head] = n_strata - 1
    weights = poststratified_weights(strata, reviewed)
    calibration = fit_calibration(label_quality[reviewed], ~is_wrong[reviewed], weights[reviewed])
    random_state = np.random.RandomState(SEED)
    expected = _expected_errors(
        calibration, label_quality, strata, reviewed, n_strata, random_state
    )
    sample = strata, reviewed, is_wrong, expected, random_state
    noise_rate = float(simulate_noise_rates(*sample).mean())
    interval = noise_rate_interval(*sample, coverage=coverage)
    return Settlement(calibration, noise_rate, interval, int(np.sum(reviewed & ~head)))


def _expected_errors(
    calibration: Calibration,
    label_quality: FloatArray,
    strata: IntArray,
    reviewed: BoolArray,
    n_strata: int,
    random_state: np.random.RandomState,
) -> FloatArray:
    """Return the share of wrong labels expected in each stratum, shape (n_draws, n_strata).

    Where nobody has looked, a calibration by other rows may be far off. The share may then be
    anything up to a little more than it or the quality from before the review expects.
    """
    expected = np.full((N_DRAWS, n_strata), 0.5)
    normal_draws = random_state.standard_normal((N_DRAWS, 2))
    share = random_state.uniform(*UNSEEN_SHARES, size=N_DRAWS)
    for stratum in range(n_strata):
        in_stratum = strata == stratum
        quality = np.sort(label_quality[in_stratum & ~reviewed])
        if len(quality):
            n_rows = min(len(quality), MAX_ROWS_PER_MEAN)
            rows = ((np.arange(n_rows) + 0.5) * len(quality) / n_rows).astype(int)
            errors = 1 - calibration.sampled(quality[rows], normal_draws).mean(axis=1)
            if not np.any(in_stratum & reviewed):
                errors = np.minimum(share * np.maximum(errors, np.mean(1 - quality)), 1.0)
            expected[:, stratum] = errors
    return expected
