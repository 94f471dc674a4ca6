"""Tables as CSV files that a spreadsheet opens without running what stands in them."""

import re
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from ..review._formulas import guard_formula

# Numbers as people write them, and texts without letter and digit, such as "-" for a missing value.
HARMLESS = re.compile(r"[+-]?[\d.,]*\d(e[+-]?\d+)?\s?%?|[^\w]*", re.IGNORECASE)
STARTS = tuple("'=+-@\t\r\n＝＋－＠ ")


def guarded(value: Any) -> Any:
    """Return a text with a quote before it if a spreadsheet would run it; others as they are.

    Examples
    --------
    >>> [guarded(value) for value in ("=1+1", "-3.5", "-3,5 %", "-", -2, "a=b")]
    ["'=1+1", '-3.5', '-3,5 %', '-', -2, 'a=b']
    """
    if not isinstance(value, str) or not value.startswith(STARTS):
        return value
    return value if _is_harmless(value) else guard_formula(value)


def _is_harmless(text: str) -> bool:
    return text[0] not in "\t\r\n" and HARMLESS.fullmatch(text) is not None


def write_csv(table: pd.DataFrame, file: Path | TextIO) -> None:
    """Write a table without its index; formulas in cells and names of columns stay texts."""
    table = table.copy(deep=False)
    for place in range(table.shape[1]):
        values = table.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(values.dtype):
            table.isetitem(place, values.astype(object).map(guarded))
    table.columns = [guarded(name) for name in table.columns]
    table.to_csv(file, index=False, lineterminator="\n")
