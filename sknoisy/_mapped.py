"""Arrays that lie in a file, of which no more is read at a time than is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ._named_inputs import NamedInputs
from ._typing import IntArray

# Values of a block, a few megabytes.
BLOCK_VALUES = 2**22


class MappedRows:
    """Rows of a mapped array, in an order and of a type, that are read when they are asked for.

    All of them at once might not fit in memory. `numpy.asarray` reads them all nevertheless.

    Parameters
    ----------
    array : ndarray or MappedRows
        Mapped from a file.
    rows : ndarray of int, default=None
        Numbers of the rows; None: all.
    dtype : dtype, default=None
        Type of what is read; None: that of the array.
    """

    def __init__(
        self, array: Any, rows: IntArray | None = None, dtype: DTypeLike | None = None
    ) -> None:
        if isinstance(array, MappedRows):
            dtype = array.dtype if dtype is None else dtype
            rows = array._rows if rows is None else array._numbers(rows)
            array = array._array
        self._array: NDArray[Any] = array
        self._rows: IntArray | None = rows
        self.dtype: np.dtype[Any] = np.dtype(array.dtype if dtype is None else dtype)

    def __len__(self) -> int:
        return len(self._array) if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self._array.shape[1:])

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            return np.asarray(self._array[self._numbers(rows)]).astype(self.dtype, copy=False)

    def _numbers(self, rows: Any) -> Any:
        return rows if self._rows is None else self._rows[rows]

    def stored(self) -> NDArray[Any]:
        """Return the rows as they lie in the file."""
        return self._array if self._rows is None else self._array[self._rows]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype)


def is_mapped(X: Any) -> bool:
    """Return whether values lie in a file, also where X is a view of the mapped array."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return isinstance(X, MappedRows)


def some_rows(X: Any, rows: IntArray) -> Any:
    """Return rows of an array, or of each of named inputs; those of a file aren't read yet."""
    if isinstance(X, NamedInputs):
        return X.each(partial(some_rows, rows=rows))
    return MappedRows(X, rows) if is_mapped(X) else X[rows]


def as_stored(X: Any) -> Any:
    """Return mapped rows as the array that lies in the file, and anything else as it is."""
    return X.stored() if isinstance(X, MappedRows) else X


def in_memory(X: Any) -> Any:
    """Return mapped rows as an array of their type, and anything else as it is."""
    return np.asarray(X) if isinstance(X, MappedRows) else X


def blocks_of(X: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield blocks of an array's rows, each with the number of its first row."""
    n_rows = max(BLOCK_VALUES // max(int(np.prod(X.shape[1:])), 1), 1)
    for start in range(0, len(X), n_rows):
        yield start, X[start : start + n_rows]


def value_range(X: Any) -> tuple[float, float]:
    """Return the smallest and the largest value of an array."""
    ranges = [(block.min(), block.max()) for _, block in blocks_of(X)]
    return min(low for low, _ in ranges), max(high for _, high in ranges)
