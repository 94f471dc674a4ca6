"""Checks at the head of `fit` and `predict`; each names what is wrong and what it got."""

import reprlib
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d, validate_data
from torch.utils.data import Dataset, IterableDataset, Subset

from ._typing import BoolArray, Features, FloatArray, IntArray, LabelArray, RowValues

CHANNELS = (1, 3, 4)
DATES = ("m", "M")
# Float images whose values go beyond this aren't in [0, 1], whatever interpolation added to it.
LARGEST_FRACTION = 2.0


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


def check_features(estimator: Any, X: Features, *, reset: bool) -> Any:
    """Return X as a training wants it: a float32 table, images (N, C, H, W), or the Dataset.

    At `reset` the shape of a row is remembered; later it is compared.
    """
    if isinstance(X, Dataset):
        return _checked_dataset(estimator, X, reset)
    X = as_array(X, "X")
    _check_no_dates(X)
    if getattr(X, "ndim", 2) in (3, 4):
        return _checked_images(estimator, X, reset)
    return _checked_table(estimator, X, reset)


def _checked_table(estimator: Any, X: Any, reset: bool) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            table = validate_data(
                estimator, X, dtype=np.float32, ensure_all_finite=False, reset=reset
            )
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        place = _first_non_number(X)
        raise kind(f"X must hold numbers. {place}: {error}" if place else f"X: {error}") from error
    _check_row_shape(estimator, table.shape[1:], reset)
    _check_finite(estimator, table, getattr(X, "columns", None))
    return table


def _check_no_dates(X: Any) -> None:
    if isinstance(X, pd.DataFrame):
        for column, dtype in X.dtypes.items():
            if dtype.kind in DATES:
                raise TypeError(
                    f"X must hold numbers. Its column {column!r} is of {dtype}: turn dates and "
                    "durations into numbers first, such as days since a date."
                )
    elif getattr(getattr(X, "dtype", None), "kind", None) in DATES:
        raise TypeError(
            f"X must hold numbers. Got an array of {X.dtype}: turn dates and durations into "
            "numbers first, such as days since a date."
        )


def _first_non_number(X: Any) -> str | None:
    """Return in words where the first value is that can't be read as a number, or None."""
    if not isinstance(X, pd.DataFrame | np.ndarray | list | tuple):
        return None
    try:
        table = pd.DataFrame(X)
    except ValueError:
        return None
    for number, (column, values) in enumerate(table.items()):
        if getattr(values.dtype, "kind", None) in ("b", "i", "u", "f", "c"):
            continue
        for row, value in enumerate(values):
            try:
                float(value)
            except (TypeError, ValueError):
                name = column if isinstance(X, pd.DataFrame) else number
                return f"Column {name!r} has {reprlib.repr(value)} in row {row}"
    return None


def _check_finite(estimator: Any, X: FloatArray, columns: pd.Index | None = None) -> None:
    """Raise an error that names the first value that is NaN or infinite."""
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
    place = f"row {row}"
    if len(rest) == 1:
        place += f", column {rest[0] if columns is None else columns[rest[0]]!r}"
    raise ValueError(
        f"Input X contains {what}: {place}. {type(estimator).__name__} needs finite numbers: "
        "impute or drop missing values first."
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


def _check_row_shape(estimator: Any, shape: tuple[int, ...], reset: bool) -> None:
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
    if isinstance(X, torch.Tensor):
        return X[torch.as_tensor(rows, device=X.device)]
    return _safe_indexing(X if hasattr(X, "__getitem__") else np.asarray(X), rows)


def dataset_labels(dataset: Dataset) -> LabelArray:
    """Return the labels of a torch Dataset, from its `targets` if it has them."""
    targets = getattr(dataset, "targets", None)
    if targets is None:
        targets = _read_targets(dataset)
    return np.asarray([np.asarray(as_array(target, "y")) for target in targets])


def _read_targets(dataset: Any) -> list[Any]:
    """Return the labels from the items, whose features are compared on the way."""
    targets = []
    shape = np.shape(dataset[0][0])
    for row in range(len(dataset)):
        features, target = dataset[row]
        if np.shape(features) != shape:
            raise ValueError(
                "X is a Dataset whose items must be of one shape: row 0 is of shape "
                f"{tuple(shape)}, row {row} of shape {tuple(np.shape(features))}."
            )
        targets.append(target)
    return targets


def plain(label: Any) -> Any:
    """Return a label as Python's own number or string."""
    return label.item() if isinstance(label, np.generic) else label


def check_labels(estimator: Any, X: Any, y: Any) -> LabelArray:
    """Return y as a 1-D array without missing values, of the length of X."""
    if y is None and isinstance(X, Dataset):
        y = dataset_labels(X)
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    y = as_array(y, "y")
    if getattr(getattr(y, "dtype", None), "kind", None) == "c":
        raise ValueError("Complex data not supported: y must hold numbers, strings or booleans.")
    try:
        y = column_or_1d(y, warn=True)
    except ValueError as error:
        raise ValueError(f"y: {error}") from error
    if y.dtype.kind in DATES:
        raise ValueError(
            "y must hold numbers, strings or booleans: scikit-learn's scores know no other "
            f"classes. Got {y.dtype}; turn it into strings."
        )
    if len(y) != len(X):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {len(X)} rows and y has {len(y)}."
        )
    _check_no_missing_labels(y)
    if y.dtype == object:
        y = _natural_labels(y)
    check_classification_targets(y)
    return y


