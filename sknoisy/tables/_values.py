"""Values of one column as numbers, dates or texts, and which of these a column holds."""

import re
import reprlib
import warnings
from collections.abc import Iterable
from datetime import time
from numbers import Integral, Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype
from pandas.tseries.api import guess_datetime_format

from ._reading import NUMBERS

# Texts that stand for a missing value where the others are numbers or dates.
MISSING_TEXTS = frozenset({"", "?", "-", "na", "n/a", "nan", "none", "null", "nat", "<na>"})
# What `infer_dtype` calls numbers and dates that are held as objects.
NUMBER_OBJECTS = frozenset({"boolean", "decimal", "empty", "floating", "integer"})
NUMBER_OBJECTS |= {"mixed-integer-float", "time", "timedelta", "timedelta64"}
DATE_OBJECTS = frozenset({"date", "datetime", "datetime64", "period"})
LOOKS_LIKE_A_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?$")
INTEGER = re.compile(r"[+-]?\d+")
# Where more of the values aren't numbers, a column with numbers is one of categories.
SHARE_OF_OTHERS = 0.1
# With fewer rows different texts may be categories by chance.
MIN_ROWS_OF_IDENTIFIERS = 20
# Texts of more words than this are sentences, which tell more than apart.
MAX_WORDS_OF_IDENTIFIERS = 3


def plain_values(values: pd.Series) -> pd.Series:
    """Return sparse values as dense ones, and refuse complex numbers."""
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    if getattr(values.dtype, "kind", None) == "c":
        raise ValueError("Complex data not supported: X must hold real numbers.")
    return values


def kind_of(values: pd.Series, name: Any) -> str:
    """Return what a column holds: "number", "date", "category", "text" or "identifier"."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype | pd.IntervalDtype):
        return "category"
    if isinstance(dtype, pd.PeriodDtype) or dtype.kind == "M":
        return "date"
    if dtype.kind in NUMBERS + "m":
        return "number"
    inferred = infer_dtype(values, skipna=True)
    if inferred in NUMBER_OBJECTS:
        return "number"
    if inferred in DATE_OBJECTS:
        return "date"
    if inferred == "complex":
        raise ValueError(f"Complex data not supported: column {name!r} of X holds it.")
    if inferred != "string":
        _check_texts(values, name)
    return _kind_of_texts(values, name, are_mixed=inferred != "string")


def _check_texts(values: pd.Series, name: Any) -> None:
    """Refuse a column without any text or number."""
    present = values[values.notna().to_numpy()]
    if present.map(lambda value: isinstance(value, str | Number | np.bool_)).any():
        return
    value = present.iloc[0]
    raise TypeError(
        f"Column {name!r} of X must hold numbers, texts, booleans, categories or dates: each "
        f"argument must be a string or a number. Got a {type(value).__name__}, "
        f"{reprlib.repr(value)}."
    )


def present_texts(texts: NDArray[Any]) -> NDArray[Any]:
    """Return the texts that don't stand for a missing value."""
    return texts[~_stand_for_missing(texts)]


def _stand_for_missing(texts: Iterable[str]) -> NDArray[np.bool_]:
    return np.array([text.strip().lower() in MISSING_TEXTS for text in texts], dtype=bool)


def _kind_of_texts(values: pd.Series, name: Any, are_mixed: bool) -> str:
    codes, texts = texts_of(values)
    present = present_texts(texts)
    n_present = int((codes >= 0).sum())
    are_different = len(texts) == n_present > MIN_ROWS_OF_IDENTIFIERS
    others = present[pd.isna(pd.to_numeric(present, errors="coerce"))]
    if len(others) == 0:
        are_integers = all(INTEGER.fullmatch(text.strip()) for text in present)
        return "identifier" if are_different and are_integers and not are_mixed else "number"
    if len(others) <= SHARE_OF_OTHERS * len(present):
        _tell_of_others(others, name, "as missing numbers")
        return "number"
    if are_mixed:
        _tell_of_others(others, name, "like the numbers, as categories")
        return "category"
    if date_format(present) is not None:
        return "date"
    if len(texts) <= MIN_ROWS_OF_IDENTIFIERS:
        return "category"
    n_words = np.median([text.count(" ") + 1 for text in present])
    if n_words > MAX_WORDS_OF_IDENTIFIERS and len(texts) > n_present / 2:
        return "text"
    return "identifier" if are_different else "category"


