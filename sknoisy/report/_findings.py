"""What a fitted estimator found, as plain arrays, for all parts of a report."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import as_array, plain
from .._typing import BoolArray, FloatArray, IntArray, Labels

UNKNOWN = -1


@dataclass(frozen=True)
class Findings:
    """What is known of each row of fit.

    Parameters
    ----------
    estimator : NoisyLabelDetector or RobustClassifier
    classes : list
        Python's own values; after those of fit the ones that only the truth has.
    given, suggested : ndarray of int of shape (n_rows,)
        Codes of the given class, and of the likeliest other one.
    quality : ndarray of shape (n_rows,)
    is_noise, is_trusted : ndarray of bool of shape (n_rows,)
    answers : ndarray of int of shape (n_rows,)
        Code of the class that a person has told; negative where there is none.
    order : ndarray of int of shape (n_rows,)
        Rows, the most suspicious one first.
    row_labels : Index
    groups : list or None
    row_groups : ndarray of int of shape (n_rows,), or None
    truth : ndarray of int of shape (n_rows,), or None
        Codes of the right classes; `UNKNOWN` where it isn't known.
    """

    estimator: Any
    classes: list[Any]
    given: IntArray
    suggested: IntArray
    quality: FloatArray
    is_noise: BoolArray
    is_trusted: BoolArray
    answers: IntArray
    order: IntArray
    row_labels: pd.Index
    groups: list[Any] | None
    row_groups: IntArray | None
    truth: IntArray | None

    @property
    def n_rows(self) -> int:
        return len(self.given)

    @property
    def n_classes(self) -> int:
        """How many classes fit has seen."""
        return len(self.estimator.classes_)

    @property
    def threshold(self) -> float:
        return float(self.estimator.threshold_)

    @property
    def is_reviewed(self) -> BoolArray:
        return self.answers >= 0


def collect_findings(
    estimator: Any, y: Labels | None = None, truth: ArrayLike | None = None
) -> Findings:
    """Return what a fitted estimator found.

    Parameters
    ----------
    estimator : NoisyLabelDetector or RobustClassifier, or a pipeline or search that ends in one
    y : array-like of shape (n_rows,), default=None
        Must be the labels of fit.
    truth : array-like of shape (n_rows,), default=None
        The right labels; missing where they aren't known.
    """
    estimator = fitted_judge(estimator)
    classes = estimator.classes_
    issues = estimator.get_label_issues()
    given = estimator._given_codes()
    if y is not None:
        _check_given_labels(y, estimator._given_labels)
    names = [plain(each) for each in classes]
    codes = None if truth is None else _codes_of_truth(truth, names, len(given))
    groups = estimator._groups
    return Findings(
        estimator=estimator,
        classes=names,
        given=given,
        suggested=np.asarray(estimator._runner_up),
        quality=np.asarray(estimator.label_quality_, dtype=float),
        is_noise=estimator.noise_mask_,
        is_trusted=estimator._trusted,
        answers=estimator._known_answers(),
        order=np.argsort(issues["rank"].to_numpy(), kind="stable"),
        row_labels=estimator._row_labels(),
        groups=None if groups is None else [plain(each) for each in groups],
        row_groups=estimator._row_groups,
        truth=codes,
    )


def fitted_judge(estimator: Any) -> Any:
    """Return the fitted estimator of this package, also out of a pipeline or a search."""
    # Its import brings torch, which is there already where something was fitted.
    from .._base import BaseNoisyLabelEstimator

    found = estimator
    while not isinstance(found, BaseNoisyLabelEstimator):
        if hasattr(found, "steps"):
            judges = [step for _, step in found.steps if isinstance(step, BaseNoisyLabelEstimator)]
            found = judges[-1] if judges else found.steps[-1][1]
        elif hasattr(found, "best_estimator_"):
            found = found.best_estimator_
        elif hasattr(found, "param_grid") or hasattr(found, "param_distributions"):
            check_is_fitted(found)
            raise ValueError("A search must have refitted its best estimator: set refit=True.")
        else:
            raise TypeError(
                "estimator must be a NoisyLabelDetector or a RobustClassifier, or a pipeline or "
                f"a search that holds one. Got {estimator!r}."
            )
    check_is_fitted(found)
    return found


def _check_given_labels(y: Labels, given: Any) -> None:
    labels = np.asarray(as_array(y, "y"), dtype=object)
    if labels.shape != given.shape:
        raise ValueError(
            f"y must be the labels of fit, of shape {given.shape}. Got shape {labels.shape}."
        )
    differs = labels != given.astype(object)
    if differs.any():
        row = int(np.argmax(differs))
        raise ValueError(
            f"y must be the labels of fit. Row {row} has {plain(labels[row])!r}, and had "
            f"{plain(given[row])!r} in fit. The right labels, if you know them, are `truth`."
        )


def _codes_of_truth(truth: ArrayLike, names: list[Any], n_rows: int) -> IntArray:
    """Return the codes of the right classes; classes that fit hasn't seen are added to names."""
    values = np.asarray(as_array(truth, "truth"), dtype=object)
    if values.shape != (n_rows,):
        raise ValueError(
            f"truth must be of shape ({n_rows},), one right label per row of fit. "
            f"Got shape {values.shape}."
        )
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.full(n_rows, UNKNOWN, dtype=np.int64)
    for row in np.flatnonzero(~pd.isna(values)).tolist():
        name = plain(values[row])
        if name not in code_of:
            code_of[name] = len(names)
            names.append(name)
        codes[row] = code_of[name]
    if (codes == UNKNOWN).all():
        raise ValueError("truth must hold at least one label that isn't missing.")
    return codes
