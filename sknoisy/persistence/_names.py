"""Classes by name: those that are known, and those that the user names at load."""

import inspect
from functools import cache
from typing import Any

from ..exceptions import ModelFileError
from ._writer import Reader, Writer

# Callbacks that neither write nor read files.
CALLBACKS = (
    "BatchScoring",
    "EarlyStopping",
    "EpochScoring",
    "EpochTimer",
    "Freezer",
    "GradientNormClipping",
    "LRScheduler",
    "PassthroughScoring",
    "PrintLog",
    "ProgressBar",
    "Unfreezer",
    "WarmRestartLR",
)


@cache
def known_classes() -> dict[str, type]:
    """Return the classes that a file may name without the user's help.

    None of them does anything but compute: they neither touch files nor run what a parameter says.
    """
    import skorch
    import torch
    from skorch import callbacks, dataset

    from .. import augmentation, methods, nets
    from ..training import DefaultNet

    known = {"skorch.dataset.ValidSplit": dataset.ValidSplit}
    known["skorch.dataset.Dataset"] = dataset.Dataset
    known["torch.utils.data.DataLoader"] = torch.utils.data.DataLoader
    known["skorch.NeuralNetClassifier"] = skorch.NeuralNetClassifier
    known["sknoisy.training.DefaultNet"] = DefaultNet
    known |= {f"skorch.callbacks.{name}": getattr(callbacks, name) for name in CALLBACKS}
    for namespace, base in (
        (torch.nn, torch.nn.Module),
        (torch.optim, torch.optim.Optimizer),
        (torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler),
    ):
        for name, value in vars(namespace).items():
            if inspect.isclass(value) and issubclass(value, base):
                known[f"{namespace.__name__}.{name}"] = value
    for package in (augmentation, methods, nets):
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isclass(value):
                known[f"{package.__name__}.{name}"] = value
    return known


@cache
def _names_of_known() -> dict[type, str]:
    return {value: name for name, value in known_classes().items()}


def write_name(value: Any, writer: Writer) -> str:
    """Return the name of a class or function: the whole name if it is known, else its own."""
    known = _names_of_known().get(value) if inspect.isclass(value) else None
    if known is not None:
        return known
    name = getattr(value, "__name__", "")
    if not name.isidentifier():
        raise writer.refusal(value, f"{value!r} has no name by which it could be found again")
    return keep_named(name, value, writer)


def keep_named(name: str, value: Any, writer: Writer) -> str:
    """Remember what a name stands for; two things of one name couldn't be told apart."""
    if writer.named.setdefault(name, value) is not value:
        raise writer.refusal(value, f"something else is named {name!r} too")
    return name


def read_name(name: Any, reader: Reader) -> Any:
    """Return the class or function of a name."""
    found = reader.modules.get(name, known_classes().get(name))
    if found is None:
        raise ModelFileError(
            f"it was saved with {name!r}, which isn't part of sknoisy: pass "
            f"modules={{{name!r}: ...}} with that class, module or function"
        )
    return found
