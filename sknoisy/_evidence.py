"""The costly part of a fit, as one function that can be cached."""

import operator
import os
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import reduce
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from joblib import Memory
from joblib.hashing import NumpyHasher
from sklearn.utils.validation import check_random_state
from skorch import NeuralNet

from ._checksums import packed, unpacked
from ._judges import Judges
from ._private_folders import open_private_memory
from ._typing import FloatArray, History, IntArray, RandomStateParameter
from .exceptions import CacheWarning
from .methods import LabelEvidence, runner_up_classes, settle_trusted_rows
from .thresholds import label_margins, moved_to_quantiles, weights_of_quality
from .training import (
    EstimatorTrainer,
    Trainer,
    TrainingData,
    begin_checkpointed_part,
    current_progress,
    current_ranks,
    hold_out,
    mean_probabilities,
    ordinary_surroundings,
    predict_probabilities,
    python_scalars,
    seed_of_fit,
    seeded_global_state,
)

VERSIONS = tuple((name, version(name)) for name in ("sknoisy", "scikit-learn", "skorch", "torch"))
MAX_SEED = 2**31 - 1
LOCKS = "sknoisy_locks"


def draw_seed(random_state: RandomStateParameter) -> int:
    """Return an integer seed from whatever scikit-learn accepts as `random_state`."""
    return int(check_random_state(random_state).randint(MAX_SEED))


@ordinary_surroundings
def collect_evidence(
    judges: Judges,
    data: TrainingData,
    random_state: int | None,
    *,
    with_classifier: bool,
    settings: dict[str, Any],
    memory: str | Memory | None,
    verbose: int,
) -> LabelEvidence:
    """Train by the method, or take the result of an equal training from the cache.

    The method sees the rows of positive weight only. The others are judged afterwards, by what
    it trained, like rows not seen in fit.

    Parameters
    ----------
    judges : Judges
    data : TrainingData
    random_state : int or None
        None is part of the key like any other value: with a cache, equal calls share one
        training.
    with_classifier : bool
        Whether the method's own classifier is wanted too.
    settings : dict
        `device`, `max_epochs`, `batch_size` and `lr`.
    memory : None, str or joblib.Memory
    verbose : int

    Returns
    -------
    LabelEvidence
    """
    rows = data.trained_rows()
    seen = data if len(rows) == data.n_rows else data.take(rows)
    arguments = (judges, seen, random_state, with_classifier, python_scalars(settings))
    if memory is None:
        evidence = _train(arguments, verbose)
    else:
        evidence = _recall(_open_memory(memory), arguments, verbose)
    return evidence if seen is data else _judge_others(evidence, rows, judges, data, settings)


def _open_memory(memory: str | Memory) -> Memory:
    try:
        return open_private_memory(memory)
    except (OSError, ValueError) as error:
        raise _unusable(memory, error) from error


def _unusable(memory: object, error: Exception) -> ValueError:
    return ValueError(
        "The 'memory' parameter must be a folder that can be made and written to, or one that "
        f"such trainings are stored in, or a joblib.Memory of it. Got {memory!r}: {error}."
    )


def _recall(memory: Memory, arguments: tuple[Any, ...], verbose: int) -> LabelEvidence:
    """Take the evidence from the cache; of several processes that find none there, one trains."""
    key = hashed((arguments, VERSIONS))
    try:
        cached = memory.cache(_train_and_pack, ignore=["arguments", "verbose"])
        evidence = _stored(cached, key, arguments, verbose)
    except OSError as error:
        raise _unusable(memory, error) from error
    # An entry that is there needs no lock, so it may lie in a folder that can't be written to.
    if evidence is not None:
        current_progress().notes.append("its training taken from the cache")
        return evidence
    with _lock(memory, key):
        # Meanwhile another process may have trained.
        entry = cached(key, arguments, verbose)
        try:
            return unpacked(entry)
        except ValueError:
            # Damaged, in a folder where nothing can be removed.
            return _train(arguments, verbose)


