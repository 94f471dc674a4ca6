"""Tables of any make as one of three: an array of numbers, a CSR array or a DataFrame."""

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_array

from .._mapped import MappedRows

# Kinds of numpy's dtypes.
NUMBERS = "biuf"

Table: TypeAlias = NDArray[Any] | MappedRows | sparse.csr_array | pd.DataFrame


def as_table(X: Any) -> Table:
    """Return a table as an array of numbers, a CSR array, or a DataFrame of columns of any kind.

    Parameters
    ----------
    X : DataFrame of pandas or polars, pyarrow Table, array-like or sparse matrix

    Returns
    -------
    ndarray of bools or real numbers, csr_array or DataFrame
        A view where there is nothing to convert.

    Raises
    ------
    TypeError, ValueError
        If it isn't a table of at least one row and one column.
    """
    X = as_frame(X)
    if isinstance(X, MappedRows):
        return X
    if isinstance(X, pd.DataFrame):
        _check_array(np.broadcast_to(np.float32(0), X.shape))
        return _as_sparse(X)
    if sparse.issparse(X):
        return _canonical(_check_array(X, accept_sparse="csr"))
    array = _as_array(X)
    array = _check_array(array)
    return array if array.dtype.kind in NUMBERS else pd.DataFrame(array).infer_objects()


def as_frame(X: Any) -> Any:
    """Return other libraries' DataFrames as those of pandas, and anything else as it is.

    Parameters
    ----------
    X : object

    Returns
    -------
    object

    Raises
    ------
    TypeError
        If it is a LazyFrame of polars, which holds no values.
    """
    library = type(X).__module__.partition(".")[0]
    if library == "polars" and type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame of polars, which holds no values: pass X.collect().")
    if library == "polars" and type(X).__name__ == "DataFrame":
        return pd.DataFrame({column.name: _of_polars(column) for column in X.iter_columns()})
    if library == "pyarrow" and hasattr(X, "to_pandas"):
        return X.to_pandas()
    return X


def _of_polars(column: Any) -> NDArray[Any]:
    """Return the values of a column of polars, without pyarrow, which its own conversion needs."""
    if column.dtype.is_decimal():
        column = column.cast(float)
    # Categories of polars come as their texts.
    return column.to_numpy()


def _as_array(X: Any) -> NDArray[Any]:
    """Return X as an array whose texts, numbers and missing values stay what they are."""
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64 if X.dtype.kind in NUMBERS else object), np.nan)
    if isinstance(X, np.ndarray):
        return X
    array = np.asarray(X)
    if array.ndim == 2 and array.dtype.kind not in NUMBERS + "cmM":
        # numpy would turn numbers beside texts into texts.
        return np.array(X, dtype=object)
    return array


def _check_array(array: Any, **settings: Any) -> Any:
    return check_array(array, dtype=None, ensure_all_finite=False, input_name="X", **settings)


def _as_sparse(X: pd.DataFrame) -> Table:
    """Return a DataFrame of sparse columns whose other values are zero as a CSR array."""
    if not all(isinstance(dtype, pd.SparseDtype) for dtype in X.dtypes):
        return X
    if any(dtype.kind not in NUMBERS or dtype.fill_value != 0 for dtype in X.dtypes):
        return X
    return _canonical(X.sparse.to_coo().tocsr())


def _canonical(X: Any) -> sparse.csr_array:
    """Return a CSR array on the same values; on a copy if entries of one place must be added."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    # A new array has no flags from earlier use, so that equal ones are equal to a cache.
    result = sparse.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    result.has_canonical_format = True
    return result
