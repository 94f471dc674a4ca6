"""Checks of labels, weights and trusted rows; each names what is wrong and what it got."""

import reprlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d
from torch.utils.data import Dataset

from ._arrays import DATES, as_array, check_mask, encode_classes, plain
from ._typing import BoolArray, FloatArray, IntArray, LabelArray, RowValues


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
        item = dataset[row]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise TypeError(
                "X is a Dataset whose items must be pairs (x, y). "
                f"Row {row} is a {type(item).__name__}: {reprlib.repr(item)}."
            )
        features, target = item
        if np.shape(features) != shape:
            raise ValueError(
                "X is a Dataset whose items must be of one shape: row 0 is of shape "
                f"{tuple(shape)}, row {row} of shape {tuple(np.shape(features))}."
            )
        targets.append(target)
    return targets


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
        message = f"y: {error}"
        if getattr(y, "ndim", 1) == 2:
            message = f"Multilabel and multioutput targets are not supported. {message}"
        raise ValueError(message) from error
    if y.dtype.kind in DATES:
        raise ValueError(
            "y must hold numbers, strings or booleans: scikit-learn's scores know no other "
            f"classes. Got {y.dtype}; turn it into strings."
        )
    # A sparse array has no length.
    n_rows = X.shape[0] if sparse.issparse(X) else len(X)
    if len(y) != n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {n_rows} rows and y has {len(y)}."
        )
    _check_no_missing_labels(y)
    if y.dtype == object:
        y = _natural_labels(y)
    check_classification_targets(y)
    return y


def without_one_hot(y: Any) -> Any:
    """Return the column numbers of labels of one column of 0 and 1 per class; others as they are.

    Raises
    ------
    ValueError
        If a row has several classes, or none.
    """
    if getattr(y, "ndim", 1) != 2 or type_of_target(y) != "multilabel-indicator":
        return y
    columns = y.toarray() if sparse.issparse(y) else np.asarray(y)
    n_of_row = (columns != 0).sum(axis=1)
    if (n_of_row != 1).any():
        row = int(np.argmax(n_of_row != 1))
        raise ValueError(
            "Multilabel and multioutput targets are not supported. y has one column per class, "
            f"and row {row} is of {n_of_row[row]} classes."
        )
    return columns.argmax(axis=1)


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
    classes, _, codes = encode_classes(y)
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
    try:
        weights = np.asarray(as_array(sample_weight, "sample_weight"))
        if weights.dtype.kind in "biufO":
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
    trusted: RowValues | None,
    codes: IntArray,
    classes: LabelArray,
    weights: FloatArray | None,
    *,
    of_every_class: bool,
) -> BoolArray:
    """Return the mask of trusted rows; all False if none is given.

    A method that learns from them needs rows of every class. Others take what a review has settled.
    """
    if trusted is None:
        return np.zeros(len(codes), dtype=bool)
    trusted = check_mask(trusted, "trusted", len(codes))
    trusted_weights = None if weights is None else weights[trusted]
    counts = _rows_per_class(codes[trusted], len(classes), trusted_weights)
    if of_every_class and trusted.any() and counts.min() == 0:
        raise ValueError(
            "trusted must have rows of every class. Class "
            f"{plain(classes[np.argmin(counts)])!r} has no trusted row."
        )
    return trusted


class RowMetadata(NamedTuple):
    """What is known of single rows beside features and labels, as the user gave it."""

    trusted: RowValues | None = None
    sample_weight: RowValues | None = None
    groups: RowValues | None = None


def encode_groups(
    groups: RowValues | None, n_rows: int
) -> tuple[LabelArray | None, IntArray | None]:
    """Return the groups there are, and the number of each row's group."""
    if groups is None:
        return None, None
    try:
        values = pd.Series(as_array(groups, "groups"))
        is_missing = values.isna()
        numbers, names = pd.factorize(values, sort=values.map(type).nunique() == 1)
    except (TypeError, ValueError) as error:
        raise type(error)(f"groups must hold one name or number per row: {error}.") from error
    if values.shape != (n_rows,):
        raise ValueError(
            f"groups must have shape ({n_rows},), one group per row. Got {values.shape}."
        )
    if is_missing.any():
        row = int(np.flatnonzero(is_missing)[0])
        raise ValueError(f"groups must not have missing values. Row {row} has one.")
    if len(names) < 2:
        raise ValueError(f"groups must hold two groups or more. Got one only: {names[0]!r}.")
    return np.asarray(names), numbers