def _stored(cached: Any, *arguments: Any) -> LabelEvidence | None:
    """Return what is in the cache; None if it isn't there, or no longer what it was."""
    if not hasattr(cached, "check_call_in_cache") or not cached.check_call_in_cache(*arguments):
        return None
    entry = cached.call_and_shelve(*arguments)
    try:
        return unpacked(entry.get())
    except Exception as error:
        # A damaged entry fails in any way that its bytes lead to.
        warnings.warn(
            f"A damaged entry of the cache of 'memory' isn't used ({error}): it is trained again.",
            CacheWarning,
            stacklevel=2,
        )
    with suppress(OSError):
        entry.clear()
    return None


def _train_and_pack(key: str, arguments: tuple[Any, ...], verbose: int) -> tuple[bytes, str]:
    return packed(_train(arguments, verbose))


def _lock(memory: Memory, key: str) -> AbstractContextManager[None]:
    """Return a lock on one entry of a cache in a local folder."""
    location = getattr(getattr(memory, "store_backend", None), "location", None)
    if location is None or not os.path.isdir(location):
        return nullcontext()
    # Only who caches needs a file lock.
    from ._cache_lock import entry_lock

    return entry_lock(os.path.join(location, LOCKS, key))


def _judge_others(
    evidence: LabelEvidence,
    rows: IntArray,
    judges: Judges,
    data: TrainingData,
    settings: dict[str, Any],
) -> LabelEvidence:
    if evidence.estimators:
        margins, runner_up = _compared_labels(evidence, judges, data, settings)
        others = LabelEvidence(margins.copy(), margins.copy(), runner_up, margins)
    else:
        run = Trainer(judges.net, data, seed=0, **settings).new_run(state=evidence.state)
        others = LabelEvidence.of(run)
    for name in ("quality", "weights", "margins", "runner_up"):
        getattr(others, name)[rows] = getattr(evidence, name)
    return replace(
        others,
        states=evidence.states,
        history=evidence.history,
        estimators=evidence.estimators,
        estimators_weight=evidence.estimators_weight,
        transition_matrix=evidence.transition_matrix,
        held_out_rows=rows[evidence.held_out_rows],
        held_out_probabilities=evidence.held_out_probabilities,
        contradictions=tuple(each.of_rows(rows, data.n_rows) for each in evidence.contradictions),
        by_epoch=_of_rows(evidence.by_epoch, rows, data.n_rows),
        rounds=evidence.rounds,
    )


def _of_rows(by_epoch: FloatArray | None, rows: IntArray, n_rows: int) -> FloatArray | None:
    """Return values of some rows in each epoch as those among more; the others are NaN."""
    if by_epoch is None:
        return None
    values = np.full((len(by_epoch), n_rows), np.nan, dtype=by_epoch.dtype)
    values[:, rows] = by_epoch
    return values


def _compared_labels(
    evidence: LabelEvidence, judges: Judges, data: TrainingData, settings: dict[str, Any]
) -> tuple[FloatArray, IntArray]:
    """Return the margin and the runner-up of each row, as nets and classifiers predict."""
    every = np.arange(data.n_rows)
    probabilities = _predict_by_evidence(evidence, judges, data, settings, every)
    return label_margins(probabilities, data.y), runner_up_classes(probabilities, data.y)


def _predict_by_evidence(
    evidence: LabelEvidence,
    judges: Judges,
    data: TrainingData,
    settings: dict[str, Any],
    rows: IntArray,
) -> FloatArray:
    nets: tuple[NeuralNet, ...] = ()
    if evidence.states:
        trainer = Trainer(judges.net, data, seed=0, **settings)
        nets = tuple(trainer.rebuild(state) for state in evidence.states)
    if len(rows) < data.n_rows:
        data = data.take(rows)
    # A Dataset may draw random views from the global generators.
    with seeded_global_state(0) if data.is_dataset else nullcontext():
        return predict_together(
            nets,
            data.X,
            evidence.estimators,
            data.table,
            data.n_classes,
            evidence.estimators_weight,
        )


