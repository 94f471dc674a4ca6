"""Class probabilities of a fitted booster after each round, one round in memory at a time."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from .._typing import FloatArray
from ._families import family_of


def round_probabilities(booster: Any, X: Any) -> Iterator[FloatArray]:
    """Yield the class probabilities of all rows after one, two, ... rounds.

    Each round costs the prediction by its own trees, not by all before it. In memory are the
    probabilities of one round.

    Parameters
    ----------
    booster : fitted classifier
        One for which `has_rounds` is true.
    X : table, as the classifier takes it

    Yields
    ------
    ndarray of shape (n_rows, n_classes)
        Columns in the order of the classifier's `classes_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> booster = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    >>> rounds = list(round_probabilities(booster, X))
    >>> len(rounds), rounds[0].shape
    (5, (150, 3))
    """
    family = family_of(booster)
    if family == "lightgbm":
        yield from _accumulated(_lightgbm_scores(booster, X))
    elif family == "xgboost":
        yield from _accumulated(_xgboost_scores(booster, X))
    else:
        yield from booster.staged_predict_proba(X)


def count_rounds(booster: Any) -> int | None:
    """Return how many rounds a fitted booster has; None where it doesn't say."""
    family = family_of(booster)
    if family == "lightgbm":
        return booster.booster_.current_iteration()
    if family == "xgboost":
        return booster.get_booster().num_boosted_rounds()
    for name in ("n_iter_", "n_estimators_", "tree_count_"):
        if hasattr(booster, name):
            return int(getattr(booster, name))
    return len(booster.estimators_) if hasattr(booster, "estimators_") else None


def _accumulated(scores: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """Yield the probabilities that the sums of the scores so far give."""
    total: Any = 0.0
    for each in scores:
        total = total + each
        if total.ndim == 1:
            positive = expit(total)
            yield np.stack([1 - positive, positive], axis=1)
        else:
            yield softmax(total, axis=1)


def _lightgbm_scores(booster: Any, X: Any) -> Iterator[FloatArray]:
    """Yield what each round adds to the raw scores."""
    for each in range(booster.booster_.current_iteration()):
        yield booster.predict(X, raw_score=True, start_iteration=each, num_iteration=1)


def _xgboost_scores(booster: Any, X: Any) -> Iterator[FloatArray]:
    """Yield the same; each prediction by some rounds begins with the base score."""
    base = _xgboost_base_score(booster, X)
    trees = booster.get_booster()
    for each in range(trees.num_boosted_rounds()):
        scores = _xgboost_margins(booster, X, each, each + 1)
        yield scores if each == 0 else scores - base


def _xgboost_base_score(booster: Any, X: Any) -> Any:
    """Return what every prediction begins with, which two rounds apart have once too often."""
    if booster.get_booster().num_boosted_rounds() < 2:
        return 0.0
    first, second, both = (
        _xgboost_margins(booster, X[:1], *rounds) for rounds in ((0, 1), (1, 2), (0, 2))
    )
    return first + second - both


def _xgboost_margins(booster: Any, X: Any, begin: int, end: int) -> FloatArray:
    margins = booster.predict(X, output_margin=True, iteration_range=(begin, end))
    return np.asarray(margins, dtype=np.float64)


class EarlyRounds:
    """A fitted booster that predicts by its first rounds.

    Parameters
    ----------
    booster : fitted classifier
    n_rounds : int
    """

    def __init__(self, booster: Any, n_rounds: int) -> None:
        self.booster = booster
        self.n_rounds = n_rounds

    @property
    def classes_(self) -> Any:
        return self.booster.classes_

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the class probabilities after the last of the rounds."""
        rounds = islice(round_probabilities(self.booster, X), self.n_rounds)
        return deque(rounds, maxlen=1)[0]
