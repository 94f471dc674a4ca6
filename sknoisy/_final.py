"""How the last classifier is trained: the form of least harm, by rows that had no part in it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._features import take_rows
from ._typing import BoolArray, FloatArray, IntArray, LabelArray
from .training import (
    TrainingData,
    class_probabilities,
    fit_clone,
    progress_task,
    takes_sample_weight,
)

# Compared by rows left out; the first one is taken unless another is better.
FORMS = ("soft", "filter", "plain")
# Between these qualities the weight of a row rises from 0 to 1; docs/decisions/0050.
DOUBTFUL_QUALITIES = 0.375, 0.625
# Fewer tell nothing about forms that differ by a few points.
MIN_HELD_OUT_ROWS = 40
# How many standard errors a form must be ahead.
CLEARLY_AHEAD = 1.5
# To compare forms more rows needn't be learnt from.
MAX_COMPARED_ROWS = 20_000


class ComparedForms(NamedTuple):
    """What rows left out say of several forms of a training.

    Parameters
    ----------
    best : str
    scores : dict of str to float
        Share of the held-out labels that each form predicts.
    rows : ndarray of int
        Held-out rows that they were compared on.
    probabilities : ndarray of shape (n_held_out_rows, n_classes), or None
        By the best form.
    """

    best: str
    scores: dict[str, float]
    rows: IntArray
    probabilities: FloatArray | None


def form_weights(
    form: str, quality: FloatArray, noise_mask: BoolArray, sample_weights: FloatArray
) -> FloatArray:
    """Return the weight of each row in one form of the last training; 0: left out.

    Parameters
    ----------
    form : {"plain", "soft", "filter", "weight", "filter_weight"}
    quality : ndarray of shape (n_rows,)
        Probability that the label is right.
    noise_mask : ndarray of bool of shape (n_rows,)
    sample_weights : ndarray of shape (n_rows,)
        By the method.

    Examples
    --------
    >>> import numpy as np
    >>> quality, mask = np.array([0.2, 0.5, 0.9]), np.array([True, True, False])
    >>> print(form_weights("soft", quality, mask, quality))
    [0.  0.5 1. ]
    """
    if form == "soft":
        return np.interp(quality, DOUBTFUL_QUALITIES, (0.0, 1.0))
    weights = sample_weights if form.endswith("weight") else np.ones(len(quality))
    return np.where(noise_mask, 0.0, weights) if form.startswith("filter") else weights


def fit_weighted(
    classifier: Any,
    table: Any,
    labels: LabelArray,
    weights: FloatArray,
    seed: int | None,
    rows: IntArray | None = None,
) -> Any:
    """Return a clone that has learnt those of the rows, of all by default, with positive weight.

    Weights that are all equal, or that it doesn't take, aren't passed on.
    """
    is_kept = weights > 0
    rows, weights = (np.arange(len(weights)) if rows is None else rows)[is_kept], weights[is_kept]
    is_weighted = weights.min() < weights.max() and takes_sample_weight(classifier)
    return fit_clone(
        classifier, seed, take_rows(table, rows), labels[rows], weights if is_weighted else None
    )


def with_best_of_lost_classes(
    weights: FloatArray, quality: FloatArray, data: TrainingData
) -> FloatArray:
    """Give a class without weight its best row back: it couldn't be learnt otherwise."""
    weights = np.array(weights, dtype=float)
    totals = np.bincount(data.y, weights=weights, minlength=data.n_classes)
    rows = data.trained_rows()
    for code in np.flatnonzero(totals == 0):
        of_class = rows[data.y[rows] == code]
        weights[of_class[np.argmax(quality[of_class])]] = 1.0
    return weights


def compare_forms(
    fit: Callable[[IntArray, FloatArray], Any],
    weights_of: Callable[[str], FloatArray],
    table: Any,
    data: TrainingData,
    held_out: IntArray,
) -> ComparedForms:
    """Train each form without the held-out rows, and compare what they say of these.

    Parameters
    ----------
    fit : callable
        Returns a classifier, from rows and their weights.
    weights_of : callable
        Returns the weights of all rows in a form.
    table : rows as the classifier takes them
    data : TrainingData
    held_out : ndarray of int
        Rows whose labels had no part in the verdict on the others.
    """
    held_out, rows = _spread(held_out), _spread(np.setdiff1d(data.trained_rows(), held_out))
    if len(held_out) < MIN_HELD_OUT_ROWS or not len(rows):
        return ComparedForms(FORMS[0], {}, held_out, None)
    weights = {form: weights_of(form) for form in FORMS}
    found: dict[str, tuple[FloatArray, FloatArray]] = {}
    with progress_task("comparing_final_forms", len(weights), "form") as task:
        for form, own in weights.items():
            same = [other for other in found if np.array_equal(own[rows], weights[other][rows])]
            if same:
                found[form] = found[same[0]]
            else:
                classifier = fit(rows, _with_every_class(own, rows, data.y))
                probabilities = _probabilities(
                    classifier, take_rows(table, held_out), data.n_classes
                )
                found[form] = agreement(probabilities, data.y[held_out]), probabilities
            # Each is needed, so none is left out on request.
            task.advance()
    if data.sample_weight is None:
        counts = np.ones(len(held_out))
    else:
        counts = data.sample_weight[held_out]
    best = FORMS[0]
    for form in FORMS[1:]:
        if is_better(found[form][0], found[best][0], counts):
            best = form
    scores = {form: float(np.average(each, weights=counts)) for form, (each, _) in found.items()}
    return ComparedForms(best, scores, held_out, found[best][1])


def agreement(probabilities: FloatArray, codes: IntArray) -> FloatArray:
    """Return 1 for each row whose label is predicted, 0 for the others.

    The probability of the label would prefer a form that leaves out whatever is in doubt, since
    that makes predictions more sure, be they right or wrong.
    """
    return (probabilities.argmax(axis=1) == codes).astype(float)


def is_better(scores: FloatArray, others: FloatArray, counts: FloatArray | None = None) -> bool:
    """Return whether the mean of one score per row is clearly larger, beyond its error."""
    gain = scores - others
    mean = np.average(gain, weights=counts)
    spread = np.average((gain - mean) ** 2, weights=counts)
    return bool(mean > CLEARLY_AHEAD * (spread / len(gain)) ** 0.5 + 1e-12)


def _with_every_class(weights: FloatArray, rows: IntArray, codes: IntArray) -> FloatArray:
    """Return the weights of the rows, as they were given where a class would have none."""
    weights = weights[rows].copy()
    totals = np.bincount(codes[rows], weights=weights)
    weights[totals[codes[rows]] == 0] = 1.0
    return weights


def _spread(rows: IntArray) -> IntArray:
    """Return at most so many rows, at even distances."""
    if len(rows) <= MAX_COMPARED_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_COMPARED_ROWS).round().astype(int)]


def _probabilities(classifier: Any, table: Any, n_classes: int) -> FloatArray:
    """Return class probabilities; of a classifier that has none, 0 and 1."""
    if hasattr(classifier, "predict_proba"):
        return class_probabilities(classifier, table, n_classes)
    return np.eye(n_classes)[classifier.predict(table)]