def _natural_labels(y: LabelArray) -> LabelArray:
    """Turn numbers and booleans held as objects into an array of their own type."""
    kinds = {type(label).__name__ for label in y}
    if any(isinstance(label, str) for label in y):
        if len(kinds) > 1:
            raise ValueError(f"y must hold labels of one type. Got {', '.join(sorted(kinds))}.")
        return y
    natural = np.array(y.tolist())
    if natural.ndim > 1 or natural.dtype == object:
        raise ValueError(
            "y must hold numbers, strings or booleans: scikit-learn's scores know no other "
            f"classes. Unknown label type: {', '.join(sorted(kinds))}."
        )
    return natural


def _check_no_missing_labels(y: LabelArray) -> None:
    if y.dtype.kind == "f":
        bad = ~np.isfinite(y)
    elif y.dtype == object:
        bad = pd.isna(y)
    else:
        return
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"Input y contains NaN or infinity: row {row} has {plain(y[row])!r}. "
            "Every row needs a label."
        )


def encode_labels(
    y: LabelArray, weights: FloatArray | None
) -> tuple[LabelArray, NDArray[np.int64]]:
    """Return the classes and each row's code.

    Every class needs two rows, and one of positive weight.
    """
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes. Got one class only: {plain(classes[0])!r}."
        )
    counts = _rows_per_class(codes, len(classes))
    if counts.min() < 2:
        code = int(np.argmin(counts))
        row = int(np.flatnonzero(codes == code)[0])
        raise ValueError(
            "Every class of y must have at least two rows. "
            f"Class {plain(classes[code])!r} has one, row {row}."
        )
    counts = _rows_per_class(codes, len(classes), weights)
    if counts.min() == 0:
        raise ValueError(
            "Every class of y must have rows of positive sample_weight. "
            f"Class {plain(classes[np.argmin(counts)])!r} has none."
        )
    return classes, codes.astype(np.int64)


def check_weights(sample_weight: RowValues | None, n_rows: int) -> NDArray[np.float32] | None:
    """Return the weights as float32, or None."""
    if sample_weight is None:
        return None
    weights = _as_numbers(sample_weight)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape must be ({n_rows},), one weight per row. Got {weights.shape}."
        )
    with np.errstate(over="ignore"):
        rounded = weights.astype(np.float32)
    if not np.isfinite(rounded).all() or weights.min() < 0:
        row = int(np.flatnonzero(~np.isfinite(rounded) | (weights < 0))[0])
        raise ValueError(
            "Negative values in data passed to 'sample_weight', or values that aren't finite "
            f"in float32: row {row} has {weights[row]}."
        )
    if not weights.any():
        raise ValueError("sample_weight must have a positive value. All weights are zero.")
    vanished = (weights > 0) & (rounded == 0)
    if vanished.any():
        row = int(np.flatnonzero(vanished)[0])
        raise ValueError(
            "sample_weight must not have positive values that are zero in float32, since rows of "
            f"weight zero aren't learnt from: row {row} has {weights[row]}. Scale the weights, "
            "or set it to 0."
        )
    return rounded


def _as_numbers(sample_weight: RowValues) -> NDArray[np.float64]:
    weights = np.asarray(as_array(sample_weight, "sample_weight"))
    if weights.dtype.kind in "biufO":
        try:
            return weights.astype(np.float64)
        except (TypeError, ValueError):
            pass
    raise ValueError(
        f"sample_weight must hold numbers, one weight per row. Got {reprlib.repr(sample_weight)}."
    )


def _rows_per_class(codes: IntArray, n_classes: int, weights: FloatArray | None = None) -> IntArray:
    """Count the rows of each class, without those of weight zero."""
    if weights is not None:
        codes = codes[weights > 0]
    return np.bincount(codes, minlength=n_classes)


def check_trusted(
    trusted: RowValues | None, codes: IntArray, classes: LabelArray, weights: FloatArray | None
) -> BoolArray:
    """Return the mask of trusted rows; all False if none is given."""
    if trusted is None:
        return np.zeros(len(codes), dtype=bool)
    trusted = np.array(as_array(trusted, "trusted"))
    if trusted.shape != codes.shape:
        raise ValueError(
            f"trusted must be a mask of shape {codes.shape}, one value per row. "
            f"Got shape {trusted.shape}."
        )
    missing = pd.isna(trusted)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            "trusted must be a boolean mask without missing values. "
            f"Row {row} has {plain(trusted[row])!r}."
        )
    if trusted.dtype != bool:
        if not np.isin(trusted, (0, 1)).all():
            raise ValueError(f"trusted must be a boolean mask. Got values of {trusted.dtype}.")
        trusted = trusted.astype(bool)
    trusted_weights = None if weights is None else weights[trusted]
    counts = _rows_per_class(codes[trusted], len(classes), trusted_weights)
    if trusted.any() and counts.min() == 0:
        raise ValueError(
            "trusted must have rows of every class. Class "
            f"{plain(classes[np.argmin(counts)])!r} has no trusted row."
        )
    return trusted
