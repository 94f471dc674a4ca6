"""Checks at the head of `fit` and `predict`; each names what is wrong and what it got."""

import numpy as np
import pandas as pd
import torch
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d, validate_data
from torch.utils.data import Dataset, IterableDataset, Subset

CHANNELS = (1, 3, 4)


def check_features(estimator, X, *, reset):
    """Return X as a training wants it: a float32 table, images (N, C, H, W), or the Dataset.

    At `reset` the shape of a row is remembered; later it is compared.
    """
    if isinstance(X, Dataset):
        return _checked_dataset(estimator, X, reset)
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu().numpy()
    if getattr(X, "ndim", 2) in (3, 4):
        return _checked_images(estimator, X, reset)
    X = validate_data(estimator, X, dtype=np.float32, reset=reset)
    _check_row_shape(estimator, X.shape[1:], reset)
    return X


def _checked_dataset(estimator, X, reset):
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


def _checked_images(estimator, X, reset):
    X = check_array(
        X, dtype=None, ensure_2d=False, allow_nd=True, estimator=estimator, input_name="X"
    )
    X = _channels_first(X)
    _check_row_shape(estimator, X.shape[1:], reset)
    if X.dtype == np.uint8:
        return X
    if X.dtype.kind in "iub":
        if X.min() < 0 or X.max() > 255:
            raise ValueError(
                "Images of integers must lie in 0 to 255. "
                f"Got X with values from {X.min()} to {X.max()}."
            )
        return X.astype(np.uint8)
    return X.astype(np.float32, copy=False)


def _channels_first(X):
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


def _check_row_shape(estimator, shape, reset):
    if reset:
        estimator._row_shape = shape
        estimator.n_features_in_ = int(np.prod(shape))
    elif shape != estimator._row_shape:
        raise ValueError(
            f"X has rows of shape {shape}, but {type(estimator).__name__} was fitted on rows of "
            f"shape {estimator._row_shape}."
        )


def row_index(X, y):
    """Return the pandas index of X, or of y; None if neither has one."""
    for table in (X, y):
        if isinstance(table, pd.DataFrame | pd.Series):
            return table.index
    return None


def take_rows(X, rows):
    """Return the given rows of X, or of y, in its own kind."""
    if isinstance(X, Dataset):
        return Subset(X, rows.tolist())
    if isinstance(X, torch.Tensor):
        return X[torch.as_tensor(rows, device=X.device)]
    return _safe_indexing(X if hasattr(X, "__getitem__") else np.asarray(X), rows)


def dataset_labels(dataset):
    """Return the labels of a torch Dataset, from its `targets` if it has them."""
    targets = getattr(dataset, "targets", None)
    if targets is None:
        targets = [dataset[row][1] for row in range(len(dataset))]
    return np.asarray([np.asarray(target) for target in targets])


def plain(label):
    """Return a label as Python's own number or string."""
    return label.item() if isinstance(label, np.generic) else label


def check_labels(estimator, X, y):
    """Return y as a 1-D array without missing values, of the length of X."""
    if y is None and isinstance(X, Dataset):
        y = dataset_labels(X)
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    y = column_or_1d(y, warn=True)
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


def _natural_labels(y):
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


def _check_no_missing_labels(y):
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


def encode_labels(y, weights):
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


def check_weights(sample_weight, n_rows):
    """Return the weights as float32, or None."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape must be ({n_rows},), one weight per row. Got {weights.shape}."
        )
    if not np.isfinite(weights).all() or weights.min() < 0:
        row = int(np.flatnonzero(~np.isfinite(weights) | (weights < 0))[0])
        raise ValueError(
            "Negative values in data passed to 'sample_weight', or values that aren't finite: "
            f"row {row} has {weights[row]}."
        )
    if not weights.any():
        raise ValueError("sample_weight must have a positive value. All weights are zero.")
    return weights.astype(np.float32)


def _rows_per_class(codes, n_classes, weights=None):
    """Count the rows of each class, without those of weight zero."""
    if weights is not None:
        codes = codes[weights > 0]
    return np.bincount(codes, minlength=n_classes)


def check_trusted(trusted, codes, classes, weights):
    """Return the mask of trusted rows; all False if none is given."""
    if trusted is None:
        return np.zeros(len(codes), dtype=bool)
    trusted = np.array(trusted)
    if trusted.shape != codes.shape:
        raise ValueError(
            f"trusted must be a mask of shape {codes.shape}, one value per row. "
            f"Got shape {trusted.shape}."
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
