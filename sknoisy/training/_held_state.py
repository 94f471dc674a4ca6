"""All that a training holds between two epochs, found by a walk over its objects."""

from __future__ import annotations

import sys
import types
from collections import deque
from typing import Any

import numpy as np
import torch
from scipy import sparse
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import Dataset

from .._documentation import DocumentedEstimator
from .._named_inputs import NamedInputs
from ._batches import DatasetBatches, EndlessBatches, FeatureStore, RowBatches
from ._data import TrainingData
from ._net_hooks import NetHooks
from ._ranks import OneProcess, SeenRows

PLAIN = (type(None), bool, int, float, str)
# They are what the training was started with, and the next one is started with the same.
GIVEN = (
    TrainingData,
    DocumentedEstimator,
    Dataset,
    NamedInputs,
    FeatureStore,
    NetHooks,
    OneProcess,
    SeenRows,
)
GIVEN_OF_RUN = (
    "data",
    "device",
    "labels",
    "names",
    "parameters",
    "rows",
    "sample_weight",
    # It is that of the order of the rows, or set anew in each epoch.
    "_view_generator",
)
NAMED = (
    type,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    torch.dtype,
    torch.device,
    np.dtype,
)
# What files of safetensors know.
STORED_KINDS = "biuf"
PACKAGE = __name__.partition(".")[0]
# numpy has no such numbers; their bits are kept.
AS_BITS = {torch.bfloat16: torch.int16}


class UnknownStateError(TypeError):
    """A training holds an object whose state can't be told, so it can't be gone on with."""


class StateWriter:
    """Turns the state of objects into JSON and arrays.

    Objects that several others share are written once.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Copies.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._numbers: dict[int, int] = {}
        # An object that is gone could leave its identity to another one.
        self._kept: list[Any] = []

    def write(self, value: Any) -> Any:
        """Return the JSON of an object's state."""
        if type(value) in PLAIN:
            return value
        if isinstance(value, GIVEN) or sparse.issparse(value):
            return ["given", None]
        if isinstance(value, NAMED):
            return ["named", _name(value)]
        if isinstance(value, np.generic):
            return ["scalar", self._array(np.asarray(value))]
        if id(value) in self._numbers:
            return ["same", self._numbers[id(value)]]
        number = self._numbers[id(value)] = len(self._kept)
        self._kept.append(value)
        tag, content = self._object(value)
        return [tag, content, number]

    def _object(self, value: Any) -> tuple[str, Any]:
        if isinstance(value, Tensor):
            return "tensor", self._tensor(value)
        if isinstance(value, np.ndarray):
            return "array", self._array(value)
        if isinstance(value, torch.Generator):
            return "generator", self._tensor(value.get_state())
        if isinstance(value, np.random.RandomState):
            return "random_state", self.write(value.get_state(legacy=False))
        if isinstance(value, np.random.Generator):
            return "random_generator", self.write(value.bit_generator.state)
        if isinstance(value, nn.Module):
            return "module", self._module(value)
        if isinstance(value, Optimizer | LRScheduler):
            return "state_dict", self.write(value.state_dict())
        if isinstance(value, NeuralNet):
            return "net", self._net(value)
        if isinstance(value, EndlessBatches):
            return "batches", self._position(value)
        if isinstance(value, RowBatches):
            return "given", None
        if isinstance(value, DatasetBatches):
            return "loader", self.write(value.loader_generator)
        if isinstance(value, dict):
            return "dict", [[self.write(name), self.write(each)] for name, each in value.items()]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return "fields", [_name(type(value)), [self.write(each) for each in value]]
        if type(value) in (list, tuple, set, frozenset, torch.Size):
            return type(value).__name__.lower(), [self.write(each) for each in value]
        if type(value) is deque:
            return "deque", [value.maxlen, [self.write(each) for each in value]]
        if isinstance(value, Callback) or _is_of_package(type(value)):
            return "parts", [_name(type(value)), self._attributes(value)]
        raise UnknownStateError(f"{type(value).__module__}.{type(value).__qualname__}")

    def _attributes(self, value: Any) -> list[Any]:
        left_out = GIVEN_OF_RUN if type(value).__name__ == "TrainingRun" else ()
        return [
            [name, self.write(each)] for name, each in vars(value).items() if name not in left_out
        ]

    def _module(self, module: nn.Module) -> Any:
        state = {name: each.detach() for name, each in module.state_dict().items()}
        modes = [each.training for each in module.modules()]
        learns = [each.requires_grad for each in module.parameters()]
        return [self.write(state), modes, learns]

    def _net(self, net: NeuralNet) -> Any:
        parts = [net.module_, net.criterion_, net.optimizer_]
        parts.append([callback for _, callback in net.callbacks_])
        return [*map(self.write, parts), self.write(net.history.to_list())]

    def _position(self, batches: EndlessBatches) -> Any:
        position = batches.position()
        if position is None:
            raise UnknownStateError("batches of a Dataset beside those of the training")
        return self.write(position)

    def _tensor(self, value: Tensor) -> Any:
        if value.layout is not torch.strided:
            raise UnknownStateError(f"a tensor of layout {value.layout}")
        value = value.detach()
        # A copy of overlapping memory has an order of its own.
        strides = list(torch.empty_like(value).stride())
        bits = AS_BITS.get(value.dtype)
        plain = value.cpu().contiguous()
        try:
            array = (plain if bits is None else plain.view(bits)).numpy()
        except TypeError as error:
            raise UnknownStateError(f"a tensor of {value.dtype}") from error
        return [self._array(array), strides, bits is not None]

    def _array(self, values: np.ndarray) -> str:
        if values.dtype.kind not in STORED_KINDS or values.dtype.itemsize > 8:
            raise UnknownStateError(f"an array of {values.dtype}")
        name = str(len(self.arrays))
        self.arrays[name] = np.array(values, order="C", copy=True)
        return name


