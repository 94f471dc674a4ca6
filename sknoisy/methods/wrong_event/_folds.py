"""Labels judged by a classifier that hasn't seen them: cross-validated predictions."""

from typing import Any

import numpy as np

from ..._typing import FloatArray, IntArray
from ...thresholds import label_margins, weights_of_quality
from ...training import EstimatorTrainer, class_probabilities, progress_task
from .._base import LabelEvidence, runner_up_classes

N_FOLDS = 5


def judge_by_folds(trainer: EstimatorTrainer) -> LabelEvidence:
    """Return evidence from the predictions of each row by a classifier trained without it.

    The quality is p(given) / (p(given) + p(rival)), the rival being the most probable other class.
    The fold's classifiers predict together.
    """
    data = trainer.data
    probabilities = np.zeros((data.n_rows, data.n_classes))
    n_predictions = np.zeros(data.n_rows)
    classifiers = []
    n_folds, folds = _folds(trainer)
    # Every fold is needed, so none is left out on request.
    with progress_task("cross_validation", n_folds, "fold") as task:
        for rows, held_out in folds:
            _check_rows(np.concatenate([rows, held_out]), data.n_rows)
            classifier = trainer.fit(rows)
            probabilities[held_out] += class_probabilities(
                classifier, trainer.table(held_out), data.n_classes
            )
            n_predictions[held_out] += 1
            classifiers.append(classifier)
            task.advance()
    _check_all_predicted(n_predictions)
    probabilities /= n_predictions[:, None]
    quality = label_margins(probabilities, data.y)
    return LabelEvidence(
        quality=quality,
        weights=weights_of_quality(quality),
        runner_up=runner_up_classes(probabilities, data.y),
        margins=quality.copy(),
        estimators=tuple(classifiers),
        held_out_rows=np.arange(data.n_rows),
        held_out_probabilities=probabilities,
    )


def _folds(trainer: EstimatorTrainer) -> tuple[int, Any]:
    """Return how many folds there are, and their rows."""
    # Seldom needed, and it takes its time.
    from sklearn.model_selection import StratifiedKFold, check_cv

    cv = N_FOLDS if trainer.cv is None else trainer.cv
    y = trainer.data.y
    if isinstance(cv, int | np.integer):
        # As many folds as the smallest class has rows, so that each class is in every training.
        n_folds = int(min(cv, np.bincount(y).min()))
        if n_folds < 2:
            raise ValueError(
                "Judging by cross-validation, as this 'estimator' does, needs two rows of each "
                "class, with a weight above zero in 'sample_weight'. A class has one only."
            )
        cv = StratifiedKFold(n_folds, shuffle=True, random_state=trainer.random_state())
    splitter, X = check_cv(cv, y, classifier=True), np.zeros(len(y))
    return splitter.get_n_splits(X, y), splitter.split(X, y)


def _check_rows(rows: IntArray, n_rows: int) -> None:
    last = int(np.max(rows, initial=-1))
    if last >= n_rows:
        raise ValueError(
            f"The 'cv' parameter must give folds of the {n_rows} rows that are learnt from. Got "
            f"row {last}. Rows of weight zero aren't among them: leave them out before the fit, or "
            "give a splitter."
        )


def _check_all_predicted(n_predictions: FloatArray) -> None:
    if n_predictions.min() == 0:
        row = int(np.argmin(n_predictions))
        raise ValueError(
            "The 'cv' parameter must hold out every row in one of its folds, so that it can be "
            f"judged. Row {row} is in none."
        )
