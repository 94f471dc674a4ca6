"""A training computes alike, whatever the program round it has set."""

import os
import threading
from collections import Counter
from contextlib import ContextDecorator, ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

ERRORS: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


class OrdinarySurroundings(ContextDecorator):
    """Run a block, or a function, with the settings that torch and numpy start with.

    Gradients are recorded, floats have 32 bits, tensors are made on the CPU unless a device is
    named, autocast is off, and numpy warns of floating-point errors. It may be nested. All but
    the kind of floats belong to the thread; that is put back when the last thread is done.
    """

    def __init__(self):
        self._local = threading.local()

    def __enter__(self):
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            stack.enter_context(_single_precision())
            stack.enter_context(np.errstate(**ERRORS))
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
            for device in ("cpu", "cuda"):
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            self._stacks().append(stack.pop_all())
        return self

    def __exit__(self, *error):
        return self._stacks().pop().__exit__(*error)

    def _stacks(self):
        if not hasattr(self._local, "stacks"):
            self._local.stacks = []
        return self._local.stacks


# torch has one default kind of floats for all threads of a process.
_LOCK = threading.Lock()
_USERS: Counter[int] = Counter()
_OUTSIDE: list[torch.dtype] = []


@contextmanager
def _single_precision():
    thread = threading.get_ident()
    with _LOCK:
        if not _USERS:
            _OUTSIDE[:] = [torch.get_default_dtype()]
            _set_default_dtype(torch.float32)
        _USERS[thread] += 1
    try:
        yield
    finally:
        with _LOCK:
            _USERS[thread] -= 1
            _restore_if_last()


def _restore_if_last():
    for thread in [each for each, n_uses in _USERS.items() if n_uses <= 0]:
        del _USERS[thread]
    if not _USERS and _OUTSIDE:
        _set_default_dtype(_OUTSIDE.pop())


def _set_default_dtype(dtype):
    if torch.get_default_dtype() != dtype:
        torch.set_default_dtype(dtype)


def _forget_other_threads():
    """In a forked process only the thread that forked is left."""
    global _LOCK
    _LOCK = threading.Lock()
    for thread in set(_USERS) - {threading.get_ident()}:
        del _USERS[thread]
    _restore_if_last()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)

ordinary_surroundings = OrdinarySurroundings()
