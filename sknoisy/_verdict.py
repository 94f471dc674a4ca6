"""From what a method found out to a verdict on every row, on the scale of probabilities."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit, softmax

from ._arrays import plain
from ._typing import BoolArray, FloatArray, IntArray, LabelArray
from .exceptions import FewRowsLeftWarning, GroupStandsOutWarning, NotLearnedWarning
from .methods import LabelEvidence
from .noise_rates import (
    NoiseRate,
    ScoreCalibration,
    calibrate_to_rate,
    calibrated_quality,
    class_rate_intervals,
    estimate_noise_rate,
)
from .thresholds import flag_share, judge_labels
from .training import TrainingData

# The net contradicts a label whose margin is smaller.
CONTRADICTED = 0.5
# Labels that are more likely right than this, in a pessimistic view, aren't flagged, whatever the
# method's own rule says.
SURELY_RIGHT = 0.95
# Fewer rows tell little about what a model knows.
MIN_ROWS_FOR_COMPETENCE = 20
# With fewer rows a good model under much noise may look like a useless one: then it is a warning
# only.
MIN_ROWS_AGAINST_VERDICT = 500
# By how many standard errors a model must agree with more labels than the most frequent class does;
# or by how much, in logarithms, the labels must be likelier by it than by the shares of classes.
LEAST_LEAD = 0.5
LEAST_GAIN = 1.0
SHARPNESSES = (0.25, 0.5, 1.0, 2.0)
MIXED_SHARE = 0.3
# A group stands out by so many standard errors, and by twice the rate of the others.
STANDS_OUT = 4
MIN_GROUP_SIZE = 10


@dataclass(frozen=True)
class Verdict:
    """What is thought of each row's label.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
        Probability that the label is right; 1 for trusted rows.
    mask : ndarray of bool of shape (n_rows,)
        Labels judged wrong.
    threshold : float
        On the scale of `quality`.
    score : ndarray of shape (n_rows,)
        The method's own label quality.
    score_threshold : float
        On the scale of `score`.
    noise_rate : NoiseRate
        Of all rows.
    class_rate_intervals : ndarray of shape (n_classes, 2)
        Bounds of the share of wrong labels in each class.
    calibration : ScoreCalibration
        Brings scores to the scale of `quality`.
    """

    quality: FloatArray
    mask: BoolArray
    threshold: float
    score: FloatArray
    score_threshold: float
    noise_rate: NoiseRate
    class_rate_intervals: FloatArray
    calibration: ScoreCalibration


def judge_rows(
    evidence: LabelEvidence,
    data: TrainingData,
    *,
    own_threshold: float,
    threshold: float | None,
    contamination: float | None,
) -> Verdict:
    """Return the verdict on all rows.

    Parameters
    ----------
    evidence : LabelEvidence
    data : TrainingData
    own_threshold : float
        The method's own rule, on the scale of its own score.
    threshold : float or None
        The user's, on the scale of probabilities; None: the method's rule.
    contamination : float or None
        Share of the untrusted rows to flag, in place of a threshold.
    """
    judged = judged_rows(data)
    score = np.where(data.trusted, 1.0, evidence.quality)
    rate = _rate_of_untrusted(evidence, data, score[judged] < own_threshold)
    calibration = ScoreCalibration(1.0, 0.0)
    if judged.any():
        calibration = calibrate_to_rate(score[judged], rate.rate)
    quality = np.where(data.trusted, 1.0, calibrated_quality(score, calibration))
    if contamination is not None:
        mask, score_threshold = flag_share(
            score, contamination, codes=data.y, trusted=data.trusted, margins=evidence.margins
        )
        threshold = float(calibrated_quality(score_threshold, calibration))
    else:
        score_threshold = own_threshold
        if threshold is None:
            threshold = _own_rule(own_threshold, score[judged], rate, calibration)
        mask = judge_labels(quality, threshold, codes=data.y, trusted=data.trusted)
    untrusted_share = 1 - float(data.trusted.mean())
    return Verdict(
        quality,
        mask,
        threshold,
        score,
        score_threshold,
        NoiseRate(*(untrusted_share * each for each in rate)),
        _class_rate_intervals(score, judged, rate, data),
        calibration,
    )


def _class_rate_intervals(
    score: FloatArray, judged: BoolArray, rate: NoiseRate, data: TrainingData
) -> FloatArray:
    """Return the bounds of each class's rate, by those of the rate of all rows."""
    errors = []
    for bound in (rate.low, rate.high):
        calibration = ScoreCalibration(1.0, 0.0)
        if judged.any():
            calibration = calibrate_to_rate(score[judged], bound)
        errors.append(np.where(data.trusted, 0.0, 1 - calibrated_quality(score, calibration)))
    return class_rate_intervals((errors[0], errors[1]), data.y, data.trusted)


def _own_rule(
    own_threshold: float, scores: FloatArray, rate: NoiseRate, calibration: ScoreCalibration
) -> float:
    """Return the method's threshold on the scale of probabilities.

    What is surely right isn't flagged, even if as many labels are wrong as can be.
    """
    threshold = float(calibrated_quality(own_threshold, calibration))
    if not len(scores):
        return threshold
    pessimistic = calibrate_to_rate(scores, rate.pessimistic)
    shift = calibration.intercept - pessimistic.intercept
    return min(threshold, float(expit(logit(SURELY_RIGHT) + shift)))


