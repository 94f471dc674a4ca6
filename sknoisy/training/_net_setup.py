"""From what the user gave to an initialised skorch net of the right sizes."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .._named_inputs import NamedInputs, on_each, shape_of_rows
from ..nets import EmbeddingNet, FineTunedNet, TabularNet, VisionNet
from ._batches import as_float, as_tensor
from ._default_net import DefaultNet
from ._finite import check_features
from ._memory import is_out_of_memory
from ._net_outputs import infer_in_parts
from ._seeding import seeded_global_state
from ._surroundings import ordinary_surroundings
from ._threads import few_threads

# Rows that are looked at before a training.
N_EXAMPLES = 8
# Rows that a module may be made from.
N_EXAMPLE_ROWS = 10_000
# From so many columns on a table is taken for embeddings: benchmark tables have fewer, even with
# their categories one-hot, and sentence encoders and image nets give more.
#: Columns from which on the default net for a table is that for embeddings.
MIN_EMBEDDING_FEATURES = 256
TAKE_SPARSE_GRADIENTS = (torch.optim.SGD, torch.optim.Adagrad, torch.optim.SparseAdam)
OPTIMIZER_CHOICES = {"fused", "foreach", "capturable", "differentiable"}
# The views of a fine-tuned net, whose module may take images or tables.
IMAGE_VIEWS = {"weak_view": "crop_flip", "strong_view": "strong"}
TABLE_VIEWS = {"weak_view": None, "strong_view": "noise"}


def resolve_net(net, data):
    """Return an unfitted skorch net for the data.

    Parameters
    ----------
    net : None, skorch NeuralNetClassifier, or subclass or instance of nn.Module
    data : TrainingData

    Raises
    ------
    TypeError
        If `net` is of another kind.
    """
    if isinstance(net, DefaultNet):
        return net.of(resolve_net(net.module, data))
    if net is None:
        return _default_net(data)
    if inspect.isclass(net) and issubclass(net, nn.Module):
        return VisionNet(net) if _is_spatial(data) else TabularNet(net)
    if isinstance(net, nn.Module):
        net = FineTunedNet(net)
    if isinstance(net, NeuralNetBinaryClassifier) or not isinstance(net, NeuralNetClassifier):
        raise TypeError(
            "The 'net' parameter must be None, a subclass or an instance of torch.nn.Module, or "
            "an unfitted skorch NeuralNetClassifier with one output per class. "
            f"Got {net!r} instead."
        )
    net = clone(net)
    parameters = net.get_params(deep=False).items()
    # Not all of them: skorch doesn't let a module that is an instance be set again.
    of_numpy: dict[str, Any] = {
        name: value for name, value in parameters if isinstance(value, np.generic)
    }
    if isinstance(net, FineTunedNet):
        views = IMAGE_VIEWS if _is_spatial(data) else TABLE_VIEWS
        of_numpy |= {name: view for name, view in views.items() if _is_auto(getattr(net, name))}
    return net.set_params(**python_scalars(of_numpy))


def _default_net(data):
    if data.is_named:
        raise ValueError(
            "X is a dict of arrays, which no default net takes: pass as 'net' a skorch "
            "NeuralNetClassifier, or a torch.nn.Module, whose forward has the parameters "
            f"{', '.join(map(repr, data.X))}. Columns of a table go as pandas.DataFrame(X). Got "
            "net=None."
        )
    if _is_spatial(data):
        return VisionNet()
    n_features = np.prod(np.shape(data.example()))
    return EmbeddingNet() if n_features >= MIN_EMBEDDING_FEATURES else TabularNet()


def _is_auto(value):
    return isinstance(value, str) and value == "auto"


def python_scalars(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with Python's numbers in place of numpy's.

    numpy's keep their width in sums and products: the double of `np.uint8(200)` is 144.
    """
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in parameters.items()
    }


def _is_spatial(data):
    return not data.is_named and len(np.shape(data.example())) == 3


@ordinary_surroundings
def initialize_net(net, data, *, device, seed, verbose):
    """Give a net its sizes and device, and initialise it reproducibly.

    A size that the module's constructor asks for (`n_features`, `n_channels`, `n_classes`) and
    that the user has not set comes from the data.
    """
    net = clone(net)
    net.set_params(device=str(device), verbose=max(verbose - 2, 0), **_missing_sizes(net, data))
    with seeded_global_state(seed):
        _initialize(net)
    _check_trainable(net)
    _check_optimizer(net)
    net.classes_inferred_ = np.arange(data.n_classes)
    _check_batch_size(net)
    if _can_fuse_updates(net):
        net.set_params(optimizer__fused=True)
    return net


