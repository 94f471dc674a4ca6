"""A device that isn't the CPU, for machines that have no other.

Its tensors compute on the CPU but say that they lie elsewhere, and as on CUDA an operation can't
mix them with tensors on the CPU. It can't be taken back, so it belongs into a process of its own.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "elsewhere"
COPIES = ("aten::_to_copy", "aten::copy_")
INDEXINGS = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


def is_available():
    return hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend")


def install():
    """Make the device known to torch."""
    torch.utils.backend_registration._setup_privateuseone_for_python_backend(DEVICE)
    # A parameter's data can't be replaced by a tensor of another class.
    torch.__future__.set_overwrite_module_params_on_conversion(True)


class ElsewhereTensor(torch.Tensor):
    """A tensor on the device; `values_on_cpu` is what it holds."""

    @staticmethod
    def __new__(cls, values):
        wrapper = torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device(DEVICE, 0),
        )
        wrapper.values_on_cpu = values
        return wrapper

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return compute(operation, args, kwargs or {})


class Elsewhere(TorchDispatchMode):
    """Within this context tensors can be moved to the device, and made there."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return compute(operation, args, kwargs or {})


def compute(operation, args, kwargs):
    name = operation.name().split(".")[0]
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    elsewhere = [each for each in tensors if isinstance(each, ElsewhereTensor)]
    check_devices(name, args, tensors, elsewhere)
    returns_elsewhere = bool(elsewhere)
    if kwargs.get("device") is not None:
        returns_elsewhere = torch.device(kwargs["device"]).type == DEVICE
        kwargs = kwargs | {"device": torch.device("cpu")}
    if returns_elsewhere and kwargs.get("generator") is not None:
        raise RuntimeError(f"{name} has a generator on the CPU and a result elsewhere.")
    result = operation(*tree_map(_values, args), **tree_map(_values, kwargs))
    if name == "aten::copy_":
        return args[0]
    known = {id(each.values_on_cpu): each for each in elsewhere}

    def wrapped(value):
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) in known:
            return known[id(value)]
        if value._is_zerotensor():
            value = torch.zeros(value.shape, dtype=value.dtype)
        return ElsewhereTensor(value) if returns_elsewhere else value

    return tree_map(wrapped, result)


def check_devices(name, args, tensors, elsewhere):
    if not elsewhere or name in COPIES:
        return
    if name in INDEXINGS and isinstance(args[0], ElsewhereTensor):
        return
    on_cpu = [each for each in tensors if not isinstance(each, ElsewhereTensor) and each.dim()]
    if on_cpu:
        raise RuntimeError(
            f"{name} mixes tensors elsewhere, {[tuple(each.shape) for each in elsewhere]}, with "
            f"tensors on the CPU, {[tuple(each.shape) for each in on_cpu]}."
        )


def _values(value):
    return value.values_on_cpu if isinstance(value, ElsewhereTensor) else value
