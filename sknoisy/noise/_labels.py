"""Labels as class numbers and back, whatever their type."""

from numbers import Real

import numpy as np
import pandas as pd

from .._arrays import encode_classes
from .._typing import BoolArray, IntArray, LabelArray, Labels


def encode(y: Labels) -> tuple[LabelArray | pd.Series, IntArray, IntArray]:
    """Return y as array or Series, the first row of each class, and each row's class number."""
    y = y if isinstance(y, pd.Series) else np.asarray(y)
    if y.ndim != 1:
        raise ValueError(f"y must be 1-D; got the shape {y.shape}.")
    if pd.isna(y).any():
        raise ValueError("y must not have missing values.")
    values = np.asarray(y)
    if values.dtype.kind == "f" and (values % 1 != 0).any():
        raise ValueError("y must hold classes; got fractional numbers.")
    classes, first_rows, codes = encode_classes(values)
    if len(classes) < 2:
        raise ValueError(f"y must have at least two classes; got {classes.tolist()}.")
    return y, first_rows, codes


def decode(
    y: LabelArray | pd.Series, first_rows: IntArray, codes: IntArray, noisy_codes: IntArray
) -> tuple[LabelArray | pd.Series, BoolArray]:
    """Give each row the label of its new class, and say which rows have changed.

    Labels are picked from y itself, which keeps any dtype, also pandas' own.
    """
    picked_rows = first_rows[noisy_codes]
    if isinstance(y, pd.Series):
        y_noisy = y.iloc[picked_rows].set_axis(y.index)
    else:
        y_noisy = y[picked_rows]
    return y_noisy, noisy_codes != codes


def check_rate(rate: float) -> float:
    # `not` round the comparison, so that NaN is refused too.
    if isinstance(rate, bool | np.bool_) or not isinstance(rate, Real) or not 0 <= rate < 1:
        raise ValueError(f"rate must be a number in [0, 1); got {rate!r}.")
    return float(rate)
