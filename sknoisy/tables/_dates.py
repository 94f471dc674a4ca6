"""A column of dates."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._numbers import Scale
from ._values import date_format, dates_of, present_texts, texts_of

PARTS = ("year", "month", "day", "day_of_week", "hour")


class DateColumn:
    """Parts of a date and its seconds since 1970; parts that are the same everywhere are left out.

    Parameters
    ----------
    name
        The column's name in messages.
    """

    def __init__(self, name: Any) -> None:
        self.name = name

    def fit(self, values: pd.Series) -> Self:
        self.text_format = None
        if values.dtype.kind not in "mM":
            self.text_format = date_format(present_texts(texts_of(values)[1]))
        dates = dates_of(values, self.name, self.text_format)
        self.has_missing = bool(dates.isna().any())
        present = dates[~dates.isna()]
        self.parts = [part for part in PARTS if getattr(present, part).nunique() > 1]
        self.parts.append("total_seconds")
        self.scales = {part: Scale().fit(_part(present, part)) for part in self.parts}
        return self

    def _read(self, values: pd.Series) -> dict[str, NDArray[np.float64]]:
        dates = dates_of(values, self.name, self.text_format)
        return {part: _part(dates, part) for part in self.parts}

    @property
    def n_numbers(self) -> int:
        return len(self.parts) + self.has_missing

    def write_numbers(self, values: pd.Series, numbers: NDArray[np.float32]) -> None:
        for place, (part, raw) in enumerate(self._read(values).items()):
            scale, is_missing = self.scales[part], np.isnan(raw)
            numbers[:, place] = scale.apply(np.where(is_missing, scale.center, raw))
        if self.has_missing:
            numbers[:, -1] = is_missing

    def for_trees(self, values: pd.Series) -> dict[str, Any]:
        return self._read(values)


def _part(dates: pd.DatetimeIndex, part: str) -> NDArray[np.float64]:
    if part != "total_seconds":
        return np.asarray(getattr(dates, part), dtype=np.float64)
    seconds = dates.to_numpy().astype("datetime64[s]").astype(np.int64).astype(np.float64)
    seconds[dates.isna()] = np.nan
    return seconds
