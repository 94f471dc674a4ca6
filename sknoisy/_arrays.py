"""What is asked of arrays of any kind: tensors as numpy's, labels as Python's, masks."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ._typing import BoolArray

# Kinds of numpy's dtypes.
DATES = ("m", "M")


def as_array(values: Any, name: str) -> Any:
    """Return a torch tensor as an array, and anything else as it is."""
    if not isinstance(values, torch.Tensor):
        return values
    if values.layout != torch.strided:
        raise TypeError(
            f"{name} is a sparse tensor, which isn't supported: pass {name}.to_dense(). "
            f"Got a tensor of layout {values.layout}."
        )
    if values.is_meta:
        raise TypeError(f"{name} is a tensor on the device 'meta', which holds no values.")
    values = values.detach().cpu().resolve_conj().resolve_neg()
    if values.is_floating_point() and values.dtype not in (torch.float16, torch.float64):
        # numpy knows no bfloat16.
        values = values.float()
    return values.numpy()


def plain(label: Any) -> Any:
    """Return a label as Python's own number or string."""
    return label.item() if isinstance(label, np.generic) else label


def encode_classes(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the classes in their order, the first row of each, and each row's class number.

    Raises
    ------
    TypeError
        If labels of several types can't be sorted.
    """
    try:
        return np.unique(labels, return_index=True, return_inverse=True)
    except TypeError as error:
        raise TypeError("y must hold classes that can be sorted, all of one type.") from error


def check_mask(mask: Any, name: str, n_rows: int | None = None) -> BoolArray:
    """Return a mask over rows as an array of bool.

    Parameters
    ----------
    mask : array-like of bool, or of 0 and 1
    name : str
        What errors call it.
    n_rows : int, default=None
        None: any number.

    Raises
    ------
    ValueError
        If it isn't one value per row, or a value is missing or neither true nor false.
    """
    try:
        values = np.array(as_array(mask, name))
    except ValueError as error:
        raise ValueError(f"{name} must be a mask, one value per row: {error}") from error
    if values.ndim != 1 or (n_rows is not None and len(values) != n_rows):
        wanted = "n_samples" if n_rows is None else n_rows
        raise ValueError(
            f"{name} must be a mask of shape ({wanted},), one value per row. "
            f"Got shape {values.shape}."
        )
    missing = pd.isna(values)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"{name} must be a boolean mask without missing values. "
            f"Row {row} has {plain(values[row])!r}."
        )
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"{name} must be a boolean mask. Got values of {values.dtype}: {values[:5]}."
        )
    return values.astype(bool)
