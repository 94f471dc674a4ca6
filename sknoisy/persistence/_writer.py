"""From Python's objects to JSON, arrays and files of skops, and back."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelFileError

PLAIN = (bool, int, str, type(None))


class Kind(NamedTuple):
    """How objects of one kind are written and read.

    Parameters
    ----------
    tag : str
        What they are called in the JSON.
    matches : callable
        Tells whether an object is of the kind.
    write : callable
        Takes the object and a `Writer`; returns JSON.
    read : callable
        Takes that JSON and a `Reader`; returns the object.
    """

    tag: str
    matches: Callable[[Any], bool]
    write: Callable[[Any, "Writer"], Any]
    read: Callable[[Any, "Reader"], Any]


class Writer:
    """Turns objects into JSON, and collects what isn't JSON.

    Parameters
    ----------
    kinds : sequence of Kind
        The first that matches is taken.

    Attributes
    ----------
    arrays : dict of str to ndarray
    parts : dict of str to bytes
        Files of skops.
    named : dict of str to class, function or module
        What was written by nothing but its name, for who can keep it elsewhere.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self._kinds = kinds
        self.arrays: dict[str, NDArray[Any]] = {}
        self.parts: dict[str, bytes] = {}
        self.named: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._path: list[str] = []

    def value(self, value: Any) -> Any:
        """Return the JSON of an object."""
        if type(value) in PLAIN:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if type(value) is list:
            return [self.item(number, each) for number, each in enumerate(value)]
        for kind in self._kinds:
            if kind.matches(value):
                return {kind.tag: kind.write(value, self)}
        raise self.refusal(value)

    def item(self, name: object, value: Any) -> Any:
        """Return the JSON of an object that has a name within the one that is being written."""
        with self.within(name):
            return self.value(value)

    @contextmanager
    def within(self, name: object) -> Iterator[None]:
        self._path.append(str(name))
        yield
        self._path.pop()

    @property
    def place(self) -> str:
        return ".".join(self._path)

    def refusal(self, value: Any, reason: str = "") -> TypeError:
        """Return the error that says what can't be saved, and where it is."""
        kind = type(value)
        what = reason or f"objects of {kind.__module__}.{kind.__qualname__} can't be"
        return TypeError(f"The estimator can't be saved because of {self.place!r}: {what}.")

    def array(self, values: NDArray[Any]) -> str:
        """Keep an array of numbers, and return its name; equal arrays are kept once."""
        values = np.ascontiguousarray(values)
        key = (values.dtype.str, values.shape, _digest(values))
        if key not in self._names:
            self._names[key] = name = _free_name(self.place or "array", self.arrays)
            self.arrays[name] = values
        return self._names[key]

    def part(self, content: bytes, suffix: str) -> str:
        """Keep the content of a file, and return its name."""
        name = f"part_{len(self.parts)}{suffix}"
        self.parts[name] = content
        return name


class Reader:
    """Turns JSON into the objects that a `Writer` was given.

    Parameters
    ----------
    kinds : sequence of Kind
    arrays : dict of str to ndarray
    parts : dict of str to bytes
    modules : mapping of str to class, function or module
        What isn't of this package, by the names that the file has for it.
    """

    def __init__(
        self,
        kinds: tuple[Kind, ...],
        arrays: Mapping[str, NDArray[Any]],
        parts: Mapping[str, bytes],
        modules: Mapping[str, Any],
    ) -> None:
        self._read = {kind.tag: kind.read for kind in kinds}
        self._arrays = arrays
        self.parts = parts
        self.modules = modules

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(each) for each in node]
        if not isinstance(node, dict):
            return node
        if len(node) != 1:
            raise ModelFileError(f"a value has the tags {sorted(node)}")
        ((tag, content),) = node.items()
        if tag == "float":
            return float(content)
        if tag not in self._read:
            raise ModelFileError(f"it holds a {tag!r}, which this version doesn't know")
        return self._read[tag](content, self)

    def array(self, name: str) -> NDArray[Any]:
        """Return an array of one's own."""
        return self._arrays[name].copy()


def _digest(values: NDArray[Any]) -> bytes:
    # Its bytes without a copy, which neither a number nor an empty array can give.
    as_bytes: Any = values.view(np.uint8) if values.ndim and values.size else values.tobytes()
    return blake2b(as_bytes).digest()


def _free_name(place: str, taken: Mapping[str, Any]) -> str:
    name, number = place, 1
    while name in taken:
        number += 1
        name = f"{place}_{number}"
    return name
