"""How well wrong labels were found, and scorers for model selection on wrong labels.

Accuracy against wrong validation labels rewards a model for repeating the mistakes. The scorers
here take what is known of the truth as metadata, one value per row, which cross-validation cuts up
together with the rows:

* ``clean_accuracy_scorer`` needs ``y_clean``, the true label of every row;
* ``noise_f1_scorer`` needs ``flipped``, the rows whose label is known to be wrong;
* ``trusted_accuracy_scorer`` needs ``trusted``, the rows whose label is known to be right.

They have asked for their metadata already; metadata routing must be switched on::

    sklearn.set_config(enable_metadata_routing=True)
    search = GridSearchCV(estimator, grid, scoring=clean_accuracy_scorer)
    search.fit(X, y_noisy, y_clean=y_clean)

scikit-learn turns an error in a scorer into a warning and a score of NaN unless it is told
otherwise: pass ``error_score="raise"`` to stop at the first one.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest

from ._arrays import check_mask

__all__ = [
    "clean_accuracy_scorer",
    "f1_from_fdr_recall",
    "noise_detection_report",
    "noise_f1_scorer",
    "trusted_accuracy_scorer",
]


def noise_detection_report(
    flipped: ArrayLike, noise_mask: ArrayLike | None = None, label_quality: ArrayLike | None = None
) -> dict[str, float]:
    """Compare a verdict on labels with the truth; a wrong label counts as positive.

    Parameters
    ----------
    flipped : array-like of bool of shape (n_samples,)
        True where the given label is wrong.
    noise_mask : array-like of bool of shape (n_samples,), default=None
        True where a detector judged the label wrong, such as its ``noise_mask_``.
    label_quality : array-like of float of shape (n_samples,), default=None
        How likely each given label is right, such as ``label_quality_``. Only the order of the
        values counts. At least one of `noise_mask` and `label_quality` is needed.

    Returns
    -------
    report : dict of str to float
        "fdr": share of the flagged rows whose label is right; 0 when nothing is flagged.
        "recall": share of the wrong labels that are flagged; NaN when no label is wrong.
        "precision": ``1 - fdr``, so 1 when nothing is flagged.
        "f1": harmonic mean of precision and recall; 0 when no wrong label is flagged.
        "auc": area under the ROC curve of ``1 - label_quality``, the chance that a wrong label
        has a lower quality than a right one; NaN when all labels are right or all are wrong.
        The first four are NaN without `noise_mask`, "auc" is NaN without `label_quality`.

    Raises
    ------
    ValueError
        If both verdicts are missing, lengths differ, a mask holds other values than True and
        False, or `label_quality` is not finite.

    Examples
    --------
    >>> from sknoisy.metrics import noise_detection_report
    >>> flipped = [True, True, False, False]
    >>> noise_detection_report(flipped, [True, False, False, False], [0.1, 0.6, 0.5, 0.9])
    {'fdr': 0.0, 'recall': 0.5, 'precision': 1.0, 'f1': 0.66..., 'auc': 0.75}
    """
    if noise_mask is None and label_quality is None:
        raise ValueError("noise_mask or label_quality must be given; got None for both.")
    flipped = check_mask(flipped, "flipped")
    report = dict.fromkeys(("fdr", "recall", "precision", "f1", "auc"), float("nan"))
    if noise_mask is not None:
        report |= _mask_rates(flipped, check_mask(noise_mask, "noise_mask", len(flipped)))
    if label_quality is not None:
        report["auc"] = _quality_auc(flipped, label_quality)
    return report


def f1_from_fdr_recall(fdr: ArrayLike, recall: ArrayLike) -> float | NDArray[np.floating]:
    """Return the F1 score that belongs to a false discovery rate and a recall.

    Papers on label noise report the two rates; F1 is ``2 / (1 / (1 - fdr) + 1 / recall)``.

    Parameters
    ----------
    fdr : float or array-like
        Share of the flagged rows that are false alarms, in [0, 1].
    recall : float or array-like
        Share of the wrong labels that are flagged, in [0, 1].

    Returns
    -------
    f1 : float or ndarray
        F1 score in [0, 1]; 0 where precision and recall are both 0.

    Raises
    ------
    ValueError
        If a value is outside [0, 1], as percentages are.

    Examples
    --------
    >>> from sknoisy.metrics import f1_from_fdr_recall
    >>> round(f1_from_fdr_recall(0.25, 0.75), 3)
    0.75
    """
    precision = 1 - _check_share(fdr, "fdr")
    recall = _check_share(recall, "recall")
    total = precision + recall
    f1 = 2 * precision * recall / np.where(total == 0, 1, total)
    return float(f1) if f1.ndim == 0 else f1


class _RoutedScorer:
    """A scorer that has already asked the router for the metadata it lives on.

    Parameters
    ----------
    alias : bool or str, default=True
        True: the metadata is passed under its own name. A string: under this name.
    """

    _name: str
    _metadata: str

    def __init__(self, alias: bool | str = True) -> None:
        self.alias = alias

    def set_score_request(self, **alias: bool | str) -> Self:
        """Return a scorer whose metadata is passed under another name.

        The scorer itself is not changed: it is one object for the whole program.

        Parameters
        ----------
        **alias : str or bool
            The metadata's own name and the name it is passed under, as in
            ``clean_accuracy_scorer.set_score_request(y_clean="y_true")``.

        Returns
        -------
        scorer : object
            A new scorer of the same kind.

        Raises
        ------
        TypeError
            If `alias` names other metadata than the scorer's own.
        """
        if set(alias) != {self._metadata}:
            raise TypeError(f"{self} takes a request for {self._metadata}; got {list(alias)}.")
        return type(self)(alias[self._metadata])

    def get_metadata_routing(self) -> MetadataRequest:
        """Return what the scorer asks the router for.

        Returns
        -------
        routing : MetadataRequest
            The request for the scorer's metadata.
        """
        request = MetadataRequest(owner=str(self))
        request.score.add_request(param=self._metadata, alias=self.alias)
        return request

    def __repr__(self) -> str:
        return self._name

    def _require(self, metadata: ArrayLike | None, meaning: str) -> ArrayLike:
        if metadata is not None:
            return metadata
        name = self.alias if isinstance(self.alias, str) else self._metadata
        raise ValueError(
            f"{self} needs {name}, {meaning}; got None. Switch metadata routing on with "
            f"sklearn.set_config(enable_metadata_routing=True) and pass it with the data: "
            f"GridSearchCV(..., scoring={self}).fit(X, y, {name}={name}) or "
            f"cross_validate(..., scoring={self}, params={{'{name}': {name}}})."
        )


class _CleanAccuracyScorer(_RoutedScorer):
    """Accuracy of ``predict`` against true labels, passed as the metadata ``y_clean``.

    For data whose truth is known, such as a benchmark or a re-labelled sample: training sees the
    wrong labels, the score does not.

    Examples
    --------
    >>> import sklearn
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.metrics import clean_accuracy_scorer
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_iris(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    >>> search = GridSearchCV(
    ...     KNeighborsClassifier(), {"n_neighbors": [1, 20]}, scoring=clean_accuracy_scorer
    ... )
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     search.fit(X, y_noisy, y_clean=y).best_params_
    {'n_neighbors': 20}
    """

    _name = "clean_accuracy_scorer"
    _metadata = "y_clean"

    def __call__(
        self, estimator: Any, X: Any, y: object = None, *, y_clean: ArrayLike | None = None
    ) -> float:
        """Return the accuracy on X against y_clean; y is not looked at."""
        y_clean = self._require(y_clean, "the true label of every row")
        return float(accuracy_score(y_clean, estimator.predict(X)))


class _NoiseF1Scorer(_RoutedScorer):
    """F1 of ``predict_noise`` against known wrong labels, passed as the metadata ``flipped``.

    For noise made on purpose or labels checked by hand. Wrong labels are the positives; a fold
    without a wrong label that is found scores 0. In a pipeline the last step must have
    ``predict_noise``, and the steps before it transform ``X``; in a search, the best estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.metrics import noise_f1_scorer
    >>> class Suspicious:
    ...     def predict_noise(self, X, y):
    ...         return np.array([True, True, False, False])
    >>> flipped = [True, False, True, False]
    >>> noise_f1_scorer(Suspicious(), np.zeros((4, 1)), [0, 1, 0, 1], flipped=flipped)
    0.5
    """

    _name = "noise_f1_scorer"
    _metadata = "flipped"

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        flipped: ArrayLike | None = None,
    ) -> float:
        """Return the F1 score of the verdict on the labels y of X."""
        flipped = self._require(flipped, "the mask of the rows whose label is wrong")
        noise_mask = _predict_noise(estimator, X, y)
        return noise_detection_report(flipped, noise_mask)["f1"]


class _TrustedAccuracyScorer(_RoutedScorer):
    """Accuracy of ``predict`` on the rows in the mask passed as the metadata ``trusted``.

    For data where only some labels are known to be right. With few trusted rows the score is
    coarse; split with ``StratifiedKFold`` on the mask, or with fewer folds, so that every fold
    holds some: one without is an error. An estimator that asks for ``trusted`` in ``fit`` gets
    the training rows' part of the same mask.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sknoisy.metrics import trusted_accuracy_scorer
    >>> X, y = [[0], [1], [2], [3]], [1, 1, 1, 0]
    >>> model = DummyClassifier().fit(X, y)
    >>> trusted_accuracy_scorer(model, X, y, trusted=[True, False, False, True])
    0.5
    """

    _name = "trusted_accuracy_scorer"
    _metadata = "trusted"

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, *, trusted: ArrayLike | None = None
    ) -> float:
        """Return the accuracy on the rows of X whose label in y is trusted."""
        trusted = self._require(trusted, "the mask of the rows whose label is known to be right")
        y = np.asarray(y)
        trusted = check_mask(trusted, "trusted", len(y))
        if not trusted.any():
            raise ValueError(
                f"trusted must be True for at least one of the scored rows; got {len(y)} rows "
                "and none. Split with StratifiedKFold on the mask, or into fewer folds."
            )
        # All rows are predicted: X may be of any kind, and not each can be indexed by a mask.
        return float(accuracy_score(y[trusted], np.asarray(estimator.predict(X))[trusted]))


clean_accuracy_scorer = _CleanAccuracyScorer()
noise_f1_scorer = _NoiseF1Scorer()
trusted_accuracy_scorer = _TrustedAccuracyScorer()


def _predict_noise(estimator: Any, X: Any, y: ArrayLike | None) -> NDArray[np.bool_]:
    """Call predict_noise; pipelines and searches have none, so go to the estimator they hold."""
    if hasattr(estimator, "best_estimator_"):
        return _predict_noise(estimator.best_estimator_, X, y)
    if isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        return _predict_noise(estimator[-1], X, y)
    if not hasattr(estimator, "predict_noise"):
        raise TypeError(
            "noise_f1_scorer needs an estimator with predict_noise, such as NoisyLabelDetector; "
            f"got {type(estimator).__name__}."
        )
    return estimator.predict_noise(X, y)


def _mask_rates(flipped: NDArray[np.bool_], noise_mask: NDArray[np.bool_]) -> dict[str, float]:
    n_flagged, n_flipped = int(noise_mask.sum()), int(flipped.sum())
    n_found = int((flipped & noise_mask).sum())
    fdr = (n_flagged - n_found) / n_flagged if n_flagged else 0.0
    recall = n_found / n_flipped if n_flipped else float("nan")
    f1 = 2 * n_found / (n_flagged + n_flipped) if n_found else 0.0
    return {"fdr": fdr, "recall": recall, "precision": 1 - fdr, "f1": f1}


def _quality_auc(flipped: NDArray[np.bool_], label_quality: ArrayLike) -> float:
    label_quality = np.asarray(label_quality, dtype=np.float64)
    if label_quality.shape != flipped.shape:
        raise ValueError(
            f"label_quality must have the shape of flipped, {flipped.shape}; "
            f"got {label_quality.shape}."
        )
    if not np.isfinite(label_quality).all():
        raise ValueError("label_quality must be finite; got NaN or infinite values.")
    if flipped.all() or not flipped.any():
        return float("nan")
    # The order of 1 - quality, without its rounding of qualities near 0.
    return float(roc_auc_score(flipped, -label_quality))


def _check_share(values: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"{name} must be in [0, 1], a share and no percentage; got {values}.")
    return values
