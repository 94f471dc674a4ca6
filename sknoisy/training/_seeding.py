"""Random numbers that leave the global state as it was."""

import threading
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

INITIALIZATION_LOCK = threading.Lock()


def row_generator(seed):
    """Return a generator of its own for shuffling and views."""
    return torch.Generator().manual_seed(int(seed))


def child_seeds(seed):
    """Yield independent seeds derived from one."""
    sequence = np.random.SeedSequence(int(seed))
    while True:
        yield int(sequence.spawn(1)[0].generate_state(1)[0])


@contextmanager
def seeded_global_state(seed):
    """Run a block with torch's global generators seeded, then put them back.

    Module initialisation draws from the global generators and can't be given another one.
    The lock keeps threads from seeding each other's block.
    """
    with INITIALIZATION_LOCK, _forked():
        _seed_default_generators(seed)
        yield


def isolated_training(seed):
    """Seed and restore the global generators round a whole training.

    Layers such as dropout draw from them at every step. Only the main thread does this:
    trainings in several threads share the global generators, and a lock as long as a training
    would leave one thread at work. There, nets that draw while training aren't reproducible.
    """
    if threading.current_thread() is threading.main_thread():
        return _forked_and_seeded(seed)
    return nullcontext()


@contextmanager
def _forked_and_seeded(seed):
    with _forked():
        _seed_default_generators(seed)
        yield


def _forked():
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    return torch.random.fork_rng(devices=list(devices))


def _seed_default_generators(seed):
    torch.default_generator.manual_seed(int(seed))
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(int(seed))


@contextmanager
def replayed_randomness(state):
    """Run a block with the global generators at an earlier state, then put them back.

    Two passes that must see the same dropout mask run from the same state.
    """
    if state is None:
        yield
        return
    with _forked():
        torch.set_rng_state(*state["cpu"])
        if "cuda" in state:
            torch.cuda.set_rng_state_all(state["cuda"])
        yield


class WatchedRandomness:
    """State of the global generators before each step, for as long as the steps draw from them.

    A module can draw in any way, so it isn't asked: once a step has left the generators as they
    were, later steps aren't expected to draw either, and their states aren't kept.
    """

    def __init__(self):
        self._draws = True
        self._last = None

    def state(self):
        """Return the state, or None if the last step didn't draw."""
        if not self._draws:
            return None
        state = _generator_states()
        self._draws = self._last is None or not _equal_states(state, self._last)
        self._last = state
        return state if self._draws else None


def _generator_states():
    state = {"cpu": [torch.get_rng_state()]}
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _equal_states(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(one, other)
        for name in first
        for one, other in zip(first[name], second[name], strict=True)
    )
