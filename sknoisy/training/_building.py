"""From what the user gave to an initialised skorch net of the right sizes."""

import inspect

import torch
from sklearn.base import clone
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from ..nets import ImageNet, TabularNet
from ._batches import as_float
from ._seeding import seeded_global_state


def resolve_net(net, data):
    """Return an unfitted skorch net for the data.

    Parameters
    ----------
    net : None, skorch NeuralNetClassifier or subclass of nn.Module
    data : TrainingData

    Raises
    ------
    TypeError
        If `net` is of another kind.
    """
    if net is None:
        return ImageNet() if _is_spatial(data) else TabularNet()
    if inspect.isclass(net) and issubclass(net, nn.Module):
        return ImageNet(net) if _is_spatial(data) else TabularNet(net)
    if isinstance(net, NeuralNetBinaryClassifier) or not isinstance(net, NeuralNetClassifier):
        raise TypeError(
            "The 'net' parameter must be None, a subclass of torch.nn.Module or an unfitted "
            f"skorch NeuralNetClassifier with one output per class. Got {net!r} instead."
        )
    return clone(net)


def _is_spatial(data):
    return torch.as_tensor(data.example()).ndim == 3


def initialize_net(net, data, *, device, seed, verbose):
    """Give a net its sizes and device, and initialise it reproducibly.

    A size that the module's constructor asks for (`n_features`, `n_channels`, `n_classes`) and
    that the user has not set comes from the data.
    """
    net = clone(net)
    net.set_params(device=str(device), verbose=max(verbose - 1, 0), **_missing_sizes(net, data))
    with seeded_global_state(seed):
        net.initialize()
    return net


def _missing_sizes(net, data):
    if not inspect.isclass(net.module):
        return {}
    wanted = inspect.signature(net.module).parameters
    given = net.get_params_for("module")
    example = torch.as_tensor(data.example())
    sizes = {
        "n_features": example.numel(),
        "n_channels": example.shape[0] if example.ndim == 3 else None,
        "n_classes": data.n_classes,
    }
    return {
        f"module__{name}": size
        for name, size in sizes.items()
        if name in wanted and name not in given and size is not None
    }


def check_outputs(net, data):
    """Raise an error if the module doesn't give one output per class."""
    example = as_float(torch.as_tensor(data.example()))
    module = net.module_
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            outputs = net.infer(torch.stack([example, example]))
    finally:
        module.train(was_training)
    if not isinstance(outputs, torch.Tensor) or outputs.shape != (2, data.n_classes):
        shape = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs)
        raise ValueError(
            f"The module of 'net' must return one output per class, (2, {data.n_classes}) for "
            f"two rows. Got {shape} instead. A module whose constructor has a parameter "
            "'n_classes' gets it from the data."
        )


def has_scheduler(net):
    """Return whether the net brings a learning-rate schedule of its own."""
    return any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_)
