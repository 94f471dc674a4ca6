"""RobustClassifier."""

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from inspect import isclass
from typing import Any, Literal, Self, TypeVar

import numpy as np
import torch
from joblib import Memory
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._base import BaseNoisyLabelEstimator
from ._checkpoints import fit_checkpoints
from ._evidence import draw_seed, predict_together
from ._final import (
    FORMS,
    ComparedForms,
    agreement,
    compare_forms,
    fit_weighted,
    form_weights,
    is_better,
    with_best_of_lost_classes,
)
from ._fit_or_nothing import fit_anew_or_not_at_all
from ._fit_progress import fit_progress, with_callbacks
from ._judges import check_estimator_parameter, check_estimator_rows
from ._labels import RowMetadata
from ._rows import CheckedRows
from ._typing import (
    BoolArray,
    CrossValidation,
    Features,
    FloatArray,
    LabelArray,
    Labels,
    NetParameter,
    RandomStateParameter,
    RowValues,
)
from .boosting import needs_codes
from .methods import Method, check_trusted_rows, resolve_method
from .thresholds import judge_labels, label_margins
from .training import (
    Trainer,
    TrainingData,
    begin_checkpointed_part,
    ordinary_surroundings,
    progress_task,
    seed_of_fit,
    takes_sample_weight,
    threads_for_table,
)

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
FINALS = ("auto", "method", "plain", "soft", "weight", "filter", "filter_weight")


def _gives_probabilities(model: "RobustClassifier") -> bool:
    if model.__sklearn_is_fitted__():
        final = getattr(model, "final_estimator_", None)
    else:
        final = model.final_estimator
    return final is None or hasattr(final, "predict_proba")


def _available_if(check: Callable[[Any], bool]) -> Callable[[MethodT], MethodT]:
    """Return scikit-learn's decorator; for type checkers it leaves the signature as it is."""
    return available_if(check)


