"""Arrays by row number that a training keeps."""

import numpy as np
import torch
from torch import Tensor

from .._typing import FloatArray, State
from ._ranks import SeenRows


class RowState:
    """What is remembered of each row from step to step: counts, losses, weights, targets.

    All arrays of a training lie here under a name: one place that makes them on the device, tells
    how much memory they take, and saves and restores them.

    Parameters
    ----------
    n_rows : int
    device : torch.device

    Examples
    --------
    >>> import torch
    >>> state = RowState(3, torch.device("cpu"))
    >>> counts = state.create("counts", dtype=torch.int64)
    >>> counts[torch.tensor([0, 2])] += 1
    >>> state["counts"]
    tensor([1, 0, 1])
    >>> state.n_bytes()
    24
    """

    def __init__(self, n_rows: int, device: torch.device) -> None:
        self._n_rows = n_rows
        self._device = device
        self._arrays: State = {}
        self._seen: SeenRows | None = None

    def create(
        self,
        name: str,
        *,
        fill: float = 0,
        dtype: torch.dtype = torch.float32,
        width: int | None = None,
    ) -> Tensor:
        """Return a new array of shape (n_rows,) or (n_rows, width), kept under the name."""
        if name in self._arrays:
            raise ValueError(f"There is an array of rows named {name!r} already.")
        shape = (self._n_rows,) if width is None else (self._n_rows, width)
        return self.keep(name, torch.full(shape, fill, dtype=dtype, device=self._device))

    def keep(self, name: str, array: Tensor) -> Tensor:
        """Keep an array under a name, in place of an earlier one of that name; return it."""
        if len(array) != self._n_rows:
            raise ValueError(f"The array {name!r} must have {self._n_rows} rows. Got {len(array)}.")
        self._arrays[name] = array
        return array

    def discard(self, name: str) -> None:
        """Forget an array."""
        del self._arrays[name]

    def count_by(self, seen: SeenRows | None) -> None:
        """Let `share` know which rows this process trains on; None: it trains by itself."""
        self._seen = seen

    def share(self, *names: str) -> None:
        """Take what other processes have found of the rows that they have trained on.

        Where several train a net together, each writes to the arrays what it sees of its own part
        of the rows. At the end of an epoch this brings the arrays of the names together.
        """
        if self._seen is not None:
            self._seen.share([self._arrays[name] for name in names])

    def __getitem__(self, name: str) -> Tensor:
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def n_bytes(self) -> int:
        """Return the memory of all arrays in bytes."""
        return sum(array.numel() * array.element_size() for array in self._arrays.values())

    def state_dict(self) -> State:
        """Return copies of all arrays on the CPU, by name."""
        return {name: array.detach().cpu().clone() for name, array in self._arrays.items()}

    def load_state_dict(self, state: State) -> None:
        """Put arrays back that `state_dict` gave; those that exist keep their place in memory."""
        for name, array in state.items():
            if name in self._arrays:
                self._arrays[name].copy_(array)
            else:
                self.keep(name, array.to(self._device))


class EpochRecord:
    """Keeps what each epoch left of an array by row number, in the computer's memory.

    Examples
    --------
    >>> import torch
    >>> record = EpochRecord()
    >>> record.add(torch.tensor([0.5, 1.0]))
    >>> record.values()
    array([[0.5, 1. ]], dtype=float32)
    """

    def __init__(self) -> None:
        self._epochs: list[FloatArray] = []

    def add(self, array: Tensor) -> None:
        """Keep a copy of the array as it is now."""
        self._epochs.append(array.detach().to("cpu", torch.float32, copy=True).numpy())

    def values(self) -> FloatArray | None:
        """Return an array of shape (n_epochs, n_rows); None if nothing has been kept."""
        return np.stack(self._epochs) if self._epochs else None
