"""Several processes that train one net together, by torch.distributed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _NormBase

from ..exceptions import DistributedFitError

Value = TypeVar("Value")

MAX_SEED = 2**31 - 1


class OneProcess:
    """A process that trains by itself: what several do together, it has no need of.

    Attributes
    ----------
    rank : int
        0: of several processes it would be the first.
    n_ranks : int
        1.
    """

    rank = 0
    n_ranks = 1

    def wait_for_all(self) -> None:
        """Wait until all processes have come so far."""

    def close(self) -> None:
        """Leave the group, if it was made for this."""

    def check_batch_size(self, n_rows: int) -> None:
        """Raise an error if the rows of a batch don't suffice for all processes."""

    def part(self, rows: Value) -> Value:
        """Return those of the rows of a batch that fall to this process."""
        return rows

    def same(self, value: Value) -> Value:
        """Return the value of the first process."""
        return value

    def first_does(self, function: Callable[[], Value]) -> Value:
        """Return what a function returns in the first process, or raise its error, in all."""
        return function()

    def check_equal(self, **values: Any) -> None:
        """Raise an error if the processes have different values."""

    def same_seed(self, seed: int | None) -> int | None:
        """Return the seed of the first process."""
        return seed

    def own_seed(self, seed: int, epoch: int) -> int | None:
        """Return the seed of what no two processes may draw alike; None: that of the training."""
        return None

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over the processes."""
        return value

    def total_of_each(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the sums over the processes, by name."""
        return values

    def part_of_mean(self, values: Tensor, n_of_all: int) -> Tensor:
        """Return what the rows of this process add to the mean over those of all."""
        return values.mean()

    def gathered(self, values: Tensor, n_of_all: int) -> Tensor:
        """Return the values of all rows of a batch, of which each process has those of its part."""
        return values

    def combine_gradients(self, parameters: Sequence[Tensor], loss: Tensor) -> Tensor:
        """Add up the gradients that lie in the parameters, and the loss, which is returned."""
        return loss

    def broadcast_state(self, module: nn.Module) -> None:
        """Give a module the weights and buffers of the first process."""

    def unite_state(self, module: nn.Module) -> None:
        """Give a module the same weights and buffers everywhere."""

    def count_rows(self, rows: Any, n_rows: int, device: torch.device, n_epochs: int) -> Any:
        """Return a `SeenRows` of a training, where there is need of one."""
        return None

    def join_parts(self, values: np.ndarray) -> None:
        """Fill an array of rows, of which each process has computed its part."""