class RobustClassifier(BaseNoisyLabelEstimator):
    """Classify in spite of wrong labels in the training set.

    It trains a net by the method, judges every row by what happened to it in training, and
    gets the classifier from that.

    Parameters
    ----------
    method : str or Method, default="wrong_event"
        "wrong_event", "lsw", "cross_entropy", or an object from `sknoisy.methods`, whose own
        parameters are searchable as `method__name`.
    net : skorch NeuralNetClassifier, nn.Module, class of one, or None, default=None
        The net to train. None: `VisionNet` for images; `EmbeddingNet` for rows of 256 numbers and
        more; for other tables `TabularNet`, and with wrong event boosted trees beside it, each
        weighed by how well it knows the table. A module that is an instance is fine-tuned, with
        the defaults of `FineTunedNet`. A skorch net is
        cloned; its callbacks, optimiser, criterion and `module__*` work as in skorch. Its
        `train_split`, if it has one (skorch's own default is to hold out a fifth), is
        respected: rows held out are judged without being learnt from. A module's constructor
        parameters `n_features`, `n_channels` and `n_classes` are set from the data.
    estimator : classifier, default=None
        A scikit-learn classifier that judges in place of the net. One that boosts in rounds
        (scikit-learn's, LightGBM's, XGBoost's and CatBoost's) is trained once, and wrong events are
        counted over its rounds; where you left its regularisation at the default, the clone that
        judges is regularised more. Any other judges by cross-validated predictions. Unless a
        `final_estimator` is given, a clone of it is trained on what the verdict leaves.
    cv : int, splitter or iterable, default=None
        Folds of the cross-validated predictions of `estimator`, a booster too if this is given;
        without an `estimator` it means nothing. None: 5, as in scikit-learn, or as many as the
        smallest class has rows.
    final : str, default="auto"
        How the classifier is got from the evidence. "method": the net as the method trained it.
        Else it is trained anew. "plain": on all rows; "filter": on the rows that aren't flagged;
        "weight": with `sample_weights_`; "filter_weight": both; "soft": with a weight that rises
        from 0 to 1 where `label_quality_` rises from 3/8 to 5/8. "auto": of nets what
        the method's paper does, by its own rule: "method" for wrong event, "filter" for LSW. With
        an `estimator` or a `final_estimator`, and for trees that predict beside the net: "soft",
        unless "filter" or "plain", trained without the held-out rows, predicts more of their
        labels, by more than 1.5 standard errors. See `final_`.
    final_estimator : classifier, default=None
        A scikit-learn classifier to be trained on the kept or weighted rows in place of the net.
        Where it, or a part of it, has random_state=None, its clone gets a seed that is derived
        from `random_state`, if that isn't None.
    threshold : "auto" or float in (0, 1), default="auto"
        Rows whose `label_quality_` is below it are flagged. "auto": the method's own rule, but
        no label is flagged that is right with a probability of 0.95 even if as many are wrong as
        the data leave plausible.
    contamination : float in (0, 1), default=None
        Instead of a threshold: share of the untrusted rows to flag, to within a row. Rows of equal
        quality are told apart by the margin of their label, as the net sees it, then by their
        order. A class that would lose all rows keeps its best; the next row takes its place.
    max_epochs, batch_size, lr : default=None
        None: the net's own values.
    device : str, default="auto"
        "auto": CUDA, then MPS, then the CPU; or a torch device.
    memory : str or joblib.Memory, default=None
        Caches the costly training, so that a grid over thresholds trains once per fold. With
        `random_state=None` equal trainings are taken from the cache too.
    checkpoint_dir : str or path, default=None
        A folder in which a fit keeps how far it is, at most once a minute. If it is stopped, the
        next equal fit goes on from the last epoch kept there, and ends on a CPU as if nothing had
        happened. What is left there when a fit ends is an empty lock file.
    random_state : int, RandomState instance or None, default=None
        Initial weights, order of the rows, views and dropout. On a CPU an integer makes fits
        with as many torch threads equal to the bit, in threads and processes too.
    verbose : int, default=0
        1: a bar in a terminal and in a notebook, a line every ten seconds in a file, and a line
        that sums up; 2: a line per epoch, round and fold; 3: skorch's table as well.

    Attributes
    ----------
    noise_mask_ : ndarray of bool of shape (n_rows,)
        True: the label is judged wrong.
    label_quality_ : ndarray of shape (n_rows,)
        Estimated probability that the given label is right.
    sample_weights_ : ndarray of shape (n_rows,)
        Weight of the row in training, in [0, 1].
    suggested_labels_ : ndarray of shape (n_rows,)
        What the label should be, in the user's own labels.
    reviewed_ : ndarray of bool of shape (n_rows,)
        After `apply_review`: rows whose right class a person has told.
    corrected_labels_ : ndarray of shape (n_rows,)
        After `apply_review`: the given labels, with the classes that a person has told.
    threshold_ : float
        Quality below which a label is judged wrong, in [0, 1]. Every class keeps its best row
        nevertheless, and with `contamination` some rows that tie with it may be flagged.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has column names.
    noise_rate_ : float
        Estimated share of wrong labels.
    noise_rate_interval_ : (float, float)
        Its 90 % interval: from what only error explains to all that is contradicted. Without any
        checked row, error and overlap of the classes can't be told apart for certain.
    class_noise_rates_ : ndarray of shape (n_classes,)
        Estimated share of wrong labels among the rows given each class.
    class_noise_rate_intervals_ : ndarray of shape (n_classes, 2)
        Their intervals of 90 % and more. Classes of few rows have wide ones.
    group_noise_rates_ : Series
        The same for each group, if `groups` were given.
    evidence_ : Bunch
        What the method itself found: its `score` of each row, in [0, 1], and the `threshold` of
        it; the `margin` of the label and its `runner_up`, as the model sees them; the
        `held_out_rows`, and the class probabilities predicted for them. `by_epoch`, where the
        method's `record_epochs` asks for it; `rounds`, as in `history_`, of the booster that judges
        beside a net.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        Estimate of P(given class j | true class i).
    net_ : skorch NeuralNetClassifier
        The trained net.
    history_ : list of dict
        One dict per epoch of all trainings of nets; with a booster as `estimator`, one per round.
        What skorch records, `epoch` (from 1 on in each training) or `round`, and `train_loss`; the
        `stage` of the training; the shares of the rows whose given label is predicted,
        `train_agreement`, and `held_out_agreement` where rows are held out (of a sample of them);
        `wrong_events`, the mean share of the epochs of a training so far in which rows were
        contradicted; `memorization_gap` where counting ends by it; the `judge` where a net and a
        booster judge together.
    estimators_ : list of classifiers
        Only with an `estimator`: the fitted clones that judged, one booster or one per fold. They
        know the classes as codes 0, 1, ... There is no `net_` then.
    final_ : str
        How the classifier was got: one of the values of `final`, without "auto".
    final_scores_ : dict of str to float
        Only where forms were compared: the share of the labels of `evidence_.held_out_rows` that
        each predicts.
    final_estimator_ : classifier
        The fitted `final_estimator` or clone of `estimator`, if one was given; `net_` is then the
        method's net.

    See Also
    --------
    NoisyLabelDetector : Only finds the wrong labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sknoisy import RobustClassifier
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> y_noisy, flipped = flip_symmetric(y_train, 0.4, random_state=0)
    >>> model = RobustClassifier(random_state=0).fit(X_train, y_noisy)
    >>> bool(model.score(X_test, y_test) > 0.9)
    True
    """

    final_: str
    final_scores_: dict[str, float]
    final_estimator_: BaseEstimator

    def __init__(
        self,
        method: str | Method = "wrong_event",
        *,
        net: NetParameter = None,
        estimator: BaseEstimator | None = None,
        cv: CrossValidation = None,
        final: str = "auto",
        final_estimator: BaseEstimator | None = None,
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
        super().__init__(
            method,
            net=net,
            estimator=estimator,
            cv=cv,
            threshold=threshold,
            contamination=contamination,
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            device=device,
            memory=memory,
            checkpoint_dir=checkpoint_dir,
            random_state=random_state,
            verbose=verbose,
        )
        self.final = final
        self.final_estimator = final_estimator

    @with_callbacks
    def fit(
        self,
        X: Features,
        y: Labels | None = None,
        *,
        trusted: RowValues | None = None,
        sample_weight: RowValues | None = None,
        groups: RowValues | None = None,
    ) -> Self:
        """Train, judge every row, and get the classifier.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
            A table (n_rows, n_features) of numbers, texts, categories, booleans and dates, with
            missing values; images (n_rows, height, width), (n_rows, channels, height, width) or
            (n_rows, height, width, channels), bytes or floats in [0, 1]; a Dataset of pairs
            (x, y); or a dict of arrays, the parameters of the forward of the `net` given.
        y : array-like of shape (n_rows,)
            Given labels. May be None for a Dataset.
        trusted : array-like of bool of shape (n_rows,), default=None
            Rows whose labels are known to be right: never flagged, weight 1.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the training loss. Rows of weight zero aren't learnt from, but
            judged. A weight of 2 equals a row given twice in expectation over batches.
        groups : array-like of shape (n_rows,), default=None
            Who labelled each row, or which batch, site or original it comes from; see
            `group_noise_rates_`. Where there are 50 groups and more, the rows of one are held out
            together.

        Returns
        -------
        self
        """
        with (
            fit_progress(self, X, y),
            fit_checkpoints(self),
            fit_anew_or_not_at_all(self),
            ordinary_surroundings,
        ):
            self._fit(X, y, RowMetadata(trusted, sample_weight, groups))
        return self

    def _fit(
        self,
        X: Features,
        y: Labels | None,
        metadata: RowMetadata,
    ) -> None:
        self._check_parameters()
        method = resolve_method(self.method)
        check_estimator_parameter(self, method)
        final = self._resolve_final(method)
        rows, data, judges = self._check_data(method, X, y, metadata)
        check_trusted_rows(method, data.trusted)
        if self.final_estimator is not None:
            check_estimator_rows(self, "final_estimator", rows, data.sample_weight)
        random_state = self._fixed_random_state()
        evidence = self._collect(judges, data, random_state, with_classifier=final == "method")
        seed = seed_of_fit(random_state)
        final_seed = None if seed is None else (int(seed) + 1) % 2**32
        self._judge(method, data, evidence)
        self._keep_models(data, evidence)
        self.final_ = final
        judge_together = judges.uses_net and judges.estimator is not None
        if final == "method" and not judge_together:
            self._scale_margins(method, data, evidence.margins)
        elif self._final_classifier() is None:
            if final != "method":
                self._fit_final_net(data, final, final_seed)
            if judge_together:
                self._fit_final_trees(judges.estimator, data, final, final_seed)
            self._scale_margins(method, data)
        else:
            table = rows.for_classifier(self._final_classifier())
            self._fit_final_estimator(table, data, final, final_seed)
            if hasattr(self.final_estimator_, "predict_proba"):
                with threads_for_table(table):
                    probabilities = self.final_estimator_.predict_proba(table)
                self._scale_margins(method, data, label_margins(probabilities, data.y))

    def _final_classifier(self) -> Any:
        """Return the scikit-learn classifier that predicts in the end; None: a net does."""
        if self.final_estimator is not None:
            return self.final_estimator
        # A judge that predicts too isn't trained again.
        return None if self._checked_final() == "method" else self.estimator

    def _resolve_final(self, method: Method) -> str:
        """Return the form of the final training that the parameters ask for."""
        final = self._checked_final()
        classifier = self._final_classifier()
        if classifier is None:
            return method.default_final if final == "auto" else final
        if isclass(classifier) or not (hasattr(classifier, "fit") and is_classifier(classifier)):
            raise TypeError(
                "The 'final_estimator' parameter of RobustClassifier must be a classifier. "
                f"Got {classifier!r} instead."
            )
        if final.endswith("weight") and not takes_sample_weight(classifier):
            raise ValueError(
                f"final={final!r} needs a 'final_estimator' whose fit takes sample_weight. "
                f"Got {classifier!r}."
            )
        if final == "method":
            raise ValueError(
                "final='method' keeps the net that the method trained, so it excludes a "
                f"'final_estimator'. Got {classifier!r}."
            )
        return final

    def _checked_final(self) -> str:
        if isinstance(self.final, str) and self.final == "joint":
            warnings.warn(
                "final='joint' is called final='method' now; the old name goes in 0.3.",
                FutureWarning,
                stacklevel=2,
            )
            return "method"
        if not isinstance(self.final, str) or self.final not in FINALS:
            raise ValueError(
                f"The 'final' parameter of RobustClassifier must be one of {FINALS}. "
                f"Got {self.final!r} instead."
            )
        return self.final

    def _fit_final_estimator(
        self, table: Any, data: TrainingData, final: str, seed: int | None
    ) -> None:
        classifier = self._final_classifier()
        if final == "auto":
            final = self._compare_forms(classifier, table, data, seed).best
        self.final_ = final
        labels = data.y if needs_codes(classifier) else self._given_labels
        weights = self._final_weights(final, data)
        with progress_task("final_estimator"):
            self.final_estimator_ = fit_weighted(classifier, table, labels, weights, seed)

    def _fit_final_trees(
        self, trees: Any, data: TrainingData, final: str, seed: int | None
    ) -> None:
        """Train the trees that predict beside the net, and see whether they need it."""
        if self.final == "auto":
            compared = self._compare_forms(trees, data.table, data, seed)
            final = compared.best
            self._weigh_final_trees(compared, data)
        elif final == "method":
            final = FORMS[0]
        weights = self._final_weights(final, data)
        with progress_task("final_trees"):
            self.estimators_ = [fit_weighted(trees, data.table, data.y, weights, seed)]

    def _compare_forms(
        self, classifier: Any, table: Any, data: TrainingData, seed: int | None
    ) -> ComparedForms:
        compared = compare_forms(
            lambda rows, weights: fit_weighted(classifier, table, data.y, weights, seed, rows),
            lambda form: self._final_weights(form, data),
            table,
            data,
            self.evidence_.held_out_rows,
        )
        if compared.scores:
            self.final_scores_ = compared.scores
        return compared

    def _final_weights(
        self, final: str, data: TrainingData, noise_mask: BoolArray | None = None
    ) -> FloatArray:
        """Return the weight of each row in the final training; 0: left out."""
        noise_mask = self.noise_mask_ if noise_mask is None else noise_mask
        weights = form_weights(final, self.label_quality_, noise_mask, self.sample_weights_)
        if data.sample_weight is not None:
            weights = weights * data.sample_weight
        return with_best_of_lost_classes(weights, self.label_quality_, data)

    def _weigh_final_trees(self, compared: ComparedForms, data: TrainingData) -> None:
        """Let the trees predict alone, where the net beside them makes them worse."""
        held_out, probabilities = data.take(compared.rows), compared.probabilities
        if probabilities is None:
            return
        of_nets = predict_together(self._nets(), held_out.X, (), None, data.n_classes, 0.0)
        weight = self._estimators_weight
        together = weight * probabilities + (1 - weight) * of_nets
        if is_better(*(agreement(each, held_out.y) for each in (probabilities, together))):
            self._estimators_weight = 1.0

    def _fit_final_net(self, data: TrainingData, final: str, seed: int | None) -> None:
        noise_mask = None
        if self.final == self.threshold == "auto" and self.contamination is None:
            # What a method's paper does, it does by its own rule.
            noise_mask = judge_labels(
                self.evidence_.score, self.evidence_.threshold, codes=data.y, trusted=data.trusted
            )
        weights = self._final_weights(final, data, noise_mask)
        data = replace(data, sample_weight=weights.astype(np.float32))
        trainer = Trainer(
            self.net, data, seed=draw_seed(seed), verbose=int(self.verbose), **self._settings()
        )
        begin_checkpointed_part("final")
        run = trainer.new_run().fit(stage="final")
        self.net_, self._peer_nets = trainer.rebuild(run.state()), []
        self.history_ = self.history_ + run.history()

    @_available_if(_gives_probabilities)
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
        if not hasattr(self, "final_estimator_"):
            return super().predict_proba(X)
        rows = self._final_rows(X)
        with threads_for_table(rows):
            return self.final_estimator_.predict_proba(rows)

    def predict(self, X: Features) -> LabelArray:
        """Return the class of each row, in the user's own labels.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        check_is_fitted(self)
        if not hasattr(self, "final_estimator_"):
            return super().predict(X)
        rows = self._final_rows(X)
        with threads_for_table(rows):
            predicted = self.final_estimator_.predict(rows)
        return self.classes_[predicted] if needs_codes(self.final_estimator_) else predicted

    def _final_rows(self, X: Features) -> Any:
        return CheckedRows(self, X, reset=False).for_classifier(self.final_estimator_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        classifier = self._final_classifier()
        if hasattr(classifier, "steps"):
            # A pipeline gets the rows as they are.
            taken = get_tags(classifier).input_tags
            for name in ("allow_nan", "sparse", "string"):
                setattr(tags.input_tags, name, getattr(taken, name))
        return tags
