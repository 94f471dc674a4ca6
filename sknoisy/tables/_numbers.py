"""A column of numbers."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._values import numbers_of

LARGEST = float(np.finfo(np.float32).max)
# As good as all of them, and much faster.
MAX_ROWS_OF_QUARTILES = 100_000
# What no number on a common scale goes beyond.
BORDER = 3.0


def check_not_infinite(numbers: NDArray[Any], name: Any, largest: float = LARGEST) -> None:
    """Raise an error that names the first row with a number that is infinite or too large."""
    with np.errstate(invalid="ignore"):
        bad = np.abs(numbers) > largest
    if bad.any():
        raise ValueError(infinity_found(int(np.argmax(bad)), name))


def infinity_found(row: int, name: Any) -> str:
    return (
        f"Input X contains infinity or a value too large for float32: row {row}, "
        f"column {name!r}. Replace it, or mark it as missing by NaN."
    )


class NumberColumn:
    """Numbers on a common scale, with the median for missing ones and a mark of these.

    Parameters
    ----------
    name
        The column's name in messages.
    """

    def __init__(self, name: Any) -> None:
        self.name = name
        # Whether values that are no numbers are missing ones.
        self.has_others = False

    def fit(self, values: pd.Series) -> Self:
        self.has_others = True
        numbers = self.read(values)
        is_missing = np.isnan(numbers)
        self.has_others = int(is_missing.sum()) > int(values.isna().sum())
        self.has_missing = bool(is_missing.any())
        self.scale = Scale().fit(numbers[~is_missing] if self.has_missing else numbers)
        return self

    def read(self, values: pd.Series) -> NDArray[np.float64]:
        """Return the numbers; NaN: missing, or none where fit had other values too."""
        numbers = numbers_of(values, self.name, others_are_missing=self.has_others)
        check_not_infinite(numbers, self.name)
        return numbers

    @property
    def n_numbers(self) -> int:
        return 1 + self.has_missing

    def write_numbers(self, values: pd.Series, numbers: NDArray[np.float32]) -> None:
        raw = self.read(values)
        is_missing = np.isnan(raw)
        numbers[:, 0] = self.scale.apply(np.where(is_missing, self.scale.center, raw))
        if self.has_missing:
            numbers[:, 1] = is_missing

    def for_trees(self, values: pd.Series) -> dict[str, Any]:
        numbers = numbers_of(values, self.name, others_are_missing=self.has_others)
        # Trees take any number of float64.
        check_not_infinite(numbers, self.name, np.finfo(np.float64).max)
        return {"": numbers}


class Scale:
    """The median at 0 and quartiles one apart; far numbers are drawn in towards a border.

    Without the border a few extreme values would leave the others no spread.
    """

    def fit(self, numbers: NDArray[np.float64]) -> Self:
        self.center, self.width = 0.0, 1.0
        if len(numbers):
            some = numbers[:: -(-len(numbers) // MAX_ROWS_OF_QUARTILES)]
            low, self.center, high = np.quantile(some, [0.25, 0.5, 0.75]).tolist()
            spread = high - low
            # Of a column of mostly one number only the others have a spread.
            self.width = spread or float(numbers.max() - numbers.min()) / 2 or 1.0
        return self

    def apply(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            distances = (numbers - self.center) / (BORDER * self.width)
        # Their squares are finite.
        np.clip(distances, -LARGEST, LARGEST, out=distances)
        lengths = np.square(distances)
        lengths += 1
        np.sqrt(lengths, out=lengths)
        distances *= BORDER
        distances /= lengths
        return distances