def judged_rows(data: TrainingData) -> BoolArray:
    """Return the rows that tell how scores are spread: not trusted, and seen by the method."""
    judged = ~data.trusted
    if data.sample_weight is not None:
        judged &= data.sample_weight > 0
    return judged


def _rate_of_untrusted(
    evidence: LabelEvidence, data: TrainingData, contradicted: BoolArray
) -> NoiseRate:
    """Return the share of wrong labels among the rows that aren't trusted."""
    rows, probabilities = evidence.held_out_rows, evidence.held_out_probabilities
    if probabilities is None or data.trusted[rows].all():
        # Without rows left out, the method's own rule is all there is.
        share = float(contradicted.mean()) if len(contradicted) else 0.0
        return NoiseRate(share, 0.0, 1.0, share)
    rate = estimate_noise_rate(
        probabilities,
        data.y[rows],
        known_right=data.trusted[rows],
        confusions=_confusions(evidence, data),
    )
    if has_learnt(probabilities, data.y[rows]):
        return rate
    warnings.warn(
        "Predictions of rows that were left out of training tell hardly more of their labels than "
        "the shares of the classes do, so little can be said about single labels. More rows, "
        "features that tell more, or another `net` or `estimator` may help.",
        NotLearnedWarning,
        stacklevel=2,
    )
    if len(rows) < MIN_ROWS_AGAINST_VERDICT:
        return rate
    return NoiseRate(rate.low, rate.low, rate.high, 0.0)


def _confusions(evidence: LabelEvidence, data: TrainingData) -> FloatArray:
    """Count the contradicted labels, by the class that is more likely and the given one."""
    counts = np.zeros((data.n_classes, data.n_classes))
    rows = np.flatnonzero((evidence.margins < CONTRADICTED) & judged_rows(data))
    np.add.at(counts, (evidence.runner_up[rows], data.y[rows]), 1)
    return counts


def has_learnt(probabilities: FloatArray, codes: IntArray) -> bool:
    """Return whether predictions of rows left out say more than the shares of the classes.

    They agree with the labels more often than the most frequent class, or in the mean over the
    classes more often than chance; or, made less sure and mixed with the shares, they make the
    labels likelier than the shares alone do. The bounds are low: of two classes with 40 % wrong
    labels, two hundred rows can't tell a good model from a useless one, and the former is the more
    usual.
    """
    if len(codes) < MIN_ROWS_FOR_COMPETENCE:
        return True
    rows = np.arange(len(codes))
    shares = np.bincount(codes, minlength=probabilities.shape[1]) / len(codes)
    agrees = (probabilities.argmax(axis=1) == codes).astype(float)
    seen = shares > 0
    balanced = (np.bincount(codes, agrees, len(shares))[seen] / (shares[seen] * len(codes))).mean()
    least_lead = LEAST_LEAD * 0.5 / len(codes) ** 0.5
    if agrees.mean() > shares.max() + least_lead or balanced > 1 / seen.sum() + least_lead:
        return True
    of_shares = shares[codes]
    gains = []
    for sharpness in SHARPNESSES:
        tempered = softmax(sharpness * np.log(np.maximum(probabilities, 1e-6)), axis=1)
        mixed = MIXED_SHARE * of_shares + (1 - MIXED_SHARE) * tempered[rows, codes]
        gains.append(np.log(mixed / of_shares).sum())
    return bool(max(gains) > LEAST_GAIN)


def warn_of_lost_classes(mask: BoolArray, codes: IntArray, classes: LabelArray) -> None:
    """Name the classes of which more than half of the rows are judged wrong."""
    shares = np.bincount(codes, weights=mask, minlength=len(classes)) / np.bincount(
        codes, minlength=len(classes)
    )
    lost = np.flatnonzero(shares > 0.5)
    if len(lost):
        names = ", ".join(f"{plain(classes[each])!r} ({shares[each]:.0%})" for each in lost)
        warnings.warn(
            f"More than half of the labels of a class are judged wrong: {names}. Look at some of "
            "these rows before you leave them out.",
            FewRowsLeftWarning,
            stacklevel=2,
        )


def rates_of_groups(quality: FloatArray, groups: IntArray, names: LabelArray) -> pd.Series:
    """Return the share of wrong labels in each group; warn of one that stands out.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
        Probability that the label is right.
    groups : ndarray of int of shape (n_rows,)
    names : ndarray of shape (n_groups,)
    """
    sizes = np.bincount(groups)
    totals = np.bincount(groups, 1 - quality)
    rates = totals / sizes
    of_others = (totals.sum() - totals) / np.maximum(sizes.sum() - sizes, 1)
    error = (of_others * (1 - of_others) / sizes) ** 0.5
    stands_out = (sizes >= MIN_GROUP_SIZE) & (rates > of_others + STANDS_OUT * error)
    stands_out &= rates > 2 * of_others
    if stands_out.any():
        found = ", ".join(
            f"{plain(names[each])!r} ({rates[each]:.0%}, others {of_others[each]:.0%})"
            for each in np.flatnonzero(stands_out)
        )
        warnings.warn(
            f"Groups whose labels are probably wrong more often than others': {found}.",
            GroupStandsOutWarning,
            stacklevel=2,
        )
    return pd.Series(rates, index=pd.Index(names, name="group"), name="noise_rate")
