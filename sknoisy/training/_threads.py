"""How many threads torch and OpenMP compute with: as many as the work at hand has use for."""

import math
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import joblib
import numpy as np
import torch
from skorch import NeuralNet
from threadpoolctl import ThreadpoolController
from torch import nn

# Multiplications of one forward pass over a batch, a few dozen milliseconds of a step on one core.
# Below, threads gain little by sharing the work, and lose much by waiting for each other where
# anything else runs on the machine: they spin, and whichever of them isn't scheduled holds up all.
LARGE_WORK = 10**9
# Values of a table for trees, of which a round looks at each a few times, in a dozen pieces.
LARGE_TABLE = 2 * 10**6
CHOSEN_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Rows of a batch that holds all there are.
ALL_AT_ONCE = 1024
COUNTED_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class _Own(threading.local):
    """Of each thread: how deep in blocks it is, and its number of threads outside of them."""

    depth = 0
    n_outside = 1


_own = _Own()


@contextmanager
def few_threads(n_threads: int) -> Iterator[None]:
    """Let the calling thread compute with at most so many threads of OpenMP inside of a block.

    It holds for torch, and for what scikit-learn does with OpenMP, as in boosted trees. Nothing
    changes where the program has chosen a number: by the environment variables OMP_NUM_THREADS or
    MKL_NUM_THREADS, by `torch.set_num_threads`, by threadpoolctl, or by joblib in its workers.
    Blocks may be nested, the innermost counts; other threads aren't concerned.

    Parameters
    ----------
    n_threads : int
    """
    if not _own.depth:
        if _is_chosen():
            yield
            return
        _own.n_outside = torch.get_num_threads()
    _own.depth += 1
    try:
        with _limit(min(n_threads, _own.n_outside)):
            yield
    finally:
        _own.depth -= 1


@contextmanager
def threads_for(net: NeuralNet) -> Iterator[None]:
    """Let the calling thread compute with the number of threads that suits a net on the CPU.

    It depends on the net and its batch size only, so that equal fits stay equal to the bit.

    Parameters
    ----------
    net : skorch net
        Initialised; what a row costs it, `measured_work` has kept.
    """
    if torch.device(net.device or "cpu").type != "cpu":
        yield
        return
    with few_threads(joblib.cpu_count() if _work(net) >= LARGE_WORK else 1):
        yield


@contextmanager
def threads_for_table(X: Any) -> Iterator[None]:
    """Let the calling thread compute with the number of threads that suits trees on a table.

    Parameters
    ----------
    X : array-like, DataFrame or sparse matrix
        It depends on its size only.
    """
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    if len(shape) != 2:
        # Nets may look at images and texts before the trees do.
        yield
        return
    with few_threads(joblib.cpu_count() if math.prod(shape) >= LARGE_TABLE else 1):
        yield


@contextmanager
def measured_work(net: NeuralNet, n_rows: int) -> Iterator[None]:
    """Keep, with the net, what a forward pass over a row costs: it is one of `n_rows` in the block.

    Layers whose work isn't known count by their parameters, once per row.
    """
    n_multiplications = 0

    def count(layer: Any, inputs: Any, outputs: Any) -> None:
        nonlocal n_multiplications
        # A layer without outputs, whose error is told elsewhere, does no work.
        n_outputs = max(layer.weight.shape[0], 1)
        n_multiplications += layer.weight.numel() * outputs.numel() // n_outputs

    layers = [layer for layer in net.module_.modules() if isinstance(layer, COUNTED_LAYERS)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    net.row_work_ = n_multiplications // n_rows


def _work(net: NeuralNet) -> int:
    """Return the multiplications of a forward pass over a batch, at least about."""
    n_parameters = sum(parameter.numel() for parameter in net.module_.parameters())
    n_rows = ALL_AT_ONCE if net.batch_size == -1 else net.batch_size
    return max(getattr(net, "row_work_", 0), n_parameters) * n_rows


def _is_chosen() -> bool:
    """Return whether the program has chosen a number of threads for the calling thread."""
    if any(os.environ.get(name) for name in CHOSEN_BY):
        return True
    if torch.get_num_threads() != DEFAULT:
        return True
    # MKL follows OpenMP, but for a program that has called torch.set_num_threads.
    with _limit(1):
        n_threads = re.search(r"mkl_get_max_threads\(\) : (\d+)", torch.__config__.parallel_info())
    return n_threads is not None and int(n_threads[1]) > 1


def _limit(n_threads: int) -> AbstractContextManager[Any]:
    # Not by torch.set_num_threads, which new threads of the whole program would inherit.
    return _controller().limit(limits=n_threads, user_api="openmp")


@cache
def _controller() -> ThreadpoolController:
    # Some milliseconds, as it looks at all libraries of the process.
    return ThreadpoolController()


def _default_number() -> int:
    """Return the number of threads that torch has by itself.

    It is that of a new thread, to which a limit by threadpoolctl round this import doesn't apply.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(torch.get_num_threads).result()


DEFAULT = _default_number()
