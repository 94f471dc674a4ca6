"""The protocol of a method: a small estimator-like object that produces evidence."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor

from .._documentation import DocumentedEstimator
from .._typing import FloatArray, History, IntArray, State
from ..training import Batch, EstimatorTrainer, Trainer, TrainingRun


@dataclass(frozen=True)
class Contradictions:
    """How often what was trained contradicted each given label.

    Parameters
    ----------
    counts : ndarray of int of shape (n_rows,)
        -1 where it isn't known.
    n_looks : int
        The largest possible count.
    looks : str
        What is counted, in words: "epochs", for instance.
    """

    counts: IntArray
    n_looks: int
    looks: str

    def of_rows(self, rows: IntArray, n_rows: int) -> "Contradictions":
        """Return the counts as those of some rows among more."""
        counts = np.full(n_rows, -1, dtype=np.int64)
        counts[rows] = self.counts
        return replace(self, counts=counts)


@dataclass
class LabelEvidence:
    """What a method found out about each row.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
        How likely the given label is right, in [0, 1].
    weights : ndarray of shape (n_rows,)
        Weight of the row in training, in [0, 1].
    runner_up : ndarray of shape (n_rows,) of int
        Most likely class other than the given one.
    margins : ndarray of shape (n_rows,)
        What the net itself says of the given label: p(given) / (p(given) + p(runner-up)).
    states : tuple of dict of Tensor, default=()
        Weights and buffers of the net, or of the nets, that predict; of several the mean counts.
    history : list of dict, default=[]
        What skorch recorded, one dict per epoch; or what was seen in each round of boosting.
    estimators : tuple of classifiers, default=()
        Fitted classifiers that predict in place of nets, or beside them, with codes as classes.
    estimators_weight : float, default=0.5
        Of the classifiers' probabilities where they predict beside nets, in [0, 1].
    transition_matrix : ndarray of shape (n_classes, n_classes), default=None
        P(given class j | true class i), where the method estimates it.
    held_out_rows : ndarray of int, default=empty
        Rows that weren't learnt from.
    held_out_probabilities : ndarray of shape (n_held_out_rows, n_classes), default=None
        What was predicted for them.
    contradictions : tuple of Contradictions, default=()
        What a person who looks at the labels is told.
    by_epoch : ndarray of float32 of shape (n_epochs, n_rows), default=None
        Score or weight of each row at the end of each epoch or round, where it was asked for; NaN
        where there is none.
    rounds : list of dict, default=[]
        What was seen in each round of the classifier that judges beside a net.
    """

    quality: np.ndarray
    weights: np.ndarray
    runner_up: np.ndarray
    margins: np.ndarray
    states: tuple[State, ...] = ()
    history: History = field(default_factory=list)
    estimators: tuple[Any, ...] = ()
    estimators_weight: float = 0.5
    transition_matrix: np.ndarray | None = None
    held_out_rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    held_out_probabilities: np.ndarray | None = None
    contradictions: tuple[Contradictions, ...] = ()
    by_epoch: np.ndarray | None = None
    rounds: History = field(default_factory=list)

    @classmethod
    def of(
        cls,
        run: TrainingRun,
        quality: FloatArray | None = None,
        weights: FloatArray | None = None,
        *,
        peers: Sequence[TrainingRun] = (),
        history: History | None = None,
        **fields: Any,
    ) -> Self:
        """Return the evidence that a training leaves.

        Parameters
        ----------
        run : TrainingRun
            Gives margins, runner-up, state and history.
        quality : ndarray of shape (n_rows,), default=None
            NaN where the training hasn't seen a row: its margin takes the place. None: all margins.
        weights : ndarray of shape (n_rows,), default=None
            Likewise. None: the quality.
        peers : iterable of TrainingRun, default=()
            Nets that predict along with that of the run.
        history : list of dict, default=None
            Of all trainings, where there was more than this run.
        **fields
            Further fields of the evidence.
        """
        every = np.arange(run.data.n_rows)
        margins, runner_up = run.predict(every, compare_with_runner_up, peers=peers)
        quality = _filled(quality, margins)
        return cls(
            quality=quality,
            weights=quality.copy() if weights is None else _filled(weights, margins),
            runner_up=runner_up,
            margins=margins,
            states=tuple(each.state() for each in (run, *peers)),
            history=run.history() if history is None else history,
            **fields,
        )

    @property
    def state(self) -> State:
        """Weights and buffers of the first net."""
        return self.states[0]


def _filled(values: FloatArray | None, margins: FloatArray) -> FloatArray:
    if values is None:
        return margins.copy()
    return np.where(np.isnan(values), margins, values)


def compare_with_runner_up(batch: Batch, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the margin of each row's given label over the best other class, and that class.

    The margin is p(given) / (p(given) + p(best other class)): below one half where the net
    predicts another class.
    """
    labels = batch.y[:, None]
    given = logits.gather(1, labels)[:, 0]
    best, runner_up = logits.scatter(1, labels, float("-inf")).max(dim=1)
    return (given - best).double().sigmoid(), runner_up