def _initialize(net):
    try:
        net.initialize()
    except ValueError as error:
        if "empty parameter list" not in str(error):
            raise
        raise _nothing_to_train(net) from error


def _check_trainable(net):
    if not any(value.requires_grad for value in net.module_.parameters()):
        raise _nothing_to_train(net)


def _nothing_to_train(net):
    return ValueError(
        "The module of 'net' must have parameters to train, with requires_grad=True. "
        f"{getattr(net.module, '__name__', type(net.module).__name__)} has none."
    )


def _check_optimizer(net):
    """Raise an error for an optimiser that a step with row numbers can't be made with."""
    name = type(net.optimizer_).__name__
    closure = inspect.signature(net.optimizer_.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise ValueError(
            "The 'optimizer' of 'net' must make its step from one gradient, as SGD and Adam do. "
            f"Got {name}, which computes the loss again through a closure."
        )
    is_sparse = any(getattr(layer, "sparse", False) for layer in net.module_.modules())
    if is_sparse and not isinstance(net.optimizer_, TAKE_SPARSE_GRADIENTS):
        raise ValueError(
            "The module of 'net' has layers with sparse=True, whose gradients the 'optimizer' "
            f"{name} can't take: leave sparse=False, or choose SGD."
        )


def _can_fuse_updates(net):
    """Return whether the optimiser can update all parameters in one kernel.

    A tenth faster on a table's net than torch's own choice on a CPU, one kernel per parameter.
    What the user chose stays.
    """
    if net.optimizer not in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD):
        return False
    if OPTIMIZER_CHOICES & net.get_params_for("optimizer").keys():
        return False
    if any(getattr(layer, "sparse", False) for layer in net.module_.modules()):
        return False
    return all(
        value.is_floating_point() and value.device.type in ("cpu", "cuda")
        for value in net.module_.parameters()
    )


def _check_batch_size(net):
    if net.batch_size < 1 and net.batch_size != -1:
        raise ValueError(
            "The 'batch_size' of 'net' must be at least 1, or -1 for all rows at once. "
            f"Got {net.batch_size!r} instead."
        )
    if net.batch_size == 1 and has_batch_norm(net.module_):
        raise ValueError(
            "The 'batch_size' parameter must be at least 2 for a net with batch normalisation, "
            "which can't be computed on one row. Got 1 instead."
        )


def has_batch_norm(module):
    return any(isinstance(layer, _BatchNorm) for layer in module.modules())


def check_row_count(run, rows):
    """Raise an error if too few rows are left to train on."""
    needed = 2 if has_batch_norm(run.module) else 1
    if len(rows) < needed:
        raise ValueError(
            f"The module of 'net' needs at least {needed} rows to train on"
            f"{', since it has batch normalisation' if needed == 2 else ''}. Got {len(rows)} of "
            f"{run.data.n_rows}: let the net's 'train_split' or the method hold out fewer, or "
            "give more rows a positive sample_weight."
        )


def check_trusted_batch_size(run, rows, batch_size):
    """Raise an error if batches of trusted rows are too small for the module."""
    if min(batch_size, len(rows)) < 2 and has_batch_norm(run.module):
        raise ValueError(
            "The 'trusted_batch_size' parameter must be at least 2, and so must be the number of "
            "trusted rows, for a net with batch normalisation, which can't be computed on one "
            f"row. Got {batch_size} and {len(rows)} trusted rows instead."
        )


def _missing_sizes(net, data):
    if isinstance(net, FineTunedNet):
        return {"n_classes": data.n_classes} if net.n_classes is None else {}
    if not inspect.isclass(net.module):
        return {}
    wanted = inspect.signature(net.module).parameters
    given = net.get_params_for("module")
    shape: tuple[int, ...] = () if data.is_named else np.shape(data.example())
    sizes = {
        "example_rows": _example_rows(data) if "example_rows" in wanted else None,
        "n_features": None if data.is_named else int(np.prod(shape)),
        "n_channels": shape[0] if len(shape) == 3 else None,
        "n_classes": data.n_classes,
    }
    return {
        f"module__{name}": size
        for name, size in sizes.items()
        if name in wanted and name not in given and size is not None
    }


