"""NumberEncoder."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from .._documentation import DocumentedEstimator
from .._mapped import MappedRows, as_stored, blocks_of, in_memory
from ._categories import CategoryColumn
from ._columns import Column, are_numbers, columns_of, fitted_columns
from ._numbers import NumberColumn, infinity_found
from ._reading import Table, as_table
from ._texts import TextColumn
from ._values import texts_of


class NumberEncoder(DocumentedEstimator, TransformerMixin, BaseEstimator):
    """Turn a table of any kind into finite numbers of float32.

    A table of finite numbers, dense or sparse, stays as it is. In any other, numbers and dates
    are brought to a common scale, categories become columns of 0 and 1, and texts, or columns of
    too many categories, what strings of characters they share. A column of a table with missing
    values gets a mark of these. What is missing for the first time after fit is filled in, and
    categories that come up after fit are like rare ones.

    Parameters
    ----------
    max_categories : int, default=40
        Columns of more categories are read as texts.

    Attributes
    ----------
    is_plain_ : bool
        Whether the table of fit was of finite numbers.
    means_ : ndarray of shape (n_columns,)
        What stands for missing values, if it was.
    columns_ : list
        How each column is read, if it wasn't; None for those left out.
    """

    def __init__(self, max_categories: int = 40) -> None:
        self.max_categories = max_categories

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the columns.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
        y : ignored

        Returns
        -------
        self
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn the columns, and return what `transform` returns.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
        y : ignored

        Returns
        -------
        ndarray or csr_array of float32, of shape (n_rows, n_numbers)
        """
        table = as_table(X)
        self.is_plain_ = True
        if sparse.issparse(table):
            numbers = _as_float32(table)
            self.means_ = _sparse_means(numbers)
            return _filled_sparse(numbers, self.means_)
        if are_numbers(table):
            numbers = _as_float32(table)
            means = _means(numbers)
            if np.isfinite(means).all():
                self.means_ = means
                return numbers
            _check_not_infinite(numbers, table)
        table = as_stored(table)
        columns = fitted_columns(table, self._column_of_categories)
        if all(isinstance(each, NumberColumn) and not each.has_missing for each in columns):
            # Of pandas' own numbers, or numbers held as objects or texts.
            numbers = self._plain_numbers(table)
            self.means_ = numbers.mean(axis=0, dtype=np.float64)
            return numbers
        self.is_plain_ = False
        self.columns_ = columns
        return self._encode(table)

    def _column_of_categories(self, name: Any, values: pd.Series) -> Column:
        if len(texts_of(values)[1]) > self.max_categories:
            return TextColumn(name)
        return CategoryColumn(name, self.max_categories)

    def transform(self, X: Any) -> Any:
        """Return the table as numbers.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)

        Returns
        -------
        ndarray or csr_array of float32, of shape (n_rows, n_numbers)
        """
        check_is_fitted(self)
        table = as_table(X)
        if not self.is_plain_:
            return self._encode(_dense(as_stored(table)))
        if sparse.issparse(table):
            return _filled_sparse(_as_float32(table), self.means_)
        return _filled(self._plain_numbers(table), table, self.means_)

    def _plain_numbers(self, table: Any) -> NDArray[np.float32]:
        if are_numbers(table):
            return _as_float32(table)
        numbers = np.empty(table.shape, dtype=np.float32)
        for place, (name, values) in enumerate(columns_of(table)):
            numbers[:, place] = NumberColumn(name).read(values)
        return numbers

    def _encode(self, table: Any) -> NDArray[np.float32]:
        widths = [0 if column is None else column.n_numbers for column in self.columns_]
        numbers = np.empty((len(table), sum(widths)), dtype=np.float32)
        end = 0
        for column, width, (_, values) in zip(
            self.columns_, widths, columns_of(table), strict=True
        ):
            end += width
            if column is not None:
                column.write_numbers(values, numbers[:, end - width : end])
        return numbers


def _dense(table: Any) -> Any:
    return table.toarray() if sparse.issparse(table) else table


def _as_float32(table: Table) -> Any:
    if isinstance(table, MappedRows):
        return table
    with np.errstate(over="ignore"):
        return check_array(
            table, dtype=np.float32, accept_sparse="csr", ensure_all_finite=False, input_name="X"
        )


def _means(numbers: Any) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        if not isinstance(numbers, MappedRows):
            return numbers.mean(axis=0, dtype=np.float64)
        totals = np.zeros(numbers.shape[1])
        for _, block in blocks_of(numbers):
            totals += block.sum(axis=0, dtype=np.float64)
        return totals / len(numbers)


def _check_not_infinite(numbers: Any, table: Any) -> None:
    for start, block in blocks_of(numbers):
        is_infinite = np.isinf(block)
        if is_infinite.any():
            row, place = np.argwhere(is_infinite)[0].tolist()
            names = getattr(table, "columns", range(numbers.shape[1]))
            raise ValueError(infinity_found(start + row, names[place]))


def _filled(numbers: Any, table: Any, means: NDArray[np.float64]) -> Any:
    # Sums need no memory, unlike a mask.
    with np.errstate(invalid="ignore"):
        total = sum(block.sum(dtype=np.float64) for _, block in blocks_of(numbers))
    if np.isfinite(total):
        return numbers
    _check_not_infinite(numbers, table)
    numbers = in_memory(numbers)
    return np.where(np.isnan(numbers), means.astype(np.float32), numbers)


def _sparse_means(numbers: sparse.csr_array) -> NDArray[np.float64]:
    """Return each column's mean over the values that aren't missing."""
    n_columns = numbers.shape[1]
    is_missing = np.isnan(numbers.data)
    sums = np.bincount(
        numbers.indices, weights=np.where(is_missing, 0, numbers.data), minlength=n_columns
    )
    n_missing = np.bincount(numbers.indices, weights=is_missing, minlength=n_columns)
    return sums / np.maximum(numbers.shape[0] - n_missing, 1)


def _filled_sparse(numbers: sparse.csr_array, means: NDArray[np.float64]) -> sparse.csr_array:
    is_infinite = np.isinf(numbers.data)
    if is_infinite.any():
        place = int(np.argmax(is_infinite))
        row = int(np.searchsorted(numbers.indptr, place, side="right")) - 1
        raise ValueError(infinity_found(row, int(numbers.indices[place])))
    is_missing = np.isnan(numbers.data)
    if not is_missing.any():
        return numbers
    data = np.where(is_missing, means[numbers.indices], numbers.data).astype(np.float32)
    return sparse.csr_array((data, numbers.indices, numbers.indptr), shape=numbers.shape)
