"""Checks of X at the head of `fit` and `predict`; each names what is wrong and what it got."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array, validate_data
from skorch.helper import SliceDict
from torch.utils.data import Dataset, IterableDataset, Subset

from ._arrays import DATES, as_array
from ._mapped import MappedRows, is_mapped
from ._named_inputs import NamedInputs, shape_of_rows
from ._typing import Features, FloatArray, IntArray
from .tables import NumberEncoder, Table, TreeEncoder, as_frame, as_table

CHANNELS = (1, 3, 4)
# Float images whose values go beyond this aren't in [0, 1], whatever interpolation added to it.
LARGEST_FRACTION = 2.0


def is_table(X: Any) -> bool:
    """Return whether rows are those of a table, not images, a Dataset or arrays by name."""
    if isinstance(X, Dataset | Mapping):
        return False
    return sparse.issparse(X) or getattr(X, "ndim", 2) not in (3, 4)


def check_features(estimator: Any, X: Features, *, reset: bool) -> Any:
    """Return X as a net takes it: a table of float32, images, the Dataset, or named inputs.

    At `reset` the shape of a row is remembered, and how a table was encoded; later rows are
    compared with it, and encoded in the same way. A table is dense or CSR.
    """
    if isinstance(X, Dataset):
        return _checked_dataset(estimator, X, reset)
    # scipy's DOK arrays are dicts too.
    if isinstance(X, Mapping) and not sparse.issparse(X):
        return _checked_named_inputs(estimator, X, reset)
    X = as_array(X, "X")
    if not is_table(X):
        return _checked_images(estimator, X, reset)
    table = check_table(estimator, X, reset=reset)
    return encode_table(estimator, table, NumberEncoder, reset=reset)


def check_table(estimator: Any, X: Any, *, reset: bool) -> Table:
    """Return a table as `sknoisy.tables.as_table` does, whose columns are those of fit.

    At `reset` their names and number are remembered.
    """
    X = as_frame(as_array(X, "X"))
    try:
        table = as_table(X)
        named = X if isinstance(X, pd.DataFrame) else table
        validate_data(estimator, named, skip_check_array=True, reset=reset)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X: {error}") from error
    _check_row_shape(estimator, table.shape[1:], reset)
    if reset:
        estimator._table_encoders = {}
    return table


def encode_table(
    estimator: Any,
    table: Table,
    encoder_class: type[NumberEncoder] | type[TreeEncoder],
    *,
    reset: bool,
) -> Any:
    """Return a checked table in the form that fit learnt; at `reset`, learn it."""
    if encoder_class is NumberEncoder and is_mapped(table) and table.dtype != np.float32:
        table = MappedRows(table, dtype=np.float32)
    encoders = estimator._table_encoders
    if not reset:
        return encoders[encoder_class.__name__].transform(table)
    encoders[encoder_class.__name__] = encoder = encoder_class()
    return encoder.fit_transform(table)


def _check_finite(estimator: Any, X: FloatArray, name: str = "X") -> None:
    """Raise an error that names the first row with a value that is NaN or infinite."""
    # A sum needs no memory, unlike a mask.
    with np.errstate(invalid="ignore"):
        total = X.sum(dtype=np.float64)
    if np.isfinite(total):
        return
    bad = ~np.isfinite(X)
    if not bad.any():
        return
    row, *rest = np.argwhere(bad)[0].tolist()
    what = "NaN" if np.isnan(X[row, *rest]) else "infinity or a value too large for float32"
    raise ValueError(
        f"Input {name} contains {what}: row {row}. {type(estimator).__name__} needs "
        f"{'images' if name == 'X' else 'arrays'} of finite numbers."
    )


def _checked_dataset(estimator: Any, X: Any, reset: bool) -> Dataset:
    if isinstance(X, IterableDataset):
        raise TypeError(
            "X must be a Dataset with a length, whose items are found by number. "
            f"Got the IterableDataset {type(X).__name__}."
        )
    if len(X) == 0:
        raise ValueError("X is a Dataset of 0 rows, but at least 1 is required.")
    example = X[0]
    if not isinstance(example, tuple | list) or len(example) != 2:
        raise TypeError(
            "X is a Dataset whose items must be pairs (x, y). "
            f"Its first item is a {type(example).__name__}."
        )
    if not isinstance(example[0], torch.Tensor | np.ndarray):
        raise TypeError(
            "X is a Dataset whose items (x, y) must have a tensor as x; give it a transform "
            f"such as torchvision's ToTensor. Got a {type(example[0]).__name__}."
        )
    _check_row_shape(estimator, tuple(example[0].shape), reset)
    return X


def _checked_images(estimator: Any, X: Any, reset: bool) -> NDArray[Any]:
    if X.dtype.kind in DATES:
        raise TypeError(f"X must hold numbers where it is of images. Got an array of {X.dtype}.")
    try:
        X = check_array(
            X,
            dtype="numeric",
            ensure_2d=False,
            allow_nd=True,
            ensure_all_finite=False,
            estimator=estimator,
            input_name="X",
        )
    except ValueError as error:
        raise ValueError(f"X: {error}") from error
    if X.dtype.kind == "f":
        X = X.astype(np.float32, copy=False)
        _check_finite(estimator, X)
    X = _channels_first(X)
    if 0 in X.shape[2:]:
        raise ValueError(f"X must be images of at least one pixel. Got X of shape {X.shape}.")
    _check_row_shape(estimator, X.shape[1:], reset)
    if X.dtype.kind in "iub" and X.dtype != np.uint8:
        if X.min() < 0 or X.max() > 255:
            raise ValueError(
                "Images of integers must lie in 0 to 255. "
                f"Got X with values from {X.min()} to {X.max()}."
            )
        X = X.astype(np.uint8)
    _compare_pixels(estimator, X, reset)
    return X


def _checked_named_inputs(estimator: Any, X: Mapping[str, Any], reset: bool) -> NamedInputs:
    """Return arrays by name, in the order of fit: float32, bytes of images, or int64."""
    if not X:
        raise ValueError("X is a dict without entries, but at least one array is required.")
    for name in X:
        if not isinstance(name, str):
            raise TypeError(
                "X is a dict whose names must be strings, those of the parameters of the module's "
                f"forward. Got {name!r}."
            )
    if not reset:
        _check_same_names(estimator, X)
    names = X.keys() if reset else estimator._row_shape
    inputs = NamedInputs({name: _checked_entry(estimator, name, X[name]) for name in names})
    lengths = {name: len(values) for name, values in inputs.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"X is a dict whose arrays must be of one length. Got {lengths}.")
    if not len(inputs):
        raise ValueError("X is a dict of arrays of 0 rows, but at least 1 is required.")
    kinds = {name: values.dtype for name, values in inputs.items()}
    if reset:
        estimator._row_shape = shape_of_rows(inputs)
        estimator._entry_dtypes = kinds
        sizes = [int(np.prod(shape)) for shape in estimator._row_shape.values()]
        estimator.n_features_in_ = sum(sizes)
        return inputs
    _check_row_shape(estimator, shape_of_rows(inputs), reset)
    return _as_in_fit(estimator, inputs)


def _check_same_names(estimator: Any, X: Mapping[str, Any]) -> None:
    fitted = estimator._row_shape
    if not isinstance(fitted, Mapping) or X.keys() != fitted.keys():
        names = sorted(fitted) if isinstance(fitted, Mapping) else f"one array of rows {fitted}"
        raise ValueError(
            f"X is a dict with the entries {sorted(X)}, but {type(estimator).__name__} was fitted "
            f"on {names}."
        )


def _checked_entry(estimator: Any, name: str, values: Any) -> NDArray[Any]:
    called = f"X[{name!r}]"
    if sparse.issparse(values):
        raise TypeError(f"{called} is sparse: entries of a dict must be dense arrays.")
    try:
        values = np.asarray(as_array(values, called))
    except ValueError as error:
        raise ValueError(f"{called}: {error}") from error
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"{called} must hold numbers: encode texts, categories and dates yourself. Got an "
            f"array of {values.dtype}."
        )
    if values.ndim == 0:
        raise ValueError(f"{called} must have one value or more per row. Got {values!r}.")
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32, copy=False)
        _check_finite(estimator, values, called)
        return values
    is_bytes_of_images = values.dtype == np.uint8 and values.ndim > 2
    if is_bytes_of_images:
        return values
    return values.astype(np.float32 if values.dtype.kind == "b" else np.int64, copy=False)


def _as_in_fit(estimator: Any, inputs: NamedInputs) -> NamedInputs:
    """Return entries of the types of fit; whole numbers are as good as floats, not vice versa."""
    for name, dtype in estimator._entry_dtypes.items():
        if dtype == np.int64 and inputs[name].dtype != np.int64:
            raise TypeError(
                f"X[{name!r}] has values of {inputs[name].dtype}, but {type(estimator).__name__} "
                "was fitted on integers there."
            )
        if inputs[name].dtype == np.int64:
            inputs[name] = inputs[name].astype(dtype)
    return inputs


def _compare_pixels(estimator: Any, X: NDArray[Any], reset: bool) -> None:
    """Warn if images are on another scale than those of fit; bytes are brought to [0, 1]."""
    largest = 1.0 if X.dtype == np.uint8 else float(X.max())
    if reset:
        estimator._largest_pixel = largest
        return
    largest_of_fit = getattr(estimator, "_largest_pixel", None)
    if largest_of_fit is None:
        # It was fitted on a Dataset.
        return
    if largest_of_fit <= 1 and largest > LARGEST_FRACTION:
        warnings.warn(
            f"X has float values up to {largest:.3g}, but {type(estimator).__name__} was fitted "
            "on images of bytes, or of floats up to 1: divide X by 255, or pass bytes.",
            UserWarning,
            stacklevel=2,
        )
    elif largest_of_fit > LARGEST_FRACTION and X.dtype == np.uint8:
        warnings.warn(
            f"X is of bytes, which are brought to [0, 1], but {type(estimator).__name__} was "
            f"fitted on floats up to {largest_of_fit:.3g}: pass X as such floats.",
            UserWarning,
            stacklevel=2,
        )


def _channels_first(X: NDArray[Any]) -> NDArray[Any]:
    if X.ndim == 3:
        return X[:, None]
    if X.shape[1] in CHANNELS:
        return X
    if X.shape[3] in CHANNELS:
        return np.moveaxis(X, 3, 1)
    raise ValueError(
        "X with four dimensions must be images (N, C, H, W) or (N, H, W, C) with 1, 3 or 4 "
        f"channels. Got X of shape {X.shape}."
    )


def _check_row_shape(estimator: Any, shape: Any, reset: bool) -> None:
    if reset:
        estimator._row_shape = shape
        estimator.n_features_in_ = int(np.prod(shape))
    elif shape != estimator._row_shape:
        raise ValueError(
            f"X has rows of shape {shape}, but {type(estimator).__name__} was fitted on rows of "
            f"shape {estimator._row_shape}."
        )


def row_index(X: Any, y: Any) -> pd.Index | None:
    """Return the pandas index of X, or of y; None if neither has one."""
    for table in (X, y):
        if isinstance(table, pd.DataFrame | pd.Series):
            return table.index
    return None


def take_rows(X: Any, rows: IntArray) -> Any:
    """Return the given rows of X, or of y, in its own kind."""
    if isinstance(X, Dataset):
        return Subset(X, rows.tolist())
    if isinstance(X, Mapping) and not isinstance(X, SliceDict):
        return {name: take_rows(values, rows) for name, values in X.items()}
    if isinstance(X, torch.Tensor):
        return X[torch.as_tensor(rows, device=X.device)]
    if sparse.issparse(X):
        return X.tocsr()[rows].asformat(X.format)
    return _safe_indexing(X if hasattr(X, "__getitem__") else np.asarray(X), rows)
