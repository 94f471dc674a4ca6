"""A check for skore's reports: are too many labels wrong?

`pip install sknoisy[skore]` brings skore along. This module can be imported without it.
"""

from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ._base import BaseNoisyLabelEstimator
from ._detector import NoisyLabelDetector

__all__ = ["CheckLabelNoise"]

TASKS = ("binary-classification", "multiclass-classification")


class CheckLabelNoise:
    """Check of skore: an issue where more labels are wrong than a stated rate.

    A report of one model is asked for the labels that the model was trained on, a report of a
    cross-validation for all. Where the model, or the last step of its pipeline, is an estimator of
    sknoisy and was fitted by the report, its own estimate counts, and nothing is trained.

    Parameters
    ----------
    detector : NoisyLabelDetector or RobustClassifier, default=None
        Estimates how many labels are wrong; a clone of it is fitted. None: a `NoisyLabelDetector`
        with ``random_state=0``.
    max_noise_rate : float, default=0.05
        Share of wrong labels from which on the check finds fault.
    code : str, default="SKN001"
        By which skore knows, ignores or removes the check.
    severity : {"issue", "tip"}, default="issue"
        How skore shows the finding.

    Attributes
    ----------
    detector_ : NoisyLabelDetector or RobustClassifier
        The fitted estimator that the last finding rests on; its `get_label_issues` and
        `review_queue` tell which rows to look at.

    Examples
    --------
    >>> from skore import evaluate  # doctest: +SKIP
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sknoisy.datasets import make_noisy_classification
    >>> from sknoisy.skore import CheckLabelNoise
    >>> data = make_noisy_classification(rate=0.3, random_state=0)
    >>> report = evaluate(LogisticRegression(), data.X, data.y)  # doctest: +SKIP
    >>> check = CheckLabelNoise()
    >>> report.checks.add([check])  # doctest: +SKIP
    >>> report.checks.summarize().frame(section="issue")  # doctest: +SKIP
    >>> check.detector_.review_queue(20)  # doctest: +SKIP
    """

    title = "Wrong labels"
    docs_url = None
    slow = True

    def __init__(
        self,
        detector: BaseNoisyLabelEstimator | None = None,
        *,
        max_noise_rate: float = 0.05,
        code: str = "SKN001",
        severity: str = "issue",
    ) -> None:
        if not 0 <= max_noise_rate < 1:
            raise ValueError(f"max_noise_rate must be a number in [0, 1), got {max_noise_rate!r}.")
        if severity not in ("issue", "tip"):
            raise ValueError(f"severity must be 'issue' or 'tip', got {severity!r}.")
        self.detector = detector
        self.max_noise_rate = max_noise_rate
        self.code = code
        self.severity = severity
        # A list of its own: skore asks for a list.
        self.report_types = ["estimator", "cross-validation"]

    def check_function(self, report: Any) -> str | None:
        """Return what is wrong with the labels, for skore to show; None if they are fine.

        Parameters
        ----------
        report : skore.EstimatorReport or skore.CrossValidationReport

        Returns
        -------
        str or None
        """
        from skore import CheckNotApplicable

        if report.ml_task not in TASKS:
            raise CheckNotApplicable(f"Labels of classes are needed. Got {report.ml_task}.")
        fitted = fitted_by(report)
        if fitted is None:
            X, y = rows_of(report)
            if X is None or y is None:
                raise CheckNotApplicable("The rows that the model was trained on aren't there.")
            fitted = clone(self.detector or NoisyLabelDetector(random_state=0))
            try:
                fitted.fit(X, as_labels(y))
            except (TypeError, ValueError) as error:
                raise CheckNotApplicable(f"The labels can't be judged: {error}") from error
        self.detector_ = fitted
        if fitted.noise_rate_ <= self.max_noise_rate:
            return None
        return self._finding(fitted)

    def _finding(self, fitted: Any) -> str:
        low, high = fitted.noise_rate_interval_
        worst = fitted.class_noise_rates_.argmax()
        return (
            f"About {fitted.noise_rate_:.0%} of the labels are wrong (90 % interval: {low:.0%} to "
            f"{high:.0%}); at most {self.max_noise_rate:.0%} were to be. "
            f"{int(fitted.noise_mask_.sum())} of {len(fitted.noise_mask_)} rows are flagged. It is "
            f"worst for {fitted.classes_[worst]!s} ({fitted.class_noise_rates_[worst]:.0%}). The "
            "check's detector_.review_queue() lists rows to look at."
        )


def fitted_by(report: Any) -> Any:
    """Return the estimator of sknoisy that a report has fitted, alone or as a last step."""
    if not hasattr(report, "X_train"):
        return None
    estimator = report.estimator_
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator if hasattr(estimator, "noise_rate_") else None


def rows_of(report: Any) -> tuple[Any, Any]:
    """Return the rows and labels that a report's model was trained on, or all of its rows."""
    if hasattr(report, "X_train"):
        return report.X_train, report.y_train
    return report.X, report.y


def as_labels(y: Any) -> Any:
    """Return labels in one dimension; skore may hold them as a table of one column."""
    return y.iloc[:, 0] if isinstance(y, pd.DataFrame) and y.shape[1] == 1 else y
