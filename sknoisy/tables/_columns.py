"""Columns of a table by their kinds."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ._categories import CategoryColumn
from ._dates import DateColumn
from ._numbers import NumberColumn
from ._reading import NUMBERS, Table
from ._texts import TextColumn
from ._values import kind_of, plain_values

Column: TypeAlias = CategoryColumn | DateColumn | NumberColumn | TextColumn


def columns_of(table: Any) -> Iterator[tuple[Any, pd.Series]]:
    """Yield name and values of each column; those of an array have their number as name."""
    if isinstance(table, pd.DataFrame):
        for place, name in enumerate(table.columns):
            yield name, plain_values(table.iloc[:, place])
        return
    for place in range(table.shape[1]):
        yield place, pd.Series(table[:, place], copy=False)


def are_numbers(table: Table) -> bool:
    """Return whether all columns are of numpy's numbers and truth values."""
    if isinstance(table, pd.DataFrame):
        return all(isinstance(d, np.dtype) and d.kind in NUMBERS for d in table.dtypes)
    return True


def fitted_columns(
    table: Any, column_of_categories: Callable[[Any, pd.Series], Column]
) -> list[Column | None]:
    """Return a fitted column for each of the table's, and None for those that are left out."""
    kinds: dict[str, Callable[[Any, pd.Series], Column]] = {
        "number": lambda name, values: NumberColumn(name),
        "date": lambda name, values: DateColumn(name),
        "text": lambda name, values: TextColumn(name),
        "category": column_of_categories,
    }
    columns: list[Column | None] = []
    left_out = []
    for name, values in columns_of(table):
        kind = kind_of(values, name)
        if kind == "identifier":
            left_out.append(name)
            columns.append(None)
        else:
            columns.append(kinds[kind](name, values).fit(values))
    _tell(left_out, len(columns))
    return columns


def _tell(left_out: list[Any], n_columns: int) -> None:
    if not left_out:
        return
    names = ", ".join(map(repr, left_out))
    if len(left_out) == n_columns:
        raise ValueError(
            "X must have columns that rows can share values of. Every row has a value of its own, "
            f"like a name or a number of the row, in all of them: {names}."
        )
    warnings.warn(
        f"Columns of X are left out, since every row has a value of its own there, like a name "
        f"or a number of the row: {names}.",
        UserWarning,
        stacklevel=2,
    )
