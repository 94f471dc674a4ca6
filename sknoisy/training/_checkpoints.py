"""Trainings that are gone on with after an interruption."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..exceptions import CheckpointWarning
from . import _seeding
from ._held_state import StateReader, StateWriter, UnknownStateError
from ._ranks import current_ranks


class StoredTraining(NamedTuple):
    """What was kept of a training.

    Parameters
    ----------
    n_epochs : int
        How many are done.
    is_over : bool
        Whether they were all.
    state : Any
        JSON of a `StateWriter`.
    arrays : dict of str to ndarray
    """

    n_epochs: int
    is_over: bool
    state: Any
    arrays: dict[str, np.ndarray]


class TrainingStore(Protocol):
    """Where the trainings of a fit are kept."""

    seed: int

    def begin_part(self, name: str) -> None:
        """Begin a part of the fit; its trainings come in the same order each time."""

    def next_training(self, description: dict[str, Any]) -> str:
        """Return the name of the next training."""

    def stored(self, name: str) -> StoredTraining | None:
        """Return what is kept of a training."""

    def is_due(self) -> bool:
        """Return whether it is time to keep a training that is under way."""

    def store(self, name: str, training: StoredTraining) -> None:
        """Keep a training."""

    def mismatch(self, name: str, error: Exception) -> Exception:
        """Return the error that says that what is kept isn't of this training."""


# A fit within a fit, and one in another thread, keeps its trainings elsewhere or not at all.
_CURRENT: ContextVar[TrainingStore | None] = ContextVar("sknoisy_checkpoints", default=None)


@contextmanager
def keeping_trainings(store: TrainingStore | None) -> Iterator[None]:
    """Keep the trainings of a block in a store; None: keep none."""
    token = _CURRENT.set(store)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_store() -> TrainingStore | None:
    """Return where the trainings of the fit under way are kept; None: nowhere."""
    return _CURRENT.get()


def begin_checkpointed_part(name: str) -> None:
    """Begin a part of the fit that is under way."""
    store = _CURRENT.get()
    if store is not None:
        store.begin_part(name)


def seed_of_fit(random_state: int | None) -> int | None:
    """Return a seed; where none is given, that of the fit that is gone on with.

    Several processes have that of the first.
    """
    store = _CURRENT.get()
    seed = random_state if random_state is not None or store is None else store.seed
    return current_ranks().same_seed(seed)


class TrainingCheckpoints:
    """What a loop over epochs asks to be gone on with later.

    Parameters
    ----------
    runs : tuple of TrainingRun
    step : Step
    batches : iterable of Batch
        Of the loop.
    records : tuple of AgreementRecord
    rows : ndarray of int
    max_epochs : int
    """

    def __init__(self, runs, step, batches, records, rows, max_epochs):
        self._store = _CURRENT.get()
        self._objects = [*runs, step, batches, *records]
        self._can_be_told = True
        if self._store is not None:
            description = {
                "step": f"{type(step).__module__}:{type(step).__qualname__}",
                "max_epochs": int(max_epochs),
                "n_nets": len(runs),
                "n_rows": len(rows),
                "sum_of_rows": int(np.sum(rows)),
            }
            self._name = self._store.next_training(description)

    def resume(self):
        """Put the state of an earlier training back; return how many epochs it had, and if all."""
        store = self._store
        stored = None if store is None else store.stored(self._name)
        if store is None or stored is None:
            return 0, False
        reader = StateReader(stored.arrays)
        try:
            reader.read(stored.state["objects"], self._objects)
            _set_global_generators(reader.read(stored.state["generators"], None))
        except Exception as error:
            raise store.mismatch(self._name, error) from error
        return stored.n_epochs, stored.is_over

    def end_epoch(self, n_epochs, *, is_over):
        """Keep the training if that is due; at its end it always is."""
        if self._store is None or not self._can_be_told:
            return
        if not (is_over or self._store.is_due()):
            return
        writer = StateWriter()
        try:
            state = {
                "objects": writer.write(self._objects),
                "generators": writer.write(_global_generators()),
            }
        except UnknownStateError as error:
            self._can_be_told = False
            warnings.warn(
                "After an interruption this training would start again from its first epoch: it "
                f"holds {error}, whose state can't be told.",
                CheckpointWarning,
                stacklevel=2,
            )
            return
        self._store.store(self._name, StoredTraining(n_epochs, is_over, state, writer.arrays))


def _global_generators():
    """Return the states of torch's global generators, if no other training draws from them."""
    if not _seeding.is_isolated():
        return None
    with _seeding.GENERATORS_LOCK:
        return _seeding._generator_states()


def _set_global_generators(states):
    if states is None or not _seeding.is_isolated():
        return
    with _seeding.GENERATORS_LOCK:
        _seeding._set_generator_states(states)
