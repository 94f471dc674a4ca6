"""TreeEncoder."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._documentation import DocumentedEstimator
from ._categories import CategoryColumn
from ._columns import Column, are_numbers, columns_of, fitted_columns
from ._numbers import NumberColumn, check_not_infinite
from ._reading import Table, as_table

# As many as scikit-learn's boosted trees tell apart, beside missing values.
MAX_CATEGORIES = 254


class TreeEncoder(DocumentedEstimator, TransformerMixin, BaseEstimator):
    """Turn a table of any kind into one that boosted trees take.

    A table of numbers stays one, as an array of floats with NaN for missing values. Any other
    becomes a DataFrame: numbers as float64, categories as pandas' categories, with those of fit;
    dates by their parts and free texts by the strings of characters that they share, as float64.

    Parameters
    ----------
    max_categories : int, default=254
        Categories of a column; the rarest are one of them where there are more. Those that come
        up after fit count among these, or as missing where there are none.

    Attributes
    ----------
    is_plain_ : bool
        Whether the table of fit was of numbers.
    columns_ : list
        How each column is read; None for those left out.
    """

    def __init__(self, max_categories: int = MAX_CATEGORIES) -> None:
        self.max_categories = max_categories

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        y : ignored

        Returns
        -------
        self
        """
        table = _dense(as_table(X))
        self.columns_: list[Column | None]
        if are_numbers(table):
            self.columns_ = [NumberColumn(name) for name, _ in columns_of(table)]
        else:
            self.columns_ = fitted_columns(table, self._column_of_categories)
        self.is_plain_ = all(isinstance(each, NumberColumn) for each in self.columns_)
        return self

    def _column_of_categories(self, name: Any, values: pd.Series) -> Column:
        return CategoryColumn(name, self.max_categories)

    def transform(self, X: Any) -> NDArray[np.floating] | pd.DataFrame:
        """Return the table as trees take it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)

        Returns
        -------
        ndarray of float32 or float64, or DataFrame
        """
        check_is_fitted(self)
        table = _dense(as_table(X))
        if self.is_plain_ and are_numbers(table):
            return _as_floats(table)
        parts: dict[str, Any] = {}
        pairs = zip(self.columns_, columns_of(table), strict=True)
        for place, (column, (_, values)) in enumerate(pairs):
            if column is not None:
                for part, read in column.for_trees(values).items():
                    parts[_part_name(column.name, part, place, parts)] = read
        if self.is_plain_:
            return np.stack(list(parts.values()), axis=1)
        index = table.index if isinstance(table, pd.DataFrame) else None
        return pd.DataFrame(parts, index=index, copy=False)


def _dense(table: Table) -> NDArray[Any] | pd.DataFrame:
    if sparse.issparse(table):
        raise TypeError(
            "X is sparse, which boosted trees don't take: reduce it first to fewer columns, by "
            "sklearn.decomposition.TruncatedSVD for instance, or pass X.toarray() if that fits "
            "in memory."
        )
    return table


def _as_floats(table: NDArray[Any] | pd.DataFrame) -> NDArray[np.floating]:
    """Return numbers as float32 if all are, else as float64; the same array where it may be."""
    numbers = np.asarray(table)
    if numbers.dtype not in (np.float32, np.float64):
        numbers = numbers.astype(np.float64)
    # A sum needs no memory, unlike a mask.
    with np.errstate(invalid="ignore", over="ignore"):
        is_finite = np.isfinite(numbers.sum(dtype=np.float64))
    if not is_finite:
        names = getattr(table, "columns", range(numbers.shape[1]))
        for name, values in zip(names, numbers.T, strict=True):
            check_not_infinite(values, name, np.finfo(numbers.dtype).max)
    return numbers


def _part_name(name: Any, part: str, place: int, taken: dict[str, Any]) -> str:
    """Return a column's name, which may be no text, or not the only one of that name."""
    full = f"{name}_{part}" if part else str(name)
    return full if full not in taken else f"{full}_{place}"
