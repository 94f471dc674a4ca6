"""From a module's outputs to logits and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from skorch import NeuralNet
from torch import nn
from torch.utils.data import DataLoader, Dataset

from .._named_inputs import NamedInputs, on_each
from .._typing import IntArray
from ._batches import as_float, as_tensor
from ._finite import check_probabilities
from ._memory import is_out_of_memory, memory_advice
from ._surroundings import ordinary_surroundings
from ._threads import threads_for

if TYPE_CHECKING:
    from ._run import TrainingRun

NLL_EPSILON = 1e-8
# On a CPU what a layer returns should stay in the cache.
TABLE_ROWS = {"cpu": 1024, "cuda": 65536}
SPATIAL_ROWS = {"cpu": 128, "cuda": 2048}
# Rows of a table may be of any length, and several batches are read ahead.
TABLE_VALUES = {"cpu": 2**22, "cuda": 2**24}
NO_ROW_FITS = (
    "to predict even one row",
    "Free some of it, or fit with a smaller 'net' or on another 'device'.",
)


def as_logits(net, outputs):
    """Return outputs on a logit scale: their softmax is the prediction.

    With skorch's default criterion, NLLLoss, a module returns probabilities.
    """
    if isinstance(net.criterion_, nn.NLLLoss):
        return torch.log(outputs + NLL_EPSILON)
    return outputs


def prediction_batch_size(X, device):
    is_table = not isinstance(X, Dataset) and X.ndim == 2
    sizes = TABLE_ROWS if is_table else SPATIAL_ROWS
    kind = torch.device(device).type
    kind = kind if kind in sizes else "cpu"
    if is_table and not isinstance(X, NamedInputs):
        return min(sizes[kind], max(TABLE_VALUES[kind] // X.shape[1], 2))
    return sizes[kind]


def infer_in_parts(infer, X):
    """Return `infer(X)`, computed in halves, and their halves, where memory doesn't suffice.

    For nets in evaluation mode, in which a row's output doesn't depend on the others.
    """
    try:
        return infer(X)
    except (MemoryError, RuntimeError) as error:
        if len(X) < 2 or not is_out_of_memory(error):
            raise
    middle = len(X) // 2
    return torch.cat([infer_in_parts(infer, half) for half in (X[:middle], X[middle:])])


def last_linear(module):
    """Return the last linear layer, which gives the logits; None if there is none."""
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    return layers[-1] if layers else None


def last_layer_inputs(run: TrainingRun, rows: IntArray) -> NDArray[np.float32]:
    """Return what the last linear layer of a `TrainingRun` sees of each row, in evaluation mode.

    Returns
    -------
    ndarray of shape (n_rows, n_units)

    Raises
    ------
    ValueError
        If the module has no linear layer.
    """
    layer = last_linear(run.module)
    if layer is None:
        raise ValueError(
            "Features of a net are the input of its last torch.nn.Linear. "
            f"{type(run.module).__name__} has none: give features in another way."
        )
    seen = []
    hook = layer.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0].cpu()))
    try:
        with threads_for(run.net):
            for _ in run.predict_batches(rows):
                pass
    finally:
        hook.remove()
    return torch.cat(seen).float().flatten(1).numpy()


@ordinary_surroundings
def predict_probabilities(net: NeuralNet, X: Any) -> NDArray[np.float64]:
    """Return the class probabilities of a fitted net, shape (n_rows, n_classes) of float64.

    Parameters
    ----------
    net : initialised skorch net
    X : ndarray, csr_array or torch Dataset
        As `TrainingData` holds it.

    Raises
    ------
    ValueError
        If the net gives NaN for a row.
    """

    def probabilities(features):
        outputs = as_logits(net, net.infer(features.to(net.device)))
        return outputs.cpu().double().softmax(dim=1)

    net._set_training(False)
    # A sparse array has no length.
    n_rows, n_done = X.shape[0] if hasattr(X, "shape") else len(X), 0
    with torch.no_grad(), threads_for(net), memory_advice(net.device, *NO_ROW_FITS):
        for block in _feature_blocks(X, prediction_batch_size(X, net.device)):
            found = infer_in_parts(probabilities, block)
            check_probabilities(found, block, n_done)
            if not n_done:
                all_found = torch.empty((n_rows, found.shape[1]), dtype=torch.float64)
            all_found[n_done : n_done + len(block)] = found
            n_done += len(block)
    return all_found[:n_done].numpy()


def _feature_blocks(X, batch_size):
    if isinstance(X, Dataset):
        # A loader without a generator of its own draws from the global one.
        loader = DataLoader(_FeaturesOnly(X), batch_size=batch_size, generator=torch.Generator())
        for features in loader:
            yield as_float(features)
        return
    for start in range(0, X.shape[0], batch_size):
        block = X[start : start + batch_size]
        if sparse.issparse(block):
            block = block.toarray()
        else:
            block = on_each(lambda values: np.array(values, order="C"), block)
        yield as_float(as_tensor(block))


class _FeaturesOnly(Dataset):
    def __init__(self, dataset):
        self._dataset = dataset

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, row):
        return torch.as_tensor(self._dataset[row][0])
