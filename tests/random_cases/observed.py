"""What a fit has to leave alone, as values that can be compared."""

import inspect
import os
import random
import signal

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import sknoisy

PACKAGE = os.path.dirname(sknoisy.__file__)


def fingerprint(value):
    """Return a value that is equal as long as the object's content is."""
    if isinstance(value, np.ndarray):
        content = repr(value.tolist()) if value.dtype.hasobject else value.tobytes()
        return "array", str(value.dtype), value.shape, value.flags.writeable, content
    if isinstance(value, pd.DataFrame | pd.Series):
        content = value.to_numpy(dtype=object).tolist()
        return type(value).__name__, repr(content), list(value.index), repr(value.dtypes)
    if isinstance(value, torch.Tensor):
        return "tensor", str(value.dtype), value.requires_grad, str(value.device), _values(value)
    if sparse.issparse(value):
        return "sparse", value.format, fingerprint(value.toarray())
    if isinstance(value, dict):
        return {name: fingerprint(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [fingerprint(each) for each in value]
    if isinstance(value, TensorDataset):
        return fingerprint(value.tensors)
    if isinstance(value, Dataset) and hasattr(value, "__len__"):
        return fingerprint([value[row] for row in range(len(value))])
    if isinstance(value, nn.Module):
        return fingerprint(dict(value.state_dict()))
    if isinstance(value, NeuralNetClassifier) and hasattr(value, "module_"):
        return fingerprint(value.module_)
    if value is None or isinstance(value, str | bytes | int | float | np.generic | pd.Categorical):
        return repr(value)
    return type(value).__name__, id(value)


def _values(tensor):
    if tensor.device.type == "meta":
        return tuple(tensor.shape)
    return repr(tensor.detach().to_dense().tolist())


def surroundings(*, with_numpy):
    """Return the global state that a fit has to leave alone."""
    state = {
        "torch's generator": torch.get_rng_state().tolist(),
        "python's generator": random.getstate(),
        "number of threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "gradients on": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "error state of numpy": np.geterr(),
        "working directory": os.getcwd(),
        # torch's compiler sets one of its own when it is first imported.
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("TORCHINDUCTOR")},
        "signal handler": signal.getsignal(signal.SIGINT),
    }
    if with_numpy:
        state["numpy's generator"] = fingerprint(np.random.get_state()[1]), np.random.get_state()[2]
    return state


def constructor_parameters(estimator):
    names = type(estimator)._get_param_names()
    return {name: getattr(estimator, name) for name in names}


def parameter_fingerprints(estimator):
    """Return what a fit has to leave alone of its parameters, objects inside them included."""
    params = constructor_parameters(estimator)
    prints = {name: id(value) for name, value in params.items()}
    for name in ("method", "net", "final_estimator"):
        if hasattr(params.get(name), "get_params") and not inspect.isclass(params[name]):
            prints[f"attributes of {name}"] = sorted(vars(params[name]))
    return prints


def fitted_state(estimator):
    names = vars(estimator).keys() - constructor_parameters(estimator).keys()
    return {name: fingerprint(vars(estimator)[name]) for name in sorted(names)}