def predict_together(
    nets: Sequence[NeuralNet],
    X: Any,
    estimators: Sequence[Any],
    table: Any,
    n_classes: int,
    estimators_weight: float,
) -> FloatArray:
    """Return the class probabilities that nets and classifiers give together.

    Parameters
    ----------
    nets : sequence of fitted skorch nets
    X : rows as nets take them
    estimators : sequence of fitted classifiers
    table : the same rows as classifiers take them
    n_classes : int
    estimators_weight : float
        Of the classifiers' mean where there are nets too.
    """
    if not nets:
        return mean_probabilities(estimators, table, n_classes)
    total: Any = reduce(operator.iadd, (predict_probabilities(net, X) for net in nets))
    total /= len(nets)
    if not estimators:
        return total
    total *= 1 - estimators_weight
    of_estimators = mean_probabilities(estimators, table, n_classes)
    of_estimators *= estimators_weight
    total += of_estimators
    return total


class _ValueHasher(NumpyHasher):
    """Hashes tensors by their values; joblib's own hash of equal tensors differs."""

    def save(self, obj: object) -> None:
        if isinstance(obj, torch.Tensor):
            obj = ("tensor", obj.detach().cpu().numpy())
        super().save(obj)


def hashed(value: object) -> str:
    """Return what tells values from others, and is equal for equal ones."""
    return str(_ValueHasher("md5").hash(value))


def _train(arguments: tuple[Any, ...], verbose: int) -> LabelEvidence:
    judges, data, random_state, with_classifier, settings = arguments
    begin_checkpointed_part("method")
    seed, method = draw_seed(seed_of_fit(random_state)), judges.method
    data = hold_out(data, method.holdout, np.random.RandomState(seed))
    by_estimator = None
    if judges.estimator is not None:
        estimator_trainer = EstimatorTrainer(judges.estimator, data, seed=seed, cv=judges.cv)
        by_estimator = method.detect_by_estimator(estimator_trainer)
        if not judges.uses_net:
            return _with_held_out_predictions(by_estimator, judges, data, settings)
    trainer = Trainer(judges.net, data, seed=seed, verbose=verbose, **settings)
    settle_trusted_rows(method, trainer)
    evidence = method.detect(trainer)
    if with_classifier:
        evidence = method.train_classifier(trainer, evidence)
    first = [] if trainer.first_evidence is None else trainer.first_evidence.history
    evidence = replace(
        evidence,
        history=first + evidence.history,
        held_out_rows=data.held_out,
        # What a net says of rows that it hasn't learnt isn't on the scale of the others' scores.
        quality=moved_to_quantiles(evidence.quality, data.held_out),
        weights=moved_to_quantiles(evidence.weights, data.held_out),
    )
    if by_estimator is not None:
        evidence = _together(judges, data, settings, evidence, by_estimator)
    evidence = _with_held_out_predictions(evidence, judges, data, settings)
    # Trees may differ where processes have other numbers of threads.
    return current_ranks().same(evidence)


def _with_held_out_predictions(
    evidence: LabelEvidence, judges: Judges, data: TrainingData, settings: dict[str, Any]
) -> LabelEvidence:
    rows = evidence.held_out_rows
    if evidence.held_out_probabilities is not None or not len(rows):
        return evidence
    probabilities = _predict_by_evidence(evidence, judges, data, settings, rows)
    return replace(evidence, held_out_probabilities=probabilities)


def _together(
    judges: Judges,
    data: TrainingData,
    settings: dict[str, Any],
    evidence: LabelEvidence,
    by_estimator: LabelEvidence,
) -> LabelEvidence:
    """Return the evidence of a net and a classifier that judge together."""
    quality, weight = judges.method.weigh_estimator(evidence, by_estimator)
    together = LabelEvidence(
        quality=quality,
        weights=weights_of_quality(quality),
        runner_up=evidence.runner_up,
        margins=evidence.margins,
        states=evidence.states,
        history=_judged_by("net", evidence.history),
        estimators=by_estimator.estimators,
        estimators_weight=weight,
        held_out_rows=evidence.held_out_rows,
        contradictions=evidence.contradictions + by_estimator.contradictions,
        by_epoch=evidence.by_epoch,
        rounds=_judged_by("estimator", by_estimator.history),
    )
    margins, runner_up = _compared_labels(together, judges, data, settings)
    return replace(together, margins=margins, runner_up=runner_up)


def _judged_by(judge: str, history: History) -> History:
    return [epoch | {"judge": judge} for epoch in history]