class StateReader:
    """Puts the state that a `StateWriter` wrote back into objects of the same structure.

    Values go into the objects that are there, so that whoever shares an array still does.

    Parameters
    ----------
    arrays : dict of str to ndarray
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays
        self._read: dict[int, Any] = {}
        self._filled: set[int] = set()
        self._kept: list[Any] = []

    def read(self, node: Any, old: Any) -> Any:
        """Return the object of a state: `old` with that state in it, or a new one."""
        if not isinstance(node, list):
            return node
        tag, content = node[:2]
        if tag == "given":
            return old
        if tag == "named":
            if not isinstance(old, NAMED) or _name(old) != content:
                raise ValueError(f"{content} isn't where it was")
            return old
        if tag == "scalar":
            return self._arrays[content][()]
        if tag == "same":
            return self._read[content]
        number = node[2]
        if id(old) in self._filled and not isinstance(old, PLAIN):
            old = None
        value = self._read_object(tag, content, old, number)
        self._remember(number, value)
        return value

    def _remember(self, number: int, value: Any) -> None:
        self._read[number] = value
        self._filled.add(id(value))
        self._kept.append(value)

    def _read_object(self, tag: str, content: Any, old: Any, number: int) -> Any:
        return getattr(self, f"_read_{tag}")(content, old, number)

    # -- arrays and generators -----------------------------------------------------------------

    def _read_tensor(self, content: Any, old: Any, number: int) -> Tensor:
        new = self._new_tensor(content)
        if not isinstance(old, Tensor) or (old.shape, old.dtype) != (new.shape, new.dtype):
            return new.to(old.device) if isinstance(old, Tensor) else new
        with torch.no_grad():
            # Equal values stay untouched: they may lie where nothing can be written.
            if not torch.equal(old, new.to(old.device)):
                old.copy_(new)
        return old

    def _new_tensor(self, content: Any) -> Tensor:
        name, strides, is_bits = content
        values = torch.from_numpy(self._arrays[name])
        values = values.view(torch.bfloat16) if is_bits else values
        return torch.empty_strided(values.shape, strides, dtype=values.dtype).copy_(values)

    def _read_array(self, content: Any, old: Any, number: int) -> np.ndarray:
        new = self._arrays[content]
        fits = isinstance(old, np.ndarray) and (old.shape, old.dtype) == (new.shape, new.dtype)
        if not fits:
            return new.copy()
        if not np.array_equal(old, new):
            old[...] = new
        return old

    def _read_generator(self, content: Any, old: Any, number: int) -> torch.Generator:
        return old.set_state(self._new_tensor(content))

    def _read_random_state(self, content: Any, old: Any, number: int) -> np.random.RandomState:
        old.set_state(self.read(content, None))
        return old

    def _read_random_generator(self, content: Any, old: Any, number: int) -> np.random.Generator:
        old.bit_generator.state = self.read(content, None)
        return old

    # -- torch and skorch ----------------------------------------------------------------------

    def _read_module(self, content: Any, old: Any, number: int) -> nn.Module:
        state, modes, learns = content
        old.load_state_dict(self.read(state, None))
        for module, mode in zip(old.modules(), modes, strict=True):
            module.training = mode
        for parameter, each in zip(old.parameters(), learns, strict=True):
            parameter.requires_grad_(each)
        return old

    def _read_state_dict(self, content: Any, old: Any, number: int) -> Any:
        old.load_state_dict(self.read(content, None))
        return old

    def _read_net(self, content: Any, old: Any, number: int) -> NeuralNet:
        self._remember(number, old)
        module, criterion, optimizer, callbacks, history = content
        self.read(module, old.module_)
        self.read(criterion, old.criterion_)
        self.read(optimizer, old.optimizer_)
        self.read(callbacks, [callback for _, callback in old.callbacks_])
        old.history[:] = self.read(history, None)
        return old

    def _read_batches(self, content: Any, old: Any, number: int) -> EndlessBatches:
        old.go_to(self.read(content, None))
        return old

    def _read_loader(self, content: Any, old: Any, number: int) -> DatasetBatches:
        self.read(content, old.loader_generator)
        return old

    # -- containers and objects ----------------------------------------------------------------

    def _read_dict(self, content: Any, old: Any, number: int) -> dict[Any, Any]:
        old = old if isinstance(old, dict) else {}
        self._remember(number, old)
        items = {}
        for name, each in content:
            key = self.read(name, None)
            items[key] = self.read(each, old.get(key))
        old.clear()
        old.update(items)
        return old

    def _read_items(self, content: Any, old: Any) -> list[Any]:
        fits = isinstance(old, list | tuple | deque) and len(old) == len(content)
        before = list(old) if fits else [None] * len(content)
        return [self.read(each, one) for each, one in zip(content, before, strict=True)]

    def _read_list(self, content: Any, old: Any, number: int) -> list[Any]:
        items = self._read_items(content, old)
        if type(old) is not list:
            return items
        old[:] = items
        return old

    def _read_tuple(self, content: Any, old: Any, number: int) -> tuple[Any, ...]:
        return tuple(self._read_items(content, old))

    def _read_set(self, content: Any, old: Any, number: int) -> set[Any]:
        return set(self._read_items(content, None))

    def _read_frozenset(self, content: Any, old: Any, number: int) -> frozenset[Any]:
        return frozenset(self._read_items(content, None))

    def _read_size(self, content: Any, old: Any, number: int) -> torch.Size:
        return torch.Size(content)

    def _read_deque(self, content: Any, old: Any, number: int) -> deque[Any]:
        maxlen, nodes = content
        items = self._read_items(nodes, old)
        if type(old) is not deque:
            return deque(items, maxlen=maxlen)
        old.clear()
        old.extend(items)
        return old

    def _read_fields(self, content: Any, old: Any, number: int) -> Any:
        name, nodes = content
        kind = _class_of(name, old)
        return kind(*self._read_items(nodes, old if type(old) is kind else None))

    def _read_parts(self, content: Any, old: Any, number: int) -> Any:
        name, attributes = content
        kind = _class_of(name, old)
        if type(old) is not kind:
            old = object.__new__(kind)
        self._remember(number, old)
        for attribute, each in attributes:
            vars(old)[attribute] = self.read(each, vars(old).get(attribute))
        return old


def _name(value: Any) -> str:
    if isinstance(value, torch.dtype | torch.device | np.dtype):
        return str(value)
    return f"{value.__module__}:{value.__qualname__}"


def _is_of_package(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == PACKAGE


def _class_of(name: str, old: Any) -> type:
    """Return the class that an object is to have: that of the old one, or one of the package."""
    if _name(type(old)) == name:
        return type(old)
    module, _, qualified = name.partition(":")
    kind = getattr(sys.modules.get(module), qualified, None)
    if not isinstance(kind, type) or not _is_of_package(kind):
        raise ValueError(f"there is no {name}")
    return kind
