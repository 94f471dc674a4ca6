"""From a score to the probability that a label is right, by rows that a person has looked at."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from .._typing import BoolArray, FloatArray

# Scores keep this distance from 0 and 1, where their logits are infinite.
LEAST_SCORE = 1e-3
LEAST_PROBABILITY = 1e-6
# How far from the identity a calibration is expected to be: deviations of the intercept and of
# the logarithm of the slope.
DEVIATIONS = np.array([2.0, 1.0])
SLOPES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """A rising function of the label quality: logistic in its logit.

    Parameters
    ----------
    intercept : float, default=0
    slope : float, default=1
        Positive.
    covariance : ndarray of shape (2, 2)
        How uncertain intercept and logarithm of the slope are.

    Examples
    --------
    >>> import numpy as np
    >>> Calibration(intercept=1.0, slope=2.0)(np.array([0.2, 0.5, 0.8])).round(2)
    array([0.15, 0.73, 0.98])
    """

    intercept: float = 0.0
    slope: float = 1.0
    covariance: FloatArray = field(default_factory=lambda: np.diag(DEVIATIONS**2))

    def __call__(self, label_quality: FloatArray) -> FloatArray:
        """Return the probability that each label is right, strictly between 0 and 1."""
        return _probability(self.intercept + self.slope * _score(label_quality))

    def sampled(self, label_quality: FloatArray, normal_draws: FloatArray) -> FloatArray:
        """Return probabilities by calibrations that the answers leave possible.

        Parameters
        ----------
        label_quality : ndarray of shape (n_rows,)
        normal_draws : ndarray of shape (n_draws, 2)
            Standard normal.

        Returns
        -------
        ndarray of shape (n_draws, n_rows)
        """
        draws = normal_draws @ np.linalg.cholesky(self.covariance).T
        intercepts = self.intercept + draws[:, :1]
        slopes = np.clip(self.slope * np.exp(draws[:, 1:]), *SLOPES)
        return _probability(intercepts + slopes * _score(label_quality))


def _score(label_quality: FloatArray) -> FloatArray:
    return logit(LEAST_SCORE + (1 - 2 * LEAST_SCORE) * np.asarray(label_quality, dtype=float))


def _probability(logits: FloatArray) -> FloatArray:
    return LEAST_PROBABILITY + (1 - 2 * LEAST_PROBABILITY) * expit(logits)


def fit_calibration(
    label_quality: FloatArray, is_right: BoolArray, weights: FloatArray
) -> Calibration:
    """Fit a rising logistic function of the logit of the label quality to reviewed rows.

    Few answers move it little from the identity: intercept and logarithm of the slope are
    expected to be zero, with deviations of 2 and 1.

    Parameters
    ----------
    label_quality : ndarray of shape (n_reviewed,)
    is_right : ndarray of bool of shape (n_reviewed,)
        What a person found.
    weights : ndarray of shape (n_reviewed,)
        For how many rows each stands. Their roots count, and only their ratios matter: a row that
        stands for many others mustn't decide alone.

    Returns
    -------
    Calibration

    Examples
    --------
    >>> import numpy as np
    >>> quality = np.linspace(0.05, 0.95, 40)
    >>> calibration = fit_calibration(quality, quality > 0.3, np.ones(40))
    >>> calibration(np.array([0.1, 0.3, 0.5])).round(2)
    array([0.01, 0.49, 0.96])
    """
    if not len(label_quality):
        return Calibration()
    scores, right = _score(label_quality), np.asarray(is_right, dtype=float)
    weights = np.sqrt(weights)
    # They sum to the number of answers of equal weight that tell as much.
    weights = weights * (weights.sum() / np.sum(weights**2))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        intercept, slope = parameters[0], np.exp(parameters[1])
        logits = intercept + slope * scores
        value = weights @ (np.logaddexp(0, logits) - right * logits)
        value += 0.5 * np.sum((parameters / DEVIATIONS) ** 2)
        residuals = weights * (expit(logits) - right)
        gradient = np.array([residuals.sum(), slope * (residuals @ scores)])
        return value, gradient + parameters / DEVIATIONS**2

    bounds = [(None, None), tuple(np.log(SLOPES))]
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x
    intercept, slope = float(found[0]), float(np.exp(found[1]))
    return Calibration(intercept, slope, _covariance(intercept, slope, scores, weights))


def _covariance(
    intercept: float, slope: float, scores: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return the inverse of the expected information (Laplace's approximation)."""
    probability = expit(intercept + slope * scores)
    information = weights * probability * (1 - probability)
    gradients = np.stack([np.ones_like(scores), slope * scores])
    return np.linalg.inv((gradients * information) @ gradients.T + np.diag(DEVIATIONS**-2.0))
