"""Cells that a spreadsheet would run as a formula, and how they are kept from it."""

import re

# What a spreadsheet takes for the start of a formula, the wide forms too. Quotes before it are
# those of an earlier guard.
_FORMULA = re.compile("'*\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|'*[\\t\\r\\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def guard_formula(text: str) -> str:
    """Return a text for a cell of a spreadsheet, with a quote before it if it is a formula.

    Numbers stay as they are. `KnownValues`, and so `read_review`, finds the value nevertheless.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> [guard_formula(text) for text in ("=1+1", "-5", "- none", "a=1")]
    ["'=1+1", '-5', "'- none", 'a=1']
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return "'" + text if is_formula else text


def without_guard(text: str) -> str | None:
    """Return a formula without the quotes before it; None if the text isn't one.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> [without_guard(text) for text in ("'=1+1", "=1+1", "'a'")]
    ['=1+1', '=1+1', None]
    """
    return text.lstrip("'").strip() if _FORMULA.match(text) else None
