"""How many labels are wrong, as a sample tells: an interval that holds where none was found."""

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray

# The expected share of wrong labels counts like the answers for so many rows of a stratum.
PRIOR_ROWS = 1.0
# At the bounds so much of a row more is taken to be wrong, or right, since it may be expected too
# surely.
DOUBT = 0.2
PROBABILITY_RANGE = 1e-4, 1 - 1e-4


def simulate_noise_rates(
    strata: IntArray,
    reviewed: BoolArray,
    is_wrong: BoolArray,
    expected_errors: FloatArray,
    random_state: np.random.RandomState,
    *,
    doubt: float = 0.0,
) -> FloatArray:
    """Return shares of wrong labels that a stratified sample leaves possible.

    Reviewed rows are known. In each stratum the share of the others has a beta distribution,
    whose weak prior lies where the calibrated quality expects it. So a stratum in which none of
    a few rows was wrong isn't taken for one without wrong labels, as by a normal approximation.

    Parameters
    ----------
    strata : ndarray of int of shape (n_rows,)
    reviewed, is_wrong : ndarrays of bool of shape (n_rows,)
        `is_wrong` means something for reviewed rows only.
    expected_errors : ndarray of shape (n_draws, n_strata)
        Expected share of wrong labels among the rows of each stratum that weren't reviewed.
    random_state : RandomState
    doubt : float, default=0
        What counts in each stratum as reviewed in addition: rows that are wrong, or right if it is
        negative.

    Returns
    -------
    ndarray of shape (n_draws,)

    Examples
    --------
    >>> import numpy as np
    >>> strata, reviewed = np.repeat([0, 1], [20, 180]), np.zeros(200, dtype=bool)
    >>> reviewed[:20] = reviewed[100:130] = True
    >>> is_wrong = np.arange(200) < 10
    >>> expected_errors = np.tile([0.5, 0.02], (2000, 1))
    >>> rates = simulate_noise_rates(
    ...     strata, reviewed, is_wrong, expected_errors, np.random.RandomState(0)
    ... )
    >>> float(rates.min()), float(rates.mean().round(3))
    (0.05, 0.051)
    """
    n_draws, n_strata = expected_errors.shape
    n_wrong = np.full(n_draws, float(np.sum(reviewed & is_wrong)))
    sizes = np.bincount(strata, minlength=n_strata)
    n_reviewed = np.bincount(strata[reviewed], minlength=n_strata)
    n_found = np.bincount(strata[reviewed & is_wrong], minlength=n_strata)
    n_right = n_reviewed - n_found
    for stratum in np.flatnonzero(sizes > n_reviewed):
        expected = np.clip(expected_errors[:, stratum], *PROBABILITY_RANGE)
        shares = expected
        if n_reviewed[stratum]:
            shares = random_state.beta(
                n_found[stratum] + max(doubt, 0) + PRIOR_ROWS * expected,
                n_right[stratum] + max(-doubt, 0) + PRIOR_ROWS * (1 - expected),
            )
        n_wrong += random_state.binomial(sizes[stratum] - n_reviewed[stratum], shares)
    return n_wrong / len(strata)


def noise_rate_interval(
    strata: IntArray,
    reviewed: BoolArray,
    is_wrong: BoolArray,
    expected_errors: FloatArray,
    random_state: np.random.RandomState,
    *,
    coverage: float = 0.9,
) -> FloatArray:
    """Return the interval in which the share of wrong labels lies with a given probability.

    Its lower bound is that of slightly better answers, its upper bound that of slightly worse
    ones. Where no wrong label was found it begins at zero.

    Parameters
    ----------
    strata, reviewed, is_wrong, expected_errors : ndarray
        As `simulate_noise_rates` takes them.
    random_state : RandomState
    coverage : float, default=0.9

    Returns
    -------
    ndarray of shape (2,)

    Examples
    --------
    >>> import numpy as np
    >>> strata, reviewed = np.zeros(500, dtype=int), np.arange(500) < 50
    >>> nothing_found, expected_errors = np.zeros(500, dtype=bool), np.full((2000, 1), 0.02)
    >>> noise_rate_interval(
    ...     strata, reviewed, nothing_found, expected_errors, np.random.RandomState(0)
    ... ).round(2)
    array([0.  , 0.02])
    """
    sample = strata, reviewed, is_wrong, expected_errors, random_state
    low = np.quantile(simulate_noise_rates(*sample, doubt=-DOUBT), (1 - coverage) / 2)
    high = np.quantile(simulate_noise_rates(*sample, doubt=DOUBT), (1 + coverage) / 2)
    return np.array([low if np.any(reviewed & is_wrong) else 0.0, high])