class Ranks(OneProcess):
    """The processes of torch.distributed's group, which train one net together.

    What is compared, sent or added up is so by all at once: all do it in the same order.

    Attributes
    ----------
    rank : int
        Number of this process.
    n_ranks : int
        How many there are.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.n_ranks = dist.get_world_size()
        self._has_own_group = dist.get_backend() != "gloo"
        # NCCL knows nothing of what lies in the computer's memory.
        self._cpu_group: Any = dist.new_group(backend="gloo") if self._has_own_group else None

    def wait_for_all(self) -> None:
        # A process that ends at once may take with it what others have yet to read.
        with _together():
            dist.barrier(group=self._cpu_group)

    def close(self) -> None:
        if self._has_own_group:
            dist.destroy_process_group(self._cpu_group)

    def check_batch_size(self, n_rows: int) -> None:
        if n_rows < 2 * self.n_ranks:
            raise ValueError(
                "The 'batch_size', which is that of all processes together, and the number of rows "
                f"must be at least two for each process. Got {n_rows} and {self.n_ranks} processes."
            )

    # -- rows --------------------------------------------------------------------------------

    def part(self, rows: Any) -> Any:
        return rows[part_of(len(rows), self.rank, self.n_ranks)]

    def gathered(self, values: Tensor, n_of_all: int) -> Tensor:
        filled = torch.zeros((n_of_all, *values.shape[1:]), device=values.device)
        filled[part_of(n_of_all, self.rank, self.n_ranks)] = values.float()
        return self._add_up(filled)

    def count_rows(
        self, rows: Any, n_rows: int, device: torch.device, n_epochs: int
    ) -> SeenRows | None:
        return SeenRows(self, rows, n_rows, device, n_epochs)

    def join_parts(self, values: np.ndarray) -> None:
        for rank in range(self.n_ranks):
            part = part_of(len(values), rank, self.n_ranks)
            if part.start < part.stop:
                self._broadcast(torch.from_numpy(values[part]), rank)

    # -- numbers and objects -----------------------------------------------------------------

    def same(self, value: Value) -> Value:
        values = [value if self.rank == 0 else None]
        with _together():
            dist.broadcast_object_list(values, 0, group=self._cpu_group)
        return value if self.rank == 0 else values[0]  # type: ignore[return-value]

    def first_does(self, function: Callable[[], Value]) -> Value:
        result: Any = None
        error: Exception | None = None
        if self.rank == 0:
            try:
                result = function()
            except Exception as raised:
                error = raised
        result, error = self.same((result, error))
        if error is not None:
            raise error
        return result

    def check_equal(self, **values: Any) -> None:
        found: list[Any] = [None] * self.n_ranks
        with _together():
            dist.all_gather_object(found, values, group=self._cpu_group)
        for rank, others in enumerate(found):
            different = [name for name in found[0] if others.get(name) != found[0][name]]
            if different:
                raise DistributedFitError(
                    "All processes of a fit must be given the same and do the same. "
                    f"{', '.join(map(repr, different))} differ{'s' if len(different) == 1 else ''} "
                    f"between rank 0 and rank {rank}."
                )

    def same_seed(self, seed: int | None) -> int:
        if seed is None and self.rank == 0:
            seed = int(check_random_state(None).randint(MAX_SEED))
        found = self.same(seed)
        assert found is not None
        return found

    def own_seed(self, seed: int, epoch: int) -> int:
        return int(np.random.SeedSequence([seed, epoch, self.rank]).generate_state(1)[0])

    # -- sums --------------------------------------------------------------------------------

    def total(self, value: Tensor) -> Tensor:
        return self._add_up(value.detach().clone())

    def total_of_each(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        flat = self._add_up(_flat(values.values()))
        return dict(zip(values, _unflat(flat, values.values()), strict=True))

    def part_of_mean(self, values: Tensor, n_of_all: int) -> Tensor:
        return values.sum() / n_of_all

    def combine_gradients(self, parameters: Sequence[Tensor], loss: Tensor) -> Tensor:
        learns = [parameter.grad is not None for parameter in parameters]
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for parameter in parameters
        ]
        has_gradient = torch.tensor(learns, device=loss.device)
        flat = self._add_up(_flat([loss, has_gradient, *gradients]))
        loss, has_gradient, *gradients = _unflat(flat, [loss, has_gradient, *gradients])
        # What no process has a gradient of stays without, lest weight decay changes it.
        for parameter, gradient, learnt in zip(
            parameters, gradients, has_gradient.tolist(), strict=True
        ):
            if not learnt:
                continue
            if parameter.grad is None:
                parameter.grad = torch.empty_like(parameter)
            parameter.grad.copy_(gradient)
        return loss

    # -- weights and buffers -----------------------------------------------------------------

    def broadcast_state(self, module: nn.Module) -> None:
        self._unite(module.state_dict(keep_vars=False), frozenset())

    def unite_state(self, module: nn.Module) -> None:
        averaged = {
            f"{name}.{statistic}".lstrip(".")
            for name, layer in module.named_modules()
            if isinstance(layer, _NormBase)
            for statistic in ("running_mean", "running_var")
        }
        self._unite(module.state_dict(keep_vars=False), averaged)

    def _unite(self, state: Mapping[str, Any], averaged: Any) -> None:
        """Replace tensors by those of the first process, or by the mean over the processes."""
        tensors = {name: each for name, each in state.items() if isinstance(each, Tensor)}
        for is_float in (True, False):
            chosen = {
                n: each for n, each in tensors.items() if each.is_floating_point() == is_float
            }
            if not chosen:
                continue
            given = [
                each / self.n_ranks
                if name in averaged
                else each
                if self.rank == 0
                else torch.zeros_like(each)
                for name, each in chosen.items()
            ]
            flat = self._add_up(_flat(given, None if is_float else torch.int64))
            for each, united in zip(chosen.values(), _unflat(flat, given), strict=True):
                each.copy_(united)

    # -- collective operations ---------------------------------------------------------------

    def _add_up(self, tensor: Tensor) -> Tensor:
        with _together():
            dist.all_reduce(tensor, group=self._group_of(tensor))
        return tensor

    def _broadcast(self, tensor: Tensor, rank: int) -> None:
        with _together():
            dist.broadcast(tensor, rank, group=self._group_of(tensor))

    def _group_of(self, tensor: Tensor) -> Any:
        return self._cpu_group if tensor.device.type == "cpu" else None


class SeenRows:
    """Counts which rows a process has trained on, and lets all know what each found out of its own.

    Parameters
    ----------
    ranks : Ranks
    rows : ndarray of int
        Rows of the training.
    n_rows : int
        Of the data.
    device : torch.device
    n_epochs : int
        How many are done already.
    """

    def __init__(
        self, ranks: Ranks, rows: Any, n_rows: int, device: torch.device, n_epochs: int
    ) -> None:
        self._ranks = ranks
        self._rows = torch.as_tensor(rows, device=device)
        self._counts = torch.zeros(n_rows, dtype=torch.int32, device=device)
        self._is_mine = torch.zeros(n_rows, dtype=torch.bool, device=device)
        if ranks.rank == 0:
            self._counts[self._rows] = n_epochs

    def begin_epoch(self) -> None:
        self._is_mine.zero_()

    def add(self, rows: Tensor) -> None:
        """Take in the rows of a batch that fell to this process."""
        self._counts.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))
        self._is_mine[rows] = True

    def check(self, n_epochs: int) -> None:
        """Raise an error unless all rows were seen once in each epoch so far, by one process."""
        seen = self._ranks.total(self._counts)[self._rows]
        wrong = torch.nonzero(seen != n_epochs)
        if len(wrong):
            first = int(wrong[0])
            raise DistributedFitError(
                "Each row must be trained on once in an epoch, by one of the processes. Row "
                f"{int(self._rows[first])} was seen {int(seen[first])} times in {n_epochs} "
                f"{'epoch' if n_epochs == 1 else 'epochs'}."
            )

    def share(self, arrays: Sequence[Tensor]) -> None:
        """Give arrays by row number the values that each process has found of its rows."""
        # Bytes of which all but one are zero add up to that one, whatever they stand for.
        own = [array.new_zeros(len(self._rows), *array.shape[1:]) for array in arrays]
        is_mine = self._is_mine[self._rows]
        for mine, array in zip(own, arrays, strict=True):
            mine[is_mine] = array[self._rows[is_mine]]
        parts = [each.flatten().view(torch.uint8) for each in own]
        joined = self._ranks._add_up(torch.cat(parts)).split([len(part) for part in parts])
        for array, part in zip(arrays, joined, strict=True):
            # A copy begins where values of any size may lie.
            values = part.clone().view(array.dtype).view(-1, *array.shape[1:])
            array.index_copy_(0, self._rows, values)


def part_of(n_rows: int, rank: int, n_ranks: int) -> slice:
    """Return which rows of a batch fall to a process.

    One row by itself can't be batch-normalised: rather two rows, or none.

    Examples
    --------
    >>> [part_of(5, rank, 3) for rank in range(3)]
    [slice(0, 3, None), slice(3, 5, None), slice(5, 5, None)]
    """
    n_parts = min(n_ranks, max(n_rows // 2, 1))
    if rank >= n_parts:
        return slice(n_rows, n_rows)
    size, n_longer = divmod(n_rows, n_parts)
    start = rank * size + min(rank, n_longer)
    return slice(start, start + size + (rank < n_longer))


ONE_PROCESS = OneProcess()
_CURRENT: ContextVar[OneProcess] = ContextVar("sknoisy_ranks", default=ONE_PROCESS)


def current_ranks() -> OneProcess:
    """Return the processes that train together in the block under way; else this one."""
    return _CURRENT.get()


@contextmanager
def distributed() -> Iterator[OneProcess]:
    """Let all processes of torch.distributed train one net together, in the fits of a block.

    Each process is given the same data and parameters, and makes the same fits in the same order.
    The rows of each batch are split among them, and what all have learnt is added up, so that each
    step is that of a single process with as large a batch. All end with the same results.

    It works for the methods "wrong_event", "lsw" and "cross_entropy", and for
    :class:`~sknoisy.features.PretrainedFeatures`. Outside of the block a fit is that of one
    process, whatever group there is. It ends when all processes are done.

    Yields
    ------
    ranks
        With the attributes `rank`, the number of this process, and `n_ranks`, how many there are.

    Raises
    ------
    RuntimeError
        If torchrun has started several processes, and `torch.distributed.init_process_group` hasn't
        been called.

    Notes
    -----
    Without a process group the block changes nothing, so that a script runs without torchrun too.
    A fit of several processes can't use `memory=`; `checkpoint_dir=` it can, and the fit goes on
    with any number of processes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import sknoisy
    >>> X, y = load_iris(return_X_y=True)
    >>> with sknoisy.distributed() as ranks:
    ...     model = sknoisy.NoisyLabelDetector(max_epochs=5, random_state=0).fit(X, y)
    >>> ranks.rank, ranks.n_ranks
    (0, 1)
    """
    ranks = _ranks_of_group()
    token = _CURRENT.set(ranks)
    try:
        yield ranks
        ranks.wait_for_all()
    finally:
        _CURRENT.reset(token)
        ranks.close()


def _ranks_of_group() -> OneProcess:
    if dist.is_available() and dist.is_initialized():
        return Ranks() if dist.get_world_size() > 1 else ONE_PROCESS
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise RuntimeError(
            "sknoisy.distributed() found no process group, though WORLD_SIZE is "
            f"{os.environ['WORLD_SIZE']}: call torch.distributed.init_process_group first."
        )
    return ONE_PROCESS


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DistributedFitError(
            "Another process of this fit is gone, does something else, or has taken too long. "
            "With checkpoint_dir= an equal fit goes on from there, on any number of processes. "
            f"torch.distributed says: {error}"
        ) from error


def _flat(tensors: Any, dtype: torch.dtype | None = None) -> Tensor:
    tensors = [each.detach() for each in tensors]
    if dtype is None:
        is_double = any(each.dtype == torch.float64 for each in tensors)
        dtype = torch.float64 if is_double else torch.float32
    return torch.cat([each.reshape(-1).to(dtype) for each in tensors])


def _unflat(flat: Tensor, tensors: Any) -> list[Tensor]:
    tensors = list(tensors)
    parts = flat.split([each.numel() for each in tensors])
    return [part.view(each.shape).to(each.dtype) for part, each in zip(parts, tensors, strict=True)]
