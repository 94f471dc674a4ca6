"""Mixtures of two components, clean and noisy: betas over counts, Gaussians over losses.

The counts of wrong events of a data set are small integers, so the fit of betas works on their
histogram: its cost does not depend on the number of rows, and posteriors are a table with one
entry per count. Losses are fitted row by row.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln
from sklearn.exceptions import ConvergenceWarning

__all__ = ["BetaMixture", "fit_beta_mixture", "fit_beta_mixtures", "gaussian_clean_posterior"]

SQUEEZE = 1e-6
MIN_SHAPE = 1.02
GUARDED_SHAPE = 1.1


class BetaMixture(NamedTuple):
    """Two beta components over counts; component 0 is clean (left), component 1 noisy.

    Several mixtures, one per histogram, stand side by side along a second axis.

    Parameters
    ----------
    alpha, beta : ndarray of shape (2,) or (2, n_histograms)
        Shape parameters.
    weights : ndarray of shape (2,) or (2, n_histograms)
        Share of each component.
    low, high : int or ndarray of shape (n_histograms,)
        Smallest and largest count of the fit; they become 0 and 1.
    """

    alpha: np.ndarray
    beta: np.ndarray
    weights: np.ndarray
    low: np.ndarray | int
    high: np.ndarray | int

    def posterior(self, counts: ArrayLike) -> NDArray[np.floating]:
        """Return the probability of each component at the given counts.

        Counts above `high`, which training may reach after the fit, have density zero under
        both components and so belong to neither: their posterior is (0, 0).

        Returns
        -------
        ndarray of shape (2, n_counts) or (2, n_histograms, n_counts)
        """
        densities = _densities(self._scale(counts), self)
        return densities / (densities.sum(axis=0) + SQUEEZE)

    def cdf(self, counts: ArrayLike) -> NDArray[np.floating]:
        """Return the cumulative probability under each component, shaped as the posterior."""
        scaled = np.clip(self._scale(counts), 0, 1)
        return betainc(self.alpha[..., None], self.beta[..., None], scaled)

    def choose(self, chosen: NDArray[np.bool_], other: "BetaMixture") -> "BetaMixture":
        """Return the mixtures where `chosen`, of shape (n_histograms,), and else the other."""
        pairs = zip(self, other, strict=True)
        return BetaMixture(*(np.where(chosen, mine, theirs) for mine, theirs in pairs))

    def _scale(self, counts: ArrayLike) -> NDArray[np.floating]:
        return _squeeze(counts, self.low, self.high)


def fit_beta_mixture(
    histogram: ArrayLike, *, n_iter: int = 20, start: BetaMixture | None = None
) -> BetaMixture | None:
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
    if np.count_nonzero(histogram) < 2:
        return None
    if start is not None:
        start = BetaMixture(*(np.asarray(part)[..., None] for part in start))
    stacked = fit_beta_mixtures(histogram[None], n_iter=n_iter, start=start)
    return BetaMixture(*(np.asarray(part)[..., 0] for part in stacked))


def fit_beta_mixtures(
    histograms: ArrayLike, *, n_iter: int = 20, start: BetaMixture | None = None
) -> BetaMixture:
    """Fit one mixture to each of several histograms at once, as `fit_beta_mixture` does to one.

    Parameters
    ----------
    histograms : array-like of shape (n_histograms, max_count + 1)
    n_iter : int, default=20
    start : BetaMixture, default=None

    Returns
    -------
    BetaMixture
        With `high == low`, and meaningless shapes, for a histogram of one count or none.

    Examples
    --------
    >>> from sknoisy.mixtures import fit_beta_mixtures
    >>> fit_beta_mixtures([[9, 4, 1, 6], [1, 0, 2, 9]]).weights.shape
    (2, 2)
    """
    histograms = np.asarray(histograms, dtype=float)
    n_levels = histograms.shape[1]
    present = histograms > 0
    low = present.argmax(axis=1)
    high = np.maximum(n_levels - 1 - present[:, ::-1].argmax(axis=1), low)
    scaled = np.clip(_squeeze(np.arange(n_levels), low, high), SQUEEZE, 1 - SQUEEZE)
    mixture = start or _published_start(len(histograms))
    for _ in range(n_iter):
        mixture = _maximise(scaled, histograms, _responsibilities(scaled, mixture))
    return mixture._replace(low=low, high=high)


def gaussian_clean_posterior(
    losses: ArrayLike, *, random_state: int | np.random.RandomState
) -> NDArray[np.floating]:
    """Return the probability that a row is clean, from a mixture of two Gaussians over the losses.

    The losses are scaled to [0, 1]; the component with the smaller mean is the clean one. Ten
    iterations with the published settings, which needn't converge.

    Parameters
    ----------
    losses : array-like of shape (n_rows,)
        One per row, finite.
    random_state : int or RandomState
        Of the start, by k-means.

    Returns
    -------
    ndarray of shape (n_rows,)
        All one if all losses are equal, to within float32: one value can't be split in two.

    Raises
    ------
    ValueError
        If there are no losses, or if they aren't one-dimensional and finite.

    References
    ----------
    Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR
    2020.

    Examples
    --------
    >>> from sknoisy.mixtures import gaussian_clean_posterior
    >>> gaussian_clean_posterior([0.1, 0.2, 0.3, 2.1, 2.4, 2.2], random_state=0).round(2)
    array([1., 1., 1., 0., 0., 0.])
    """
    # Not before it is needed, since it brings clustering and covariances with it.
    from sklearn.mixture import GaussianMixture

    losses = _checked_losses(losses)
    low, high = losses.min(), losses.max()
    if high - low <= np.finfo(np.float32).eps * max(abs(low), abs(high)):
        return np.ones(len(losses))
    scaled = ((losses - low) / (high - low))[:, None]
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        posterior = mixture.fit(scaled).predict_proba(scaled)
    return posterior[:, mixture.means_[:, 0].argmin()]


def _checked_losses(losses: ArrayLike) -> NDArray[np.floating]:
    losses = np.asarray(losses, dtype=float)
    if losses.ndim != 1 or len(losses) == 0:
        raise ValueError(
            f"losses must be an array of one loss per row. Got an array of shape {losses.shape}."
        )
    if not np.isfinite(losses).all():
        n_wrong = np.count_nonzero(~np.isfinite(losses))
        raise ValueError(f"losses must be finite. Got {n_wrong} of {len(losses)} that aren't.")
    return losses


def _published_start(n_histograms: int) -> BetaMixture:
    alpha, beta = np.array([[1.0], [2.0]]), np.array([[2.0], [1.0]])
    weights = np.full((2, n_histograms), 0.5)
    return BetaMixture(alpha, beta, weights, np.zeros(1), np.ones(1))


def _squeeze(counts: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.floating]:
    low = np.asarray(low)[..., None]
    span = np.maximum(np.asarray(high)[..., None] - low, 1)
    scaled = (np.asarray(counts, dtype=float) - low) / span
    return SQUEEZE + (1 - 2 * SQUEEZE) * scaled


def _densities(scaled: NDArray[np.floating], mixture: BetaMixture) -> NDArray[np.floating]:
    alpha, beta = mixture.alpha[..., None], mixture.beta[..., None]
    inside = (scaled > 0) & (scaled < 1)
    values = np.where(inside, scaled, 0.5)
    log_density = (alpha - 1) * np.log(values) + (beta - 1) * np.log1p(-values)
    density = np.exp(log_density - betaln(alpha, beta))
    return mixture.weights[..., None] * np.where(inside, density, 0)


def _responsibilities(scaled: NDArray[np.floating], mixture: BetaMixture) -> NDArray[np.floating]:
    densities = np.maximum(_densities(scaled, mixture), SQUEEZE)
    return densities / densities.sum(axis=0)


def _maximise(
    scaled: NDArray[np.floating],
    frequencies: NDArray[np.floating],
    responsibilities: NDArray[np.floating],
) -> BetaMixture:
    mass = responsibilities * frequencies
    total = np.maximum(mass.sum(axis=-1), SQUEEZE)
    mean = (mass * scaled).sum(axis=-1) / total
    mean = np.clip(mean, SQUEEZE, 1 - SQUEEZE)
    variance = (mass * (scaled - mean[..., None]) ** 2).sum(axis=-1) / total
    variance = np.maximum(variance, SQUEEZE)
    alpha = np.maximum(mean * (mean * (1 - mean) / variance - 1), SQUEEZE)
    beta = np.maximum(alpha * (1 - mean) / mean, SQUEEZE)
    beta[0] = np.where(beta[0] < MIN_SHAPE, GUARDED_SHAPE, beta[0])
    alpha[1] = np.where(alpha[1] < MIN_SHAPE, GUARDED_SHAPE, alpha[1])
    return BetaMixture(alpha, beta, total / total.sum(axis=0), 0, 1)