def runner_up_classes(probabilities: FloatArray, codes: IntArray) -> IntArray:
    """Return the most probable class other than the given one of each row.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
    codes : ndarray of int of shape (n_rows,)
        Given classes.

    Returns
    -------
    ndarray of int of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> runner_up_classes(np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]), np.array([0, 1]))
    array([1, 0])
    """
    others = probabilities.copy()
    others[np.arange(len(codes)), codes] = -1
    return others.argmax(axis=1)


class _Renamed:
    """A class attribute under an earlier name, for one version."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __set_name__(self, owner: type, old_name: str) -> None:
        self._old_name = old_name

    def __get__(self, method: object, owner: type | None = None) -> Any:
        _warn_renamed(self._old_name, self._name)
        return getattr(owner if method is None else method, self._name)


def _warn_renamed(old: str, new: str) -> None:
    warnings.warn(
        f"The attribute {old!r} of methods is called {new!r} now; the old name goes in 0.3.",
        FutureWarning,
        stacklevel=3,
    )


class Method(DocumentedEstimator, BaseEstimator):
    """Base class of the methods; its hooks are the protocol.

    A subclass sets the class attributes and defines `detect`. Constructor parameters are
    searchable as `method__name`.

    Attributes
    ----------
    name : str
        What users write: `method="wrong_event"`.
    needs, cost, choose_it : str
        For the tables of the documents: what it needs beside X and the labels, what it costs in
        trainings of the plain net, and when to choose it.
    citation : str
        The paper, in Markdown.
    needs_trusted : bool
        Whether it needs rows whose labels are known to be right.
    mixes_rows : bool
        Whether it adds the features of rows, so that they must be one array.
    trains_distributed : bool
        Whether several processes can train it together, each on its part of every batch.
    renamed_parameters : dict
        From earlier names of constructor parameters, which are "deprecated" where they aren't
        given, to those of today.
    default_threshold : float
        Rows of lower quality are judged wrong; the paper's rule where it has one.
    default_final : {"method", "filter", "weight", "filter_weight"}
        How the classifier is got; see `RobustClassifier`.
    holdout : float
        Share of the rows of each class that its trainings leave out.
    estimator_parameters : tuple of str or None
        Parameters that mean something where a scikit-learn classifier judges in place of a net;
        None: the method needs a net.
    """

    name: str
    needs = "the labels only"
    cost = ""
    choose_it = ""
    citation = ""
    needs_trusted = False
    mixes_rows = False
    trains_distributed = False
    renamed_parameters: dict[str, str] = {}
    default_threshold: float = 0.5
    default_final = "method"
    holdout: float = 0.1
    estimator_parameters: tuple[str, ...] | None = None

    published_threshold = _Renamed("default_threshold")
    published_final = _Renamed("default_final")

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        for new in ("default_threshold", "default_final"):
            old = new.replace("default", "published")
            if old in vars(cls):
                _warn_renamed(old, new)
                setattr(cls, new, vars(cls)[old])
                delattr(cls, old)

    def check_parameters(self) -> None:
        """Raise a ValueError for a parameter out of range; called at the head of fit."""

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and return a `LabelEvidence`.

        Parameters
        ----------
        trainer : Trainer
            Starts runs on its `data`. Trusted rows, or stand-ins for them, are settled already.
        """
        raise TypeError(f"{type(self).__name__} must define detect(trainer).")

    def detect_by_estimator(self, trainer: EstimatorTrainer) -> LabelEvidence:
        """Return the evidence that a scikit-learn classifier gives in place of a net.

        Only of methods that name their `estimator_parameters`.
        """
        raise TypeError(f"{type(self).__name__} must define detect_by_estimator(trainer).")

    def weigh_estimator(self, evidence: Any, by_estimator: Any) -> tuple[FloatArray, float]:
        """Return the label quality by net and classifier together, and the classifier's weight.

        Parameters
        ----------
        evidence : what `detect` returned
        by_estimator : what `detect_by_estimator` returned
        """
        raise TypeError(f"{type(self).__name__} must define weigh_estimator(...).")

    def train_classifier(self, trainer: Trainer, evidence: Any) -> LabelEvidence:
        """Return the evidence whose `states` are the classifier that the method itself trains."""
        return evidence

    def requires_trusted_rows(self) -> bool:
        """Return whether this object, with its parameters, needs trusted rows."""
        return self.needs_trusted