def _example_rows(data):
    rows = np.unique(np.linspace(0, data.n_rows - 1, N_EXAMPLE_ROWS).astype(int))
    return as_float(as_tensor(data.read(rows)))


def check_outputs(net, data):
    """Raise an error if the module doesn't give one output per class."""
    outputs = _infer(net, as_float(on_each(_twice, data.example())))
    if not isinstance(outputs, torch.Tensor) or outputs.shape != (2, data.n_classes):
        shape = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs)
        raise ValueError(
            f"The module of 'net' must return one output per class, (2, {data.n_classes}) for "
            f"two rows. Got {shape} instead. A module whose constructor has a parameter "
            "'n_classes' gets it from the data."
        )


def _twice(row):
    if isinstance(row, np.ndarray):
        row = np.array(row, order="C")
    return torch.as_tensor(row).expand(2, *np.shape(row))


def check_examples(net, data):
    """Raise an error if some rows, or what the untrained net makes of them, can't be learnt from.

    Returns
    -------
    (rows, X, outputs) : ndarray of int, Tensor and Tensor
        The rows that were looked at, their features, and what the net gives for them.
    """
    rows = np.unique(np.linspace(0, data.n_rows - 1, N_EXAMPLES).astype(int))
    # What a Dataset draws for a row isn't to be missing from the program's random numbers.
    with seeded_global_state(0):
        X = as_float(as_tensor(data.read(rows)))
    check_features(X, data.row_numbers(rows))
    outputs = infer_examples(net, X)
    _check_scale(net, outputs)
    return rows, X, outputs


def _check_scale(net, outputs):
    """Raise an error where outputs are probabilities and the criterion takes logits, or v.v.

    Rows that differ, all of them of probabilities, can't be logits by chance. Rows that are
    alike can: those of a layer that starts at zero.
    """
    criterion = type(net.criterion_).__name__
    if isinstance(net.criterion_, nn.NLLLoss) and (outputs < 0).any():
        raise ValueError(
            "The module of 'net' must return probabilities for the criterion "
            f"{criterion}, of which skorch takes the logarithm. Got negative outputs: end the "
            "module with a softmax, or let it return logits and set "
            "criterion=torch.nn.CrossEntropyLoss."
        )
    if isinstance(net.criterion_, nn.CrossEntropyLoss) and _are_probabilities(outputs):
        raise ValueError(
            f"The module of 'net' must return logits for the criterion {criterion}. Got "
            "probabilities: leave out the softmax at the end of the module, or set "
            "criterion=torch.nn.NLLLoss, with which skorch expects probabilities."
        )


def _are_probabilities(outputs):
    n_different = len(torch.unique(outputs, dim=0))
    sums = outputs.double().sum(dim=1)
    one = torch.ones_like(sums)
    return n_different > 2 and bool((outputs >= 0).all()) and torch.allclose(sums, one, atol=1e-4)


def infer_examples(net, X):
    """Return what the net gives for some rows in evaluation mode, on the CPU."""
    with seeded_global_state(0):
        return infer_in_parts(partial(_infer, net), X).cpu()


@few_threads(1)
def _infer(net, X):
    module = net.module_
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            return net.infer(X)
    except (RuntimeError, ValueError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        raise _cannot_take(X, error) from error
    except TypeError as error:
        if not isinstance(X, NamedInputs):
            raise
        raise _cannot_take(X, error) from error
    finally:
        module.train(was_training)


def _cannot_take(X, error):
    if isinstance(X, NamedInputs):
        remedy = (
            "Its forward gets the entries of X by keyword: integers as int64, bytes of images "
            "and all other numbers as float32."
        )
    else:
        remedy = (
            "A module whose constructor has a parameter 'n_features' or 'n_channels' gets it from "
            "the data."
        )
    return ValueError(
        f"The module of 'net' can't take rows of shape {shape_of_rows(X)}: {error}. {remedy}"
    )


def has_scheduler(net: NeuralNet) -> bool:
    """Return whether the net brings a learning-rate schedule of its own."""
    return any(isinstance(callback, LRScheduler) for _, callback in net.callbacks_)
