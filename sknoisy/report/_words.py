"""Numbers and names in words, as a report shows them."""

import json
from typing import Any

import numpy as np
import pandas as pd

from .._arrays import plain

# A space at which no line breaks.
GAP = "\u00a0"
MAX_LETTERS = 200


def percent(share: float, *, exact: bool = True) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> [percent(share).replace(GAP, " ") for share in (0, 0.0004, 0.148, 0.9996, 1)]
    ['0 %', '< 0.1 %', '14.8 %', '> 99.9 %', '100 %']
    """
    if not np.isfinite(share):
        return "unknown"
    if 0 < share < 0.0005:
        return f"<{GAP}0.1{GAP}%"
    if 0.9995 < share < 1:
        return f">{GAP}99.9{GAP}%"
    digits = 1 if exact and 0 < share < 1 else 0
    return f"{100 * share:.{digits}f}{GAP}%".replace(f".0{GAP}", GAP)


def whole(number: float) -> str:
    """Return a number of rows.

    Examples
    --------
    >>> whole(12345.6)
    '12,346'
    """
    return f"{round(number):,}"


def rows(number: float, noun: str = "row") -> str:
    """Return a number and its noun.

    Examples
    --------
    >>> rows(1), rows(2000, "label")
    ('1 row', '2,000 labels')
    """
    return f"{whole(number)} {noun}{'' if round(number) == 1 else 's'}"


def clean_text(value: Any) -> str:
    """Return a value as text that any file can hold: lone surrogates are replaced.

    Examples
    --------
    >>> clean_text("a\\ud800")
    'a?'
    """
    value = plain(value)
    if isinstance(value, tuple):
        return ", ".join(clean_text(each) for each in value)
    return str(value).encode("utf-8", "replace").decode("utf-8")


def short_text(value: Any, n_letters: int = MAX_LETTERS) -> str:
    """Return a text, cut where it is long.

    Examples
    --------
    >>> short_text("abcdef", 4)
    'abc…'
    """
    text = clean_text(value)
    return text if len(text) <= n_letters else text[: n_letters - 1] + "…"


def cell_text(value: Any, n_letters: int = MAX_LETTERS) -> str | None:
    """Return the value of a cell as text; None where it is missing.

    Examples
    --------
    >>> [cell_text(value) for value in (1.23456789, 3.0, 2, None, "a", True)]
    ['1.2346', '3', '2', None, 'a', 'True']
    """
    value = plain(value)
    if isinstance(value, str):
        return short_text(value, n_letters)
    if value is None or (np.ndim(value) == 0 and pd.isna(value)):
        return None
    if isinstance(value, float):
        # Minus zero is zero.
        return f"{value + 0.0:.5g}"
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return short_text(value, n_letters)


def script_json(content: Any) -> str:
    """Return JSON that can stand in a script element: nothing in it can end the element.

    Examples
    --------
    >>> script_json({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
