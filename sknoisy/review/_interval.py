"""How many labels are wrong, as a sample tells: an interval that holds where none was found."""

import numpy as np

from .._typing import BoolArray, FloatArray, IntArray

# The expected share of wrong labels counts like the answers for so many rows of a stratum.
PRIOR_ROWS = 1.0
# And for each of both outcomes this much more, since it may be expected too surely.
PRIOR_DOUBT = 0.1
PROBABILITY_RANGE = 1e-4, 1 - 1e-4


def simulate_noise_rates(
    strata: IntArray,
    reviewed: BoolArray,
    is_wrong: BoolArray,
    expected_errors: FloatArray,
    random_state: np.random.RandomState,
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
    >>> noise_rate_interval(rates, 10 / 200).round(2)
    array([0.05, 0.06])
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
                n_found[stratum] + PRIOR_DOUBT + PRIOR_ROWS * expected,
                n_right[stratum] + PRIOR_DOUBT + PRIOR_ROWS * (1 - expected),
            )
        n_wrong += random_state.binomial(sizes[stratum] - n_reviewed[stratum], shares)
    return n_wrong / len(strata)


def noise_rate_interval(rates: FloatArray, share_found: float, coverage: float = 0.9) -> FloatArray:
    """Return the bounds of the central share of possible noise rates.

    Parameters
    ----------
    rates : ndarray of shape (n_draws,)
    share_found : float
        Share of the rows that are known to be wrong. If it is zero, the interval begins there.
    coverage : float, default=0.9

    Returns
    -------
    ndarray of shape (2,)

    Examples
    --------
    >>> import numpy as np
    >>> noise_rate_interval(np.linspace(0.1, 0.2, 101), 0.05)
    array([0.105, 0.195])
    """
    low, high = np.quantile(rates, ((1 - coverage) / 2, (1 + coverage) / 2))
    return np.array([low if share_found else 0.0, high])