def _tell_of_others(others: NDArray[Any], name: Any, treatment: str) -> None:
    warnings.warn(
        f"Column {name!r} of X holds numbers and other values, such as {reprlib.repr(others[0])}: "
        f"these are taken {treatment}.",
        UserWarning,
        stacklevel=2,
    )


def date_format(texts: NDArray[Any]) -> str | None:
    """Return the format in which all texts are dates, or None."""
    if len(texts) == 0 or not LOOKS_LIKE_A_DATE.match(texts[0]):
        return None
    for dayfirst in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = guess_datetime_format(texts[0], dayfirst=dayfirst)
            if found is None:
                continue
            if pd.notna(pd.to_datetime(texts, format=found, errors="coerce", utc=True)).all():
                return found
    return None


def numbers_of(
    values: pd.Series, name: Any, *, others_are_missing: bool = False
) -> NDArray[np.float64]:
    """Return numbers, truth values, or durations in seconds, as float64 with NaN for missing.

    Raises
    ------
    ValueError
        If there are other values, unless these are to be missing ones.
    """
    kind = values.dtype.kind
    if kind == "m":
        return values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    if kind in NUMBERS:
        if isinstance(values.dtype, np.dtype):
            return values.to_numpy(dtype=np.float64)
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "M":
        raise ValueError(f"Column {name!r} of X held numbers in fit. Got {values.dtype}.")
    objects = values.astype(object)
    inferred = infer_dtype(objects, skipna=True)
    if inferred in ("timedelta", "timedelta64"):
        return numbers_of(pd.to_timedelta(objects), name)
    if inferred == "time":
        return np.array([_seconds_of(value) for value in objects], dtype=np.float64)
    numbers = pd.to_numeric(objects, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if not others_are_missing:
        _check_numbers(objects, numbers, name)
    return numbers


def _check_numbers(values: pd.Series, numbers: NDArray[np.float64], name: Any) -> None:
    rows = np.flatnonzero(np.isnan(numbers) & values.notna().to_numpy(dtype=bool))
    rows = rows[~_stand_for_missing(map(str, values.iloc[rows]))]
    if len(rows):
        raise ValueError(
            f"Column {name!r} of X held numbers in fit. Row {rows[0]} has "
            f"{reprlib.repr(values.iloc[rows[0]])}."
        )


def _seconds_of(value: Any) -> float:
    if not isinstance(value, time):
        return np.nan
    return 3600 * value.hour + 60 * value.minute + value.second + value.microsecond / 1e6


def dates_of(values: pd.Series, name: Any, text_format: str | None) -> pd.DatetimeIndex:
    """Return dates by the clock of their own time zone, with NaT for missing."""
    if values.dtype.kind in NUMBERS + "m" and values.notna().any():
        raise ValueError(f"Column {name!r} of X held dates in fit. Got {values.dtype}.")
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if infer_dtype(values, skipna=True) == "period":
        values = pd.Series(pd.PeriodIndex(values).to_timestamp(), index=values.index)
    if values.dtype.kind == "M":
        dates = pd.DatetimeIndex(values)
    else:
        # A text in another format than in fit is as good as missing.
        dates = pd.to_datetime(values.astype(object), format=text_format, errors="coerce")
        dates = pd.DatetimeIndex(dates)
    return dates.tz_localize(None)


def texts_of(values: pd.Series) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return each row's number among the different values, -1 for missing, and these as texts."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, different = values.cat.codes.to_numpy(), values.cat.categories
    else:
        try:
            codes, different = pd.factorize(values)
        except TypeError:
            codes, different = pd.factorize(values.map(_as_text, na_action="ignore"))
    texts = np.empty(len(different), dtype=object)
    texts[:] = [_as_text(value) for value in different]
    return codes.astype(np.int64), texts


def _as_text(value: Any) -> str:
    """Return the same text for 1 and 1.0, which pandas may turn into each other."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = int(value)
    return str(value)
