"""Wrong events counted over the rounds of boosting: one training of trees, and no net."""

from typing import Any

import torch

from ..._typing import FloatArray, History, IntArray
from ...boosting import EarlyRounds, count_rounds, round_probabilities, slowed_down
from ...thresholds import label_margins, moved_to_quantiles, weights_of_quality
from ...training import EstimatorTrainer, RowState, hold_out, progress_task, with_every_class
from .._base import Contradictions, runner_up_classes
from ._confidence import ConfidenceEvidence
from ._events import EventRecorder
from ._window import no_more_rounds, rounds_by_loss

# Nothing but rows held out tells when trees begin to learn their labels by heart.
LEAST_HOLDOUT = 0.1
# Smaller probabilities count as this one, so that one row doesn't decide a mean loss.
LEAST_PROBABILITY = 1e-6


def judge_by_rounds(
    trainer: EstimatorTrainer, *, record_rounds: bool = False
) -> ConfidenceEvidence:
    """Return the evidence of one boosted training, round by round.

    By the rows held out it is known which rounds count. The quality is the
    mean over these of p(given) / (p(given) + p(rival)), the rival being the other class that was
    most probable a round before.
    """
    data = trainer.data
    if not len(data.held_out):
        data = hold_out(data, LEAST_HOLDOUT, trainer.random_state())
    rows, held_out = data.trained_rows(), data.held_out
    if not len(held_out):
        # Of so few rows none can be spared; then the trees' own tell when they know them by heart.
        held_out = rows
    with progress_task("fitting_the_trees"):
        booster = trainer.fit(rows, **slowed_down(trainer.estimator, data.y[rows]))
    recorder, history, probabilities = _recorded_rounds(booster, data, held_out)
    losses, agreements = (
        [each[name] for each in history] for name in ("held_out_loss", "held_out_agreement")
    )
    rounds = rounds_by_loss(losses, agreements, len(held_out))
    confidences = moved_to_quantiles(recorder.mean_confidences(rounds), held_out)
    judge = EarlyRounds(booster, int(rounds[-1]) + 1)
    if judge.n_rounds < len(history):
        probabilities = _aligned(judge.predict_proba(data.table), booster, data.n_classes)
    return ConfidenceEvidence(
        quality=confidences,
        weights=weights_of_quality(confidences),
        runner_up=runner_up_classes(probabilities, data.y),
        margins=label_margins(probabilities, data.y),
        history=history,
        estimators=(judge,),
        contradictions=(
            Contradictions(recorder.counts(rounds), len(rounds), "rounds of the trees"),
        ),
        confidences=confidences,
        held_out_agreement=max(agreements),
        held_out_rows=data.held_out,
        by_epoch=recorder.confidences() if record_rounds else None,
    )


def _recorded_rounds(
    booster: Any, data: Any, held_out: IntArray
) -> tuple[EventRecorder, History, FloatArray]:
    labels = torch.from_numpy(data.y)
    recorder = EventRecorder(labels, RowState(data.n_rows, torch.device("cpu")))
    every, trained = torch.arange(data.n_rows), torch.from_numpy(data.trained_rows())
    history: History = []
    name = "wrong_events_of_the_trees"
    with progress_task(name, count_rounds(booster), "round") as task:
        for probabilities in round_probabilities(booster, data.table):
            probabilities = _aligned(probabilities, booster, data.n_classes)
            logarithms = torch.from_numpy(probabilities).float().clamp_(LEAST_PROBABILITY).log_()
            losses = -logarithms.gather(1, labels[:, None])[:, 0]
            recorder.record(every, logarithms, losses)
            recorder.close_round()
            history.append(
                {
                    "round": len(history) + 1,
                    "stage": "wrong_events",
                    "train_loss": losses[trained].mean().item(),
                    "train_agreement": recorder.agreement(trained),
                    "held_out_loss": losses[held_out].mean().item(),
                    "held_out_agreement": recorder.agreement(held_out),
                    "wrong_events": recorder.mean_contradicted(),
                }
            )
            stops = task.advance(history[-1] | {"stage": name})
            if stops or no_more_rounds([each["held_out_loss"] for each in history]):
                break
    return recorder, history, probabilities


def _aligned(probabilities: FloatArray, booster: Any, n_classes: int) -> FloatArray:
    return with_every_class(probabilities, booster.classes_, n_classes)
