"""Mixture of two beta distributions over counts of wrong events.

The counts of a data set are small integers, so the fit works on their histogram: its cost
does not depend on the number of rows, and posteriors are a table with one entry per count.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["BetaMixture", "fit_beta_mixture"]

SQUEEZE = 1e-6
MIN_SHAPE = 1.02
GUARDED_SHAPE = 1.1


class BetaMixture(NamedTuple):
    """Two beta components over counts; component 0 is clean (left), component 1 noisy.

    Parameters
    ----------
    alpha, beta : ndarray of shape (2,)
        Shape parameters.
    weights : ndarray of shape (2,)
        Share of each component.
    low, high : int
        Smallest and largest count of the fit; they become 0 and 1.
    """

    alpha: np.ndarray
    beta: np.ndarray
    weights: np.ndarray
    low: int
    high: int

    def posterior(self, counts):
        """Return the probability of each component at the given counts, shape (2, n).

        Counts above `high`, which training may reach after the fit, have density zero under
        both components and so belong to neither: their posterior is (0, 0).
        """
        densities = _densities(self._scale(counts), self)
        return densities / (densities.sum(axis=0) + SQUEEZE)

    def cdf(self, counts):
        """Return the cumulative probability under each component, shape (2, n)."""
        scaled = self._scale(counts)
        return stats.beta.cdf(scaled, self.alpha[:, None], self.beta[:, None])

    def _scale(self, counts):
        return _squeeze(counts, self.low, self.high)


def fit_beta_mixture(histogram, *, n_iter=20, start=None):
    """Fit a mixture of two beta distributions to a histogram of counts.

    Expectation maximisation with weighted moments. Two guards keep the order of the
    components: the clean density vanishes at the largest count, the noisy one at the smallest.

    Parameters
    ----------
    histogram : array-like of shape (max_count + 1,)
        Number of rows with each count 0, 1, 2, ...
    n_iter : int, default=20
        Number of iterations. The published code uses 20, and the result depends on it: the
        weights still drift afterwards.
    start : BetaMixture, default=None
        Where to start from. None: the published start, shapes (1, 2) and (2, 1).

    Returns
    -------
    BetaMixture or None
        None if all rows have the same count: one value can't be split in two.

    References
    ----------
    Arazo et al., "Unsupervised Label Noise Modeling and Loss Correction", ICML 2019, for the
    fit; Zhang et al., "Handling Label Noise via Instance-Level Difficulty Modeling and Dynamic
    Optimization", NeurIPS 2025, for counts and guards.

    Examples
    --------
    >>> from sknoisy.mixtures import fit_beta_mixture
    >>> mixture = fit_beta_mixture([9963, 9469, 6097, 4579, 5578, 14314])
    >>> mixture.weights.round(2)
    array([0.61, 0.39])
    """
    histogram = np.asarray(histogram, dtype=float)
    counts = np.flatnonzero(histogram)
    if len(counts) < 2:
        return None
    low, high = int(counts[0]), int(counts[-1])
    frequencies = histogram[counts]
    scaled = _squeeze(counts, low, high)
    mixture = start or _published_start()
    for _ in range(n_iter):
        mixture = _maximise(scaled, frequencies, _responsibilities(scaled, mixture))
    return mixture._replace(low=low, high=high)


def _published_start():
    alpha, beta = np.array([1.0, 2.0]), np.array([2.0, 1.0])
    return BetaMixture(alpha, beta, np.array([0.5, 0.5]), 0, 1)


def _squeeze(counts, low, high):
    scaled = (np.asarray(counts, dtype=float) - low) / (high - low)
    return SQUEEZE + (1 - 2 * SQUEEZE) * scaled


def _densities(scaled, mixture):
    density = stats.beta.pdf(scaled, mixture.alpha[:, None], mixture.beta[:, None])
    return mixture.weights[:, None] * density


def _responsibilities(scaled, mixture):
    densities = np.maximum(_densities(scaled, mixture), SQUEEZE)
    return densities / densities.sum(axis=0)


def _maximise(scaled, frequencies, responsibilities):
    mass = responsibilities * frequencies
    total = mass.sum(axis=1)
    mean = mass @ scaled / total
    variance = (mass * (scaled - mean[:, None]) ** 2).sum(axis=1) / total
    variance = np.maximum(variance, SQUEEZE)
    alpha = np.maximum(mean * (mean * (1 - mean) / variance - 1), SQUEEZE)
    beta = np.maximum(alpha * (1 - mean) / mean, SQUEEZE)
    if beta[0] < MIN_SHAPE:
        beta[0] = GUARDED_SHAPE
    if alpha[1] < MIN_SHAPE:
        alpha[1] = GUARDED_SHAPE
    return BetaMixture(alpha, beta, total / total.sum(), 0, 1)
