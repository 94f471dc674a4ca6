"""What a method gets where a scikit-learn classifier judges in place of a net."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from .._typing import FloatArray, IntArray, LabelArray
from ..boosting import category_parameters, without_gaps_alone
from ._data import TrainingData
from ._seeding import child_seeds
from ._threads import threads_for_table

# Of a table, predicted at a time.
MAX_VALUES = 2**22


class EstimatorTrainer:
    """Trains clones of one classifier on rows of one data set, each with a seed of its own.

    Parameters
    ----------
    estimator : classifier
        As the user gave it.
    data : TrainingData
        Its `table` is what the classifier learns from.
    seed : int
    cv : None, int or splitter
        How rows are split where predictions are cross-validated; None: the method's choice.

    Attributes
    ----------
    data : TrainingData
    estimator : unfitted classifier
    cv : None, int or splitter
    """

    def __init__(self, estimator: Any, data: TrainingData, *, seed: int, cv: Any = None) -> None:
        self.estimator = estimator
        self.data = data
        self.cv = cv
        self._seeds = child_seeds(seed)

    def fit(self, rows: IntArray, **parameters: Any) -> Any:
        """Return a clone that has learnt the given rows, and classes as their codes.

        Parameters
        ----------
        rows : ndarray of int
        **parameters
            Parameters of the clone that differ from the user's.
        """
        weights = self.data.sample_weight
        return fit_clone(
            self.estimator,
            next(self._seeds),
            self.table(rows),
            self.data.y[rows],
            None if weights is None else weights[rows],
            **parameters,
        )

    def table(self, rows: IntArray) -> Any:
        """Return what a classifier sees of some rows."""
        return _safe_indexing(self.data.table, rows)

    def random_state(self) -> np.random.RandomState:
        """Return a numpy generator for what a method draws itself."""
        return np.random.RandomState(next(self._seeds))


def fit_clone(
    estimator: Any,
    seed: int | None,
    X: Any,
    y: LabelArray,
    sample_weight: FloatArray | None = None,
    **parameters: Any,
) -> Any:
    """Return a clone that has learnt X: seeded, and told which columns are categories.

    Where a random state is None it gets a seed, unless `seed` is None too. What the user set stays,
    except for `parameters`. Weights are passed on only if there are any.
    """
    classifier = seeded_clone(estimator, seed)
    known = classifier.get_params()
    for name, value in category_parameters(classifier, X).items():
        if not known.get(name):
            classifier.set_params(**{name: value})
    classifier.set_params(**parameters)
    X = without_gaps_alone(classifier, X)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    with threads_for_table(X):
        return classifier.fit(X, y, **weights)


def seeded_clone(estimator: Any, seed: int | None) -> Any:
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
    return estimator.set_params(**{name: random_state.randint(2**31 - 1) for name in unset})


def takes_sample_weight(estimator: Any) -> bool:
    """Return whether a classifier's fit takes weights of rows."""
    return has_fit_parameter(estimator, "sample_weight")


def class_probabilities(classifier: Any, X: Any, n_classes: int) -> FloatArray:
    """Return a classifier's probabilities with a column for each class code.

    A class that the classifier hasn't seen has probability 0.
    """
    codes = classifier.classes_
    with threads_for_table(X):
        if not isinstance(X, np.ndarray | pd.DataFrame) or X.size <= MAX_VALUES:
            return with_every_class(classifier.predict_proba(X), codes, n_classes)
        # Boosted trees copy what they predict, to other types.
        probabilities = np.empty((len(X), n_classes))
        size = max(MAX_VALUES * len(X) // X.size, 1)
        for start in range(0, len(X), size):
            rows = slice(start, start + size)
            block = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            found = with_every_class(classifier.predict_proba(block), codes, n_classes)
            probabilities[rows] = found
        return probabilities


def with_every_class(
    probabilities: FloatArray, codes: IntArray | Sequence[int], n_classes: int
) -> FloatArray:
    """Return probabilities of some classes as columns among those of all."""
    if len(codes) == n_classes:
        return np.asarray(probabilities, dtype=np.float64)
    complete = np.zeros((len(probabilities), n_classes))
    complete[:, np.asarray(codes, dtype=int)] = probabilities
    return complete


def mean_probabilities(classifiers: Sequence[Any], X: Any, n_classes: int) -> FloatArray:
    """Return the mean of several classifiers' probabilities."""
    first, *others = classifiers
    total = class_probabilities(first, X, n_classes)
    for classifier in others:
        total = total + class_probabilities(classifier, X, n_classes)
    return total / len(classifiers)
