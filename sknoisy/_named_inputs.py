"""Several arrays, or tensors, by name: what a module's forward takes by keyword."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class NamedInputs(dict):
    """Entries of equal length that are taken apart by rows, as an array is.

    It stays a dict, which skorch hands to the module by keyword.

    Examples
    --------
    >>> import numpy as np
    >>> inputs = NamedInputs(image=np.zeros((3, 1, 8, 8)), table=np.ones((3, 5)))
    >>> len(inputs), inputs[:2]["table"].shape
    (3, (2, 5))
    """

    def each(self, function: Callable[[Any], Any]) -> NamedInputs:
        """Return what a function makes of each entry."""
        return NamedInputs({name: function(values) for name, values in self.items()})

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.each(lambda values: values[key])

    @property
    def shape(self) -> tuple[int]:
        return (len(next(iter(self.values()))),)

    @property
    def ndim(self) -> int:
        """Dimensions of the entry that has most."""
        return max(values.ndim for values in self.values())

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in self.values())

    def to(self, *args: Any, **kwargs: Any) -> NamedInputs:
        return self.each(lambda values: values.to(*args, **kwargs))

    def chunk(self, n_chunks: int) -> list[NamedInputs]:
        size = -(-len(self) // n_chunks)
        return [self[start : start + size] for start in range(0, len(self), size)]


def on_each(function: Callable[[Any], Any], features: Any) -> Any:
    """Return what a function makes of features, or of each entry of named inputs."""
    return features.each(function) if isinstance(features, NamedInputs) else function(features)


def named_entries(features: Any) -> Iterator[tuple[str, Any]]:
    """Yield features, or each entry of named inputs, with what messages call them."""
    if isinstance(features, NamedInputs):
        for name, values in features.items():
            yield f"X[{name!r}]", values
    else:
        yield "X", features


def shape_of_rows(features: Any) -> Any:
    """Return the shape of a row, or a dict of shapes by name."""
    if isinstance(features, NamedInputs):
        return {name: tuple(values.shape[1:]) for name, values in features.items()}
    return tuple(features.shape[1:])
