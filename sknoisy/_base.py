"""What both estimators share: checks, evidence, verdict and prediction."""

import os
from contextlib import nullcontext
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from joblib import Memory
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Bunch, Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetClassifier
from torch.utils.data import Dataset

from ._arrays import plain
from ._checkpoints import describe_fit
from ._distributed import check_distributed_fit
from ._documentation import DocumentedEstimator
from ._evidence import collect_evidence, draw_seed, predict_together
from ._features import row_index
from ._fit_progress import CallbackSupportMixin
from ._judges import Judges, check_estimator_rows, check_rows_of_method, resolve_judges
from ._labels import (
    RowMetadata,
    check_labels,
    check_trusted,
    check_weights,
    encode_groups,
    encode_labels,
)
from ._parameters import (
    check_number,
    check_random_state_parameter,
    check_share,
    check_verbose,
)
from ._review import ReviewedLabels
from ._rows import CheckedRows
from ._typing import (
    BoolArray,
    CrossValidation,
    Features,
    FloatArray,
    History,
    IntArray,
    LabelArray,
    Labels,
    NetParameter,
    RandomStateParameter,
    RowValues,
)
from ._verdict import CONTRADICTED, judge_rows, judged_rows, rates_of_groups, warn_of_lost_classes
from .methods import LabelEvidence, Method, resolve_method
from .noise_rates import calibrated_quality
from .persistence import restored, stored
from .thresholds import (
    estimate_transition_matrix,
    label_margins,
    quality_of_margins,
    quality_scale,
)
from .training import (
    Trainer,
    TrainingData,
    current_progress,
    ordinary_surroundings,
    searchable_net,
    seeded_global_state,
)

LISTED_LABELS = 2**16


