"""NoisyLabelDetector."""

import os
import sys
from dataclasses import fields
from typing import Any, Literal, Self

import numpy as np
import torch
from joblib import Memory
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils import Tags

from ._base import BaseNoisyLabelEstimator
from ._checkpoints import fit_checkpoints
from ._features import take_rows
from ._fit_or_nothing import fit_anew_or_not_at_all
from ._fit_progress import fit_progress, with_callbacks
from ._judges import check_estimator_parameter
from ._labels import RowMetadata, without_one_hot
from ._routing import route_to_fit_resample
from ._typing import (
    BoolArray,
    CrossValidation,
    Features,
    IntArray,
    Labels,
    NetParameter,
    RandomStateParameter,
    RowValues,
)
from .methods import Method, check_trusted_rows, resolve_method
from .training import ordinary_surroundings

route_to_fit_resample()


class NoisyLabelDetector(OneToOneFeatureMixin, BaseNoisyLabelEstimator):
    """Find the rows of a training set whose labels are wrong.

    It trains a net by the method and judges every row by what happened to it in training. As a
    step of an imbalanced-learn pipeline (`sknoisy.pipeline`) it drops the flagged rows at fit.
    scikit-learn's own pipeline can't drop rows, so it takes the detector as its last step only.

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
        judges is regularised more. Any other judges by cross-validated predictions.
    cv : int, splitter or iterable, default=None
        Folds of the cross-validated predictions of `estimator`, a booster too if this is given;
        without an `estimator` it means nothing. None: 5, as in scikit-learn, or as many as the
        smallest class has rows.
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
    sample_indices_ : ndarray of int
        Rows kept by `fit_resample`.

    See Also
    --------
    RobustClassifier : Learns in spite of the wrong labels.

    Notes
    -----
    Where classes overlap, a flag says that a label is ambiguous rather than wrong.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.2, random_state=0)
    >>> detector = NoisyLabelDetector(random_state=0).fit(X, y_noisy)
    >>> bool(detector.noise_mask_[flipped].mean() > 0.9)
    True
    """

    __metadata_request__fit_resample = {"trusted": True, "groups": True}

    sample_indices_: IntArray

    # Its own, so that Python names this class where an argument doesn't exist.
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
        """Train, and judge every row.

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
        _, data, judges = self._check_data(method, X, y, metadata)
        check_trusted_rows(method, data.trusted)
        random_state = self._fixed_random_state()
        evidence = self._collect(judges, data, random_state, with_classifier=False)
        self._judge(method, data, evidence)
        self._keep_models(data, evidence)
        self._scale_margins(method, data, evidence.margins)

    def fit_predict(
        self,
        X: Features,
        y: Labels | None = None,
        *,
        trusted: RowValues | None = None,
        sample_weight: RowValues | None = None,
        groups: RowValues | None = None,
    ) -> BoolArray:
        """Fit, and return `noise_mask_`.

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
        ndarray of bool of shape (n_rows,)
        """
        metadata = RowMetadata(trusted, sample_weight, groups)
        return self.fit(X, y, **metadata._asdict()).noise_mask_

    def fit_resample(
        self,
        X: Features,
        y: Labels | None = None,
        *,
        trusted: RowValues | None = None,
        sample_weight: RowValues | None = None,
        groups: RowValues | None = None,
    ) -> tuple[Any, Any]:
        """Fit, and return the rows that are kept.

        Labels may also come as one column of 0 and 1 per class, as samplers of imbalanced-learn
        take them. The classes are then the numbers of the columns.

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
        X, y : of the kind given
            The rows with `noise_mask_` False, in their order.
        """
        with fit_anew_or_not_at_all(self):
            metadata = RowMetadata(trusted, sample_weight, groups)
            self.fit(X, without_one_hot(y), **metadata._asdict())
            kept = self.sample_indices_ = np.flatnonzero(~self.noise_mask_)
            return take_rows(X, kept), take_rows(self._given_labels if y is None else y, kept)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Only those who have imported imbalanced-learn, which takes its time, ask for its tags.
        if "imblearn" not in sys.modules:
            return tags
        from imblearn.utils._tags import InputTags, SamplerTags
        from imblearn.utils._tags import Tags as SamplerEstimatorTags

        inputs = _values_of(tags.input_tags) | {"dataframe": True}
        others = _values_of(tags) | {"input_tags": InputTags(**inputs)}
        return SamplerEstimatorTags(**others, sampler_tags=SamplerTags(sample_indices=True))


def _values_of(tags: Any) -> dict[str, Any]:
    return {field.name: getattr(tags, field.name) for field in fields(tags)}
