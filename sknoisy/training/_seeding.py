"""Random numbers that leave the global state as it was."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# Modules draw from torch's global generators, which all threads share: whoever puts them into
# another state holds this lock until they are back.
GENERATORS_LOCK = threading.Lock()
# Held for as long as a training, by the thread that has the generators to itself.
_ISOLATION_LOCK = threading.RLock()
_isolations = threading.local()


def _renew_locks():
    """In a forked process the threads that held the locks are gone."""
    global GENERATORS_LOCK, _ISOLATION_LOCK
    GENERATORS_LOCK = threading.Lock()
    _ISOLATION_LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def row_generator(seed: int) -> torch.Generator:
    """Return a generator of its own for shuffling and views."""
    return torch.Generator().manual_seed(int(seed))


def child_seeds(seed: int) -> Iterator[int]:
    """Yield independent seeds derived from one."""
    sequence = np.random.SeedSequence(int(seed))
    while True:
        yield int(sequence.spawn(1)[0].generate_state(1)[0])


@contextmanager
def seeded_global_state(seed: int) -> Iterator[None]:
    """Run a block with torch's global generators seeded, then put them back.

    Module initialisation draws from the global generators and can't be given another one.
    """
    with _restored_state():
        _seed_default_generators(seed)
        yield


@contextmanager
def isolated_training(seed):
    """Seed and restore the global generators round a whole training.

    What isn't a module's may draw from them too: callbacks and the transforms of a data set.
    Of trainings at the same time only the first one has this: those that wait for each other as
    long as a training takes would leave one thread at work.
    """
    lock = _ISOLATION_LOCK
    if not lock.acquire(blocking=False):
        yield
        return
    try:
        with GENERATORS_LOCK:
            outside = _generator_states()
            _seed_default_generators(seed)
        _isolations.depth = getattr(_isolations, "depth", 0) + 1
        try:
            yield
        finally:
            _isolations.depth -= 1
            with GENERATORS_LOCK:
                _set_generator_states(outside)
    finally:
        lock.release()


def is_isolated() -> bool:
    """Return whether the calling thread is in an isolated training."""
    return getattr(_isolations, "depth", 0) > 0


def reseed_isolated(seed):
    """Seed the global generators anew, inside of `isolated_training` and where that seeds them."""
    if threading.current_thread() is threading.main_thread():
        with GENERATORS_LOCK:
            _seed_default_generators(seed)


@contextmanager
def replayed_randomness(state):
    """Run a block with the global generators at an earlier state, then put them back.

    Two passes that must see the same dropout mask run from the same state.
    """
    if state is None:
        yield
        return
    with _restored_state():
        _set_generator_states(state)
        yield


class OwnRandomness:
    """Random numbers of a training's module, apart from all that draws in the same process.

    The module runs with the global generators in a state that only its own passes move on, so
    trainings in several threads draw what each would draw alone.

    A module can draw in any way, so it isn't asked: once a pass has left the generators as they
    were, later passes aren't expected to draw either, and run without all this.
    """

    def __init__(self, seed):
        with seeded_global_state(seed):
            self._state = _generator_states()

    def state(self):
        """Return the state before the next pass, or None if passes don't draw."""
        return self._state

    def restart(self, seed):
        """Draw on from a seed, if passes draw at all."""
        if self._state is not None:
            with seeded_global_state(seed):
                self._state = _generator_states()

    @contextmanager
    def drawing(self):
        """Run a pass of the module in training mode."""
        if self._state is None:
            yield
            return
        with replayed_randomness(self._state):
            yield
            after = _generator_states()
        self._state = None if _equal_states(after, self._state) else after

    @contextmanager
    def looking_ahead(self):
        """Run passes that draw what the next ones will draw once more."""
        state = self._state
        try:
            yield
        finally:
            self._state = state


@contextmanager
def _restored_state():
    with GENERATORS_LOCK:
        outside = _generator_states()
        try:
            yield
        finally:
            _set_generator_states(outside)


def _seed_default_generators(seed):
    torch.default_generator.manual_seed(int(seed))
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(int(seed))


def _generator_states():
    state = {"cpu": [torch.get_rng_state()]}
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_generator_states(state):
    torch.set_rng_state(*state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])


def _equal_states(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(one, other)
        for name in first
        for one, other in zip(first[name], second[name], strict=True)
    )