class BaseNoisyLabelEstimator(
    ReviewedLabels, CallbackSupportMixin, DocumentedEstimator, ClassifierMixin, BaseEstimator
):
    """Find wrong labels by a method, and predict with the net that it leaves."""

    __metadata_request__fit = {"trusted": True, "groups": True}

    noise_mask_: BoolArray
    label_quality_: FloatArray
    sample_weights_: FloatArray
    suggested_labels_: LabelArray
    threshold_: float
    noise_rate_: float
    noise_rate_interval_: tuple[float, float]
    class_noise_rates_: FloatArray
    class_noise_rate_intervals_: FloatArray
    group_noise_rates_: pd.Series
    evidence_: Bunch
    classes_: LabelArray
    n_features_in_: int
    feature_names_in_: LabelArray
    transition_matrix_: FloatArray
    net_: NeuralNetClassifier
    estimators_: list[BaseEstimator]
    history_: History

    def __init__(
        self,
        method: str | Method = "wrong_event",
        *,
        net: NetParameter = None,
        estimator: BaseEstimator | None = None,
        cv: CrossValidation = None,
        threshold: float | Literal["auto"] = "auto",
        contamination: float | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str | torch.device = "auto",
        memory: str | Memory | None = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomStateParameter = None,
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.net = net
        self.estimator = estimator
        self.cv = cv
        self.threshold = threshold
        self.contamination = contamination
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.memory = memory
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator, and of the method and net that it holds.

        Where `method` is a name or `net` isn't a skorch net, and one of their own parameters is
        given, as in a grid over `method__holdout` or `net__lr`, an object takes its place.

        Parameters
        ----------
        **params : dict
            By name; those of the method as `method__name`, of the net as `net__name`.

        Returns
        -------
        self
        """
        for name, searchable in (("method", resolve_method), ("net", searchable_net)):
            own = {each: value for each, value in params.items() if each.startswith(f"{name}__")}
            given = params.get(name, getattr(self, name))
            if not own or hasattr(given, "set_params"):
                continue
            for each in own:
                del params[each]
            # Before it takes its place, so that an error leaves the estimator as it was.
            own = {each.removeprefix(f"{name}__"): value for each, value in own.items()}
            params[name] = searchable(given).set_params(**own)
        return super().set_params(**params)

    # -- fit ---------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        owner = type(self).__name__
        has_threshold = not (isinstance(self.threshold, str) and self.threshold == "auto")
        if has_threshold:
            check_share("threshold", self.threshold, owner)
        if self.contamination is not None:
            check_share("contamination", self.contamination, owner)
            if has_threshold:
                raise ValueError(
                    f"The 'contamination' parameter of {owner} takes the place of a threshold: "
                    f"leave threshold='auto'. Got threshold={self.threshold!r} too."
                )
        check_number(self, "max_epochs", 1, kind=Integral, optional=True)
        check_number(self, "batch_size", 1, kind=Integral, optional=True)
        check_number(self, "lr", 0, above=True, optional=True)
        check_random_state_parameter(self)
        check_verbose(self)

    def _check_data(
        self,
        method: Method,
        X: Features,
        y: Labels | None,
        metadata: RowMetadata,
    ) -> tuple[CheckedRows, TrainingData, Judges]:
        """Return the rows, what a training sees of them, and who judges them.

        Classes, labels and the user's own index are remembered.
        """
        index = row_index(X, y)
        rows = CheckedRows(self, X, reset=True)
        labels = check_labels(self, rows.checked, y)
        weights = check_weights(metadata.sample_weight, len(labels))
        classes, codes = encode_labels(labels, weights)
        trusted = check_trusted(
            metadata.trusted, codes, classes, weights, of_every_class=method.needs_trusted
        )
        self._groups, self._row_groups = encode_groups(metadata.groups, len(labels))
        if self.estimator is not None:
            check_estimator_rows(self, "estimator", rows, weights)
        check_rows_of_method(method, rows)
        judges = resolve_judges(self, method, rows)
        table = None if judges.estimator is None else rows.for_classifier(judges.estimator)
        features = rows.for_nets if judges.uses_net else table
        self.classes_ = classes
        self._given_labels = classes[codes]
        self._index = index
        data = TrainingData(
            features, codes, len(classes), trusted, weights, table=table, groups=self._row_groups
        )
        return rows, data, judges

    def _settings(self) -> dict[str, Any]:
        # numpy's numbers are taken too, and a cached training is found by either.
        return {
            "device": self.device,
            "max_epochs": None if self.max_epochs is None else int(self.max_epochs),
            "batch_size": None if self.batch_size is None else int(self.batch_size),
            "lr": None if self.lr is None else float(self.lr),
        }

    def _collect(
        self, judges: Judges, data: TrainingData, random_state: int | None, *, with_classifier: bool
    ) -> LabelEvidence:
        check_distributed_fit(self, judges.method, data, self._settings())
        describe_fit(self, data, random_state)
        evidence = collect_evidence(
            judges,
            data,
            random_state,
            with_classifier=with_classifier,
            settings=self._settings(),
            memory=self.memory,
            verbose=int(self.verbose),
        )
        current_progress().is_cached = self.memory is not None
        return evidence

    def _fixed_random_state(self) -> int | None:
        """Turn a generator into a seed, so that every stage of a fit starts from one value."""
        if self.random_state is None or isinstance(self.random_state, int | np.integer):
            return self.random_state
        return draw_seed(self.random_state)

    def _judge(self, method: Method, data: TrainingData, evidence: LabelEvidence) -> None:
        """Set the verdict on every row."""
        self._remember_for_review(data, evidence)
        is_auto = isinstance(self.threshold, str)
        verdict = judge_rows(
            evidence,
            data,
            own_threshold=method.default_threshold,
            threshold=None if is_auto else float(self.threshold),
            contamination=None if self.contamination is None else float(self.contamination),
        )
        self.noise_mask_, self.threshold_ = verdict.mask, verdict.threshold
        self.label_quality_ = verdict.quality
        self.noise_rate_ = verdict.noise_rate.rate
        self.noise_rate_interval_ = (verdict.noise_rate.low, verdict.noise_rate.high)
        self.class_noise_rates_ = np.bincount(data.y, 1 - verdict.quality) / np.bincount(data.y)
        self.class_noise_rate_intervals_ = verdict.class_rate_intervals
        self.evidence_ = Bunch(
            score=verdict.score,
            threshold=verdict.score_threshold,
            margin=evidence.margins,
            runner_up=self.classes_[evidence.runner_up],
            held_out_rows=evidence.held_out_rows,
            held_out_probabilities=evidence.held_out_probabilities,
        )
        if evidence.by_epoch is not None:
            self.evidence_["by_epoch"] = evidence.by_epoch
        if evidence.rounds:
            self.evidence_["rounds"] = evidence.rounds
        self._score_calibration = verdict.calibration
        warn_of_lost_classes(self.noise_mask_, data.y, self.classes_)
        if self._groups is not None and self._row_groups is not None:
            rates = rates_of_groups(verdict.quality, self._row_groups, self._groups)
            self.group_noise_rates_ = rates
        self._rank = np.empty(data.n_rows, dtype=np.int64)
        # Where probabilities round to the same number, scores tell them apart.
        order = np.lexsort((evidence.margins, verdict.score, verdict.quality))
        self._rank[order] = np.arange(1, data.n_rows + 1)
        self.sample_weights_ = np.where(data.trusted, 1.0, evidence.weights)
        suggested = np.where(self.noise_mask_, evidence.runner_up, data.y)
        self.suggested_labels_ = self.classes_[suggested]
        matrix = evidence.transition_matrix
        if matrix is None:
            # By verdict rather than by quality, which isn't a probability for every method.
            matrix = estimate_transition_matrix(
                data.y, evidence.runner_up, 1.0 - self.noise_mask_, data.n_classes
            )
        self.transition_matrix_ = matrix

    def _margins_of_predictor(self, data: TrainingData) -> FloatArray:
        """Return what the model that predicts says of the rows' labels."""
        # A Dataset may draw random views from the global generators.
        with seeded_global_state(0) if data.is_dataset else nullcontext():
            return label_margins(self._probabilities(data.X, data.table), data.y)

    def _probabilities(self, features: Any, table: Any) -> FloatArray:
        return predict_together(
            self._nets(),
            features,
            self._judging_classifiers(),
            table,
            len(self.classes_),
            self._estimators_weight,
        )

    def _nets(self) -> tuple[NeuralNetClassifier, ...]:
        return (self.net_, *self._peer_nets) if hasattr(self, "net_") else ()

    def _judging_classifiers(self) -> list[BaseEstimator]:
        return getattr(self, "estimators_", [])

    def _scale_margins(
        self, method: Method, data: TrainingData, margins: FloatArray | None = None
    ) -> None:
        """Keep how margins of new rows are brought to the scale of the method's own score.

        The border of the verdict is where the predicting model starts to contradict a label. With
        `contamination` it is the margin below which that share of the rows lies, unless the
        model contradicts fewer: one that has learnt the given labels by heart must not make
        new rows suspicious about which it is merely less sure.

        `margins` are those of the predicting model; None: yet to be computed.
        """
        margins = self._margins_of_predictor(data) if margins is None else margins
        judged = judged_rows(data)
        margins, score = margins[judged], self.evidence_.score[judged]
        anchor = CONTRADICTED, method.default_threshold
        if self.contamination is not None and len(margins):
            border = np.quantile(margins, self.noise_mask_[judged].mean())
            if self.evidence_.threshold <= method.default_threshold:
                border = min(border, CONTRADICTED)
            anchor = border, self.evidence_.threshold
        self._quality_scale = quality_scale(margins, score, anchor)

    def _keep_models(self, data: TrainingData, evidence: LabelEvidence) -> None:
        """Keep what predicts: the nets with the weights of a training, and the classifiers."""
        if evidence.states:
            trainer = Trainer(self.net, data, seed=0, **self._settings())
            self.net_, *self._peer_nets = (trainer.rebuild(state) for state in evidence.states)
        if evidence.estimators:
            self.estimators_ = list(evidence.estimators)
        self._estimators_weight = evidence.estimators_weight
        self.history_ = evidence.history

    # -- predict -----------------------------------------------------------------------------

    def predict_proba(self, X: Features) -> FloatArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        check_is_fitted(self)
        with ordinary_surroundings:
            rows = CheckedRows(self, X, reset=False)
            features = rows.for_nets if self._nets() else None
            classifiers = self._judging_classifiers()
            table = rows.for_classifier(classifiers[0]) if classifiers else None
        return self._probabilities(features, table)

    def predict(self, X: Features) -> LabelArray:
        """Return the most likely class of each row.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows,)
            In the user's own labels.
        """
        codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def score(
        self, X: Features, y: Labels | None = None, sample_weight: RowValues | None = None
    ) -> float:
        """Return the accuracy of `predict`.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
        y : array-like of shape (n_rows,), default=None
            Labels of any kind that fit takes. May be None for a Dataset.
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        labels = check_labels(self, X if isinstance(X, Dataset) else predicted, y)
        return float(accuracy_score(labels, predicted, sample_weight=sample_weight))

    def score_labels(self, X: Features, y: Labels | None) -> FloatArray:
        """Return how likely the labels of rows not seen in fit are right.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
        y : array-like of shape (n_rows,)
            Labels of classes seen in fit.

        Returns
        -------
        ndarray of shape (n_rows,)
            In [0, 1], on the scale of `label_quality_`: labels below `threshold_` are judged
            wrong. In the order of p(given) / (p(given) + p(best other class)).
        """
        probabilities = self.predict_proba(X)
        labels = check_labels(self, X if isinstance(X, Dataset) else probabilities, y)
        return self._quality_of(probabilities, self._codes_of(labels))

    def _quality_of(self, probabilities: FloatArray, codes: IntArray) -> FloatArray:
        """Return the quality of labels not seen in fit, given what is predicted of their rows."""
        margins = label_margins(probabilities, codes)
        scores = quality_of_margins(margins, self._quality_scale)
        return self._calibrated_by_review(calibrated_quality(scores, self._score_calibration))

    def predict_noise(self, X: Features, y: Labels | None) -> BoolArray:
        """Return which labels of rows not seen in fit are judged wrong.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
        y : array-like of shape (n_rows,)
            Labels of classes seen in fit.

        Returns
        -------
        ndarray of bool of shape (n_rows,)
            Whether `score_labels` is below `threshold_`.
        """
        return self.score_labels(X, y) < self.threshold_

    def _codes_of(self, labels: LabelArray) -> IntArray:
        code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        codes = np.empty(len(labels), dtype=np.int64)
        # A list of all labels might take more memory than the rows.
        for start in range(0, len(labels), LISTED_LABELS):
            block = slice(start, start + LISTED_LABELS)
            codes[block] = [code_of.get(label, -1) for label in labels[block].tolist()]
        if codes.min() < 0:
            row = int(np.argmin(codes))
            raise ValueError(
                f"y has the label {plain(labels[row])!r} in row {row}, which was not seen in fit."
            )
        return codes

    def get_label_issues(self) -> pd.DataFrame:
        """Return the verdict on every row of fit as a table.

        Returns
        -------
        DataFrame
            Columns `given_label`, `suggested_label`, `label_quality`, `sample_weight`,
            `is_noise` and `rank` (1: most suspicious), in the order and with the index of the
            rows of fit.
        """
        check_is_fitted(self)
        return pd.DataFrame(
            {
                "given_label": self._given_labels,
                "suggested_label": self.suggested_labels_,
                "label_quality": self.label_quality_,
                "sample_weight": self.sample_weights_,
                "is_noise": self.noise_mask_,
                "rank": self._rank,
            },
            index=self._index,
        )

    def __getstate__(self) -> dict[str, Any]:
        return stored(dict(super().__getstate__()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(restored(state))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "label_quality_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags
