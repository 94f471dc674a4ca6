"""RobustClassifier."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from inspect import isclass
from typing import Any, Literal, Self, TypeVar

import numpy as np
import torch
from joblib import Memory
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter
from skorch import NeuralNet

from ._arrays import as_array
from ._base import BaseNoisyLabelEstimator, fit_anew_or_not_at_all
from ._evidence import draw_seed
from ._features import check_features, take_rows
from ._typing import (
    Features,
    FloatArray,
    LabelArray,
    Labels,
    NetParameter,
    RandomStateParameter,
    RowValues,
)
from .methods import Method, check_trusted_rows, resolve_method
from .thresholds import label_margins
from .training import Trainer, TrainingData, ordinary_surroundings

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
FINALS = ("auto", "method", "weight", "filter", "filter_weight")


def _gives_probabilities(model: "RobustClassifier") -> bool:
    if model.__sklearn_is_fitted__():
        final = getattr(model, "final_estimator_", None)
    else:
        final = model.final_estimator
    return final is None or hasattr(final, "predict_proba")


def _available_if(check: Callable[[Any], bool]) -> Callable[[MethodT], MethodT]:
    """Return scikit-learn's decorator; for type checkers it leaves the signature as it is."""
    return available_if(check)


def _takes_images(estimator: Any) -> bool:
    """Return whether a classifier may learn from images; a pipeline may if its first step does."""
    while isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        if not steps:
            return True
        estimator = steps[0]
    if isinstance(estimator, NeuralNet):
        return True
    tags = get_tags(estimator)
    return tags.no_validation or tags.input_tags.three_d_array


def _seeded_clone(estimator: Any, seed: int | None) -> Any:
    """Return a clone whose random states get seeds, where they are None; all stay if `seed` is."""
    estimator = clone(estimator)
    if seed is None:
        return estimator
    random_state = np.random.RandomState(seed)
    unset = [
        name
        for name, value in sorted(estimator.get_params().items(), key=lambda item: item[0])
        if name.split("__")[-1] == "random_state" and value is None
    ]
    return estimator.set_params(**{name: draw_seed(random_state) for name in unset})


class RobustClassifier(BaseNoisyLabelEstimator):
    """Classify in spite of wrong labels in the training set.

    It trains a net by the method, judges every row by what happened to it in training, and
    gets the classifier from that.

    Parameters
    ----------
    method : str or Method, default="wrong_event"
        "wrong_event", "lsw", "cross_entropy", or an object from `sknoisy.methods`, whose own
        parameters are searchable as `method__name`.
    net : skorch NeuralNetClassifier, nn.Module class or None, default=None
        The net to train. None: `TabularNet` for tables, `VisionNet` for images. A skorch net is
        cloned; its callbacks, optimiser, criterion and `module__*` work as in skorch. Its
        `train_split`, if it has one (skorch's own default is to hold out a fifth), is
        respected: rows held out are judged without being learnt from. A module's constructor
        parameters `n_features`, `n_channels` and `n_classes` are set from the data.
    final : str, default="auto"
        How the classifier is got from the evidence. "method": the net as the method trained it;
        "weight": a fresh net with `sample_weights_` in the loss; "filter": a fresh net on the
        rows that aren't flagged; "filter_weight": both. "auto": what the method's paper does,
        "method" for wrong event and "filter" for LSW; "filter" with a `final_estimator`.
    final_estimator : classifier, default=None
        A scikit-learn classifier to be trained on the kept or weighted rows in place of the net.
        Where it, or a part of it, has random_state=None, its clone gets a seed that is derived
        from `random_state`, if that isn't None.
    threshold : "auto" or float in (0, 1), default="auto"
        Rows whose `label_quality_` is below it are flagged. "auto": the method's own rule.
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
    random_state : int, RandomState instance or None, default=None
        Initial weights, order of the rows, views and dropout. On a CPU an integer makes fits
        with as many torch threads equal to the bit, in threads and processes too.
    verbose : int, default=0
        1: a progress bar; 2: skorch's table as well.

    Attributes
    ----------
    noise_mask_ : ndarray of bool of shape (n_rows,)
        True: the label is judged wrong.
    label_quality_ : ndarray of shape (n_rows,)
        How likely the given label is right, in [0, 1]; low is suspicious.
    sample_weights_ : ndarray of shape (n_rows,)
        Weight of the row in training, in [0, 1].
    suggested_labels_ : ndarray of shape (n_rows,)
        What the label should be, in the user's own labels.
    threshold_ : float
        Quality below which a label is judged wrong, in [0, 1]. Every class keeps its best row
        nevertheless, and with `contamination` some rows that tie with it may be flagged.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has column names.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        Estimate of P(given class j | true class i).
    net_ : skorch NeuralNetClassifier
        The trained net.
    history_ : list of dict
        What skorch recorded, one dict per epoch.
    final_estimator_ : classifier
        The fitted `final_estimator`, if one was given; `net_` is then the method's net.

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

    final_estimator_: BaseEstimator

    def __init__(
        self,
        method: str | Method = "wrong_event",
        *,
        net: NetParameter = None,
        final: str = "auto",
        final_estimator: BaseEstimator | None = None,
        threshold: float | Literal["auto"] = "auto",
        contamination: float | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str | torch.device = "auto",
        memory: str | Memory | None = None,
        random_state: RandomStateParameter = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            method,
            net=net,
            threshold=threshold,
            contamination=contamination,
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            device=device,
            memory=memory,
            random_state=random_state,
            verbose=verbose,
        )
        self.final = final
        self.final_estimator = final_estimator

    def fit(
        self,
        X: Features,
        y: Labels | None = None,
        *,
        trusted: RowValues | None = None,
        sample_weight: RowValues | None = None,
    ) -> Self:
        """Train, judge every row, and get the classifier.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix or torch Dataset
            A table (n_rows, n_features) of numbers, texts, categories, booleans and dates, with
            missing values; images (n_rows, height, width), (n_rows, channels, height, width) or
            (n_rows, height, width, channels), bytes or floats in [0, 1]; or a Dataset of pairs
            (x, y).
        y : array-like of shape (n_rows,)
            Given labels. May be None for a Dataset.
        trusted : array-like of bool of shape (n_rows,), default=None
            Rows whose labels are known to be right: never flagged, weight 1.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row in the training loss. Rows of weight zero aren't learnt from, but
            judged. A weight of 2 equals a row given twice in expectation over batches.

        Returns
        -------
        self
        """
        with fit_anew_or_not_at_all(self), ordinary_surroundings:
            self._fit(X, y, trusted, sample_weight)
        return self

    def _fit(
        self,
        X: Features,
        y: Labels | None,
        trusted: RowValues | None,
        sample_weight: RowValues | None,
    ) -> None:
        self._check_parameters()
        method = resolve_method(self.method)
        final = self._resolve_final(method)
        data, classes, index = self._check_data(X, y, trusted, sample_weight)
        check_trusted_rows(method, data.trusted)
        self._check_final_estimator(data)
        random_state = self._fixed_random_state()
        final_seed = None if random_state is None else (int(random_state) + 1) % 2**32
        evidence = self._collect(method, data, random_state, with_classifier=final == "method")
        self._remember_rows(data, classes, index)
        self._judge(method, data, evidence)
        if self.final_estimator is not None:
            self._keep_nets(data, evidence.states, evidence.history)
            X = as_array(X, "X")
            self._fit_final_estimator(X, data, final, final_seed)
            if hasattr(self.final_estimator_, "predict_proba"):
                probabilities = self.final_estimator_.predict_proba(X)
                self._scale_margins(method, data, label_margins(probabilities, data.y))
        elif final == "method":
            self._keep_nets(data, evidence.states, evidence.history)
            self._scale_margins(method, data, evidence.margins)
        else:
            self._fit_final_net(data, final, final_seed)
            self._scale_margins(method, data)

    def _resolve_final(self, method: Method) -> str:
        """Return the form of the final training that the parameters ask for."""
        final = self._checked_final()
        if self.final_estimator is None:
            return method.default_final if final == "auto" else final
        if isclass(self.final_estimator) or not (
            hasattr(self.final_estimator, "fit") and is_classifier(self.final_estimator)
        ):
            raise TypeError(
                "The 'final_estimator' parameter of RobustClassifier must be a classifier. "
                f"Got {self.final_estimator!r} instead."
            )
        takes_weights = has_fit_parameter(self.final_estimator, "sample_weight")
        if final.endswith("weight") and not takes_weights:
            raise ValueError(
                f"final={final!r} needs a 'final_estimator' whose fit takes sample_weight. "
                f"Got {self.final_estimator!r}."
            )
        if final == "method":
            raise ValueError(
                "final='method' keeps the net that the method trained, so it excludes a "
                f"'final_estimator'. Got {self.final_estimator!r}."
            )
        return "filter" if final == "auto" else final

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

    def _check_final_estimator(self, data: TrainingData) -> None:
        final = self.final_estimator
        if final is None:
            return
        if data.is_dataset:
            raise TypeError(
                "A 'final_estimator' learns from arrays and DataFrames: pass X as one of these, "
                "or leave final_estimator=None. Got a torch Dataset."
            )
        if data.is_image and not _takes_images(final):
            raise TypeError(
                "A 'final_estimator' of scikit-learn learns from tables, not from images: leave "
                "final_estimator=None, pass features of the images as X, or begin a pipeline "
                "with a FunctionTransformer that flattens them. Got X with rows of shape "
                f"{data.X.shape[1:]} and {final!r}."
            )
        if data.sample_weight is not None and not has_fit_parameter(final, "sample_weight"):
            raise ValueError(
                "sample_weight needs a 'final_estimator' whose fit takes sample_weight. "
                f"Got {final!r}."
            )

    def _fit_final_estimator(
        self, X: Features, data: TrainingData, final: str, seed: int | None
    ) -> None:
        weights = self._final_weights(final, data)
        rows = np.flatnonzero(weights > 0)
        fit_params = {}
        if final.endswith("weight") or data.sample_weight is not None:
            fit_params["sample_weight"] = weights[rows]
        self.final_estimator_ = _seeded_clone(self.final_estimator, seed)
        self.final_estimator_.fit(take_rows(X, rows), self._given_labels[rows], **fit_params)

    def _final_weights(self, final: str, data: TrainingData) -> FloatArray:
        """Return the weight of each row in the final training; 0: left out."""
        weights = np.ones(data.n_rows) if data.sample_weight is None else data.sample_weight
        if final.endswith("weight"):
            weights = weights * self.sample_weights_
        if final.startswith("filter"):
            weights = np.where(self.noise_mask_, 0.0, weights)
        return self._with_every_class(weights, data)

    def _with_every_class(self, weights: FloatArray, data: TrainingData) -> FloatArray:
        """Give a class without weight its best row back: it couldn't be learnt otherwise."""
        totals = np.bincount(data.y, weights=weights, minlength=data.n_classes)
        for code in np.flatnonzero(totals == 0):
            rows = data.trained_rows()
            rows = rows[data.y[rows] == code]
            weights[rows[np.argmax(self.label_quality_[rows])]] = 1.0
        return weights

    def _fit_final_net(self, data: TrainingData, final: str, seed: int | None) -> None:
        weights = self._final_weights(final, data)
        data = replace(data, sample_weight=weights.astype(np.float32))
        trainer = Trainer(
            self.net, data, seed=draw_seed(seed), verbose=int(self.verbose), **self._settings()
        )
        run = trainer.new_run().fit()
        self._keep_nets(data, (run.state(),), run.history())

    @_available_if(_gives_probabilities)
    def predict_proba(self, X: Features) -> FloatArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix or torch Dataset
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        check_is_fitted(self)
        if not hasattr(self, "final_estimator_"):
            return super().predict_proba(X)
        check_features(self, X, reset=False)
        return self.final_estimator_.predict_proba(as_array(X, "X"))

    def predict(self, X: Features) -> LabelArray:
        """Return the class of each row, in the user's own labels.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix or torch Dataset
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        check_is_fitted(self)
        if not hasattr(self, "final_estimator_"):
            return super().predict(X)
        check_features(self, X, reset=False)
        return self.final_estimator_.predict(as_array(X, "X"))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if hasattr(self.final_estimator, "__sklearn_tags__"):
            # It gets the rows as they are.
            taken = get_tags(self.final_estimator).input_tags
            for name in ("allow_nan", "sparse", "string"):
                setattr(tags.input_tags, name, getattr(taken, name))
        return tags
