"""Tensors, modules and skorch's nets."""

import copy
import inspect
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from ..exceptions import ModelFileError
from ..nets import TabMEnsemble
from ..training import seeded_global_state
from ..training._trainer import resolve_device
from ._names import keep_named, read_name, write_name
from ._writer import Kind, Reader, Writer

# Rows of the training that a net was made from. They aren't needed beside its weights, and
# nobody expects rows of a table in a file of weights.
EXAMPLE_ROWS = "module__example_rows"
# numpy has no such numbers; their bits are kept.
AS_BITS = {torch.bfloat16: torch.int16}


# -- tensors -------------------------------------------------------------------------------------


def _write_tensor(value: torch.Tensor, writer: Writer) -> dict[str, Any]:
    value = value.detach().cpu()
    if value.layout is not torch.strided:
        raise writer.refusal(value, f"tensors of layout {value.layout} can't be")
    bits = AS_BITS.get(value.dtype)
    try:
        array = (value if bits is None else value.view(bits)).numpy()
    except TypeError as error:
        raise writer.refusal(value, f"tensors of {value.dtype} can't be") from error
    written = {"name": writer.array(array)}
    return written if bits is None else written | {"as": _dtype_name(value.dtype)}


def _read_tensor(content: Any, reader: Reader) -> torch.Tensor:
    value = torch.from_numpy(reader.array(content["name"]))
    return value.view(_dtype(content["as"])) if "as" in content else value


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _dtype(name: Any) -> torch.dtype:
    dtype = getattr(torch, str(name), None)
    if not isinstance(dtype, torch.dtype):
        raise ModelFileError(f"torch knows no type {name!r}")
    return dtype


def _write_state(state: Any, writer: Writer) -> dict[str, Any]:
    written = {}
    for name, value in state.items():
        with writer.within(name):
            if not isinstance(value, torch.Tensor):
                raise writer.refusal(value, "its extra state isn't a tensor, and can't be")
            written[name] = _write_tensor(value, writer)
    return written


def _read_state(content: Any, reader: Reader) -> dict[str, torch.Tensor]:
    return {str(name): _read_tensor(each, reader) for name, each in content.items()}


# -- modules that are instances ------------------------------------------------------------------


def _write_module(module: nn.Module, writer: Writer) -> dict[str, Any]:
    return {
        "class": keep_named(type(module).__name__, module, writer),
        "state": _write_state(module.state_dict(), writer),
        "training": module.training,
    }


def _read_module(content: Any, reader: Reader) -> nn.Module:
    """Return a module of the user's with the weights of the file."""
    name = content["class"]
    given = reader.modules.get(name)
    if given is None:
        raise ModelFileError(
            f"it was saved with a module that is an instance of {name!r}, whose structure no file "
            f"holds: pass modules={{{name!r}: module}} with a module of that structure, or what "
            "makes one"
        )
    is_module = isinstance(given, nn.Module)
    module = copy.deepcopy(given) if is_module else given()
    _load_state(module, _read_state(content["state"], reader), name)
    return module.train(bool(content["training"]))


def _load_state(module: nn.Module, state: dict[str, torch.Tensor], name: str) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ModelFileError(f"its weights don't fit the module {name!r}: {error}") from error


# -- objects that are made from their parameters -------------------------------------------------


def _is_made_from_parameters(value: Any) -> bool:
    if inspect.isclass(value):
        return False
    from ..methods import Method
    from ..training import DefaultNet

    return isinstance(value, NeuralNet | Callback | Method | DefaultNet)


def _write_parameters(value: Any, writer: Writer) -> dict[str, Any]:
    if isinstance(value, Callback):
        parameters = _parameters_of_callback(value)
    else:
        parameters = value.get_params(deep=False)
    return {
        "class": write_name(type(value), writer),
        "parameters": {name: writer.item(name, each) for name, each in parameters.items()},
    }


def _parameters_of_callback(callback: Callback) -> dict[str, Any]:
    """Return what a callback was made with, apart from defaults such as the function print.

    `get_params` leaves out what a scheduler got under names of its own.
    """
    known = inspect.signature(type(callback)).parameters
    return {
        name: value
        for name, value in vars(callback).items()
        if not name.startswith("_")
        and not name.endswith("_")
        and not (name in known and value is known[name].default)
    }


def _read_parameters(content: Any, reader: Reader) -> Any:
    kind = read_name(content["class"], reader)
    return kind(**_parameters(content, reader))


def _parameters(content: Any, reader: Reader) -> dict[str, Any]:
    return {str(name): reader.value(each) for name, each in content["parameters"].items()}


# -- nets that were trained ----------------------------------------------------------------------


def _write_net(net: NeuralNet, writer: Writer) -> dict[str, Any]:
    # It predicts; callbacks belong to trainings.
    parameters = {
        name: each
        for name, each in net.get_params(deep=False).items()
        if not name.startswith("callbacks")
    }
    if net.module is TabMEnsemble:
        parameters[EXAMPLE_ROWS] = np.zeros((2, *np.shape(parameters[EXAMPLE_ROWS])[1:]), "f4")
    return {
        "class": write_name(type(net), writer),
        "parameters": {name: writer.item(name, each) for name, each in parameters.items()},
        "classes": writer.value(net.classes_inferred_),
        "state": _write_state(net.module_.state_dict(), writer),
    }


def _read_net(content: Any, reader: Reader) -> NeuralNet:
    parameters = _parameters(content, reader)
    parameters["device"] = _device_here(parameters.get("device", "cpu"))
    net = read_name(content["class"], reader)(**parameters, callbacks=None)
    with seeded_global_state(0):
        net.initialize()
    net.classes_inferred_ = reader.value(content["classes"])
    _load_state(net.module_, _read_state(content["state"], reader), type(net.module_).__name__)
    net.module_.eval()
    return net


def _device_here(device: Any) -> str:
    """Return the device that a net was on, or the CPU where there is none such."""
    try:
        return str(resolve_device(device))
    except ValueError:
        return "cpu"


def _write_class(value: Any, writer: Writer) -> str:
    return write_name(value, writer)


NET_KINDS = (
    Kind("size", lambda v: type(v) is torch.Size, lambda v, w: list(v), lambda c, r: torch.Size(c)),
    Kind("tensor", lambda v: isinstance(v, torch.Tensor), _write_tensor, _read_tensor),
    Kind(
        "torch_dtype",
        lambda v: isinstance(v, torch.dtype),
        lambda v, w: _dtype_name(v),
        lambda c, r: _dtype(c),
    ),
    Kind(
        "device",
        lambda v: isinstance(v, torch.device),
        lambda v, w: str(v),
        lambda c, r: torch.device(c),
    ),
    Kind("module", lambda v: isinstance(v, nn.Module), _write_module, _read_module),
    Kind(
        "net",
        lambda v: isinstance(v, NeuralNet) and getattr(v, "initialized_", False),
        _write_net,
        _read_net,
    ),
    Kind("made", _is_made_from_parameters, _write_parameters, _read_parameters),
    Kind("class", lambda v: inspect.isclass(v) or inspect.isfunction(v), _write_class, read_name),
)
