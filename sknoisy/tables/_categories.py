"""A column of categories."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._values import texts_of

OTHER = "other categories"


class CategoryColumn:
    """The most frequent categories of a column, and all others as one.

    A category that is first seen after fit counts among the others, or as none where fit had no
    others.

    Parameters
    ----------
    name
        The column's name in messages.
    max_categories : int
        The others included.

    Attributes
    ----------
    categories : list of str
        The most frequent one first.
    has_missing : bool
        Whether values were missing in fit.
    """

    def __init__(self, name: Any, max_categories: int) -> None:
        self.name = name
        self.max_categories = max_categories

    def fit(self, values: pd.Series) -> Self:
        codes, texts = texts_of(values)
        counts = pd.Series(np.bincount(codes[codes >= 0], minlength=len(texts)), index=texts)
        counts = counts[counts > 0].groupby(level=0).sum()
        # Stable, after the texts' own order.
        counts = counts.sort_values(ascending=False, kind="stable")
        self.categories = counts.index.tolist()
        self.has_others = len(self.categories) > self.max_categories
        if self.has_others:
            self.categories = self.categories[: self.max_categories - 1]
            self.categories.append(_new_name(self.categories))
        self.has_missing = bool((codes < 0).any())
        return self

    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        """Return the number of each row's category; -1: unknown, -2: missing."""
        codes, texts = texts_of(values)
        known = pd.Index(self.categories, dtype=object).get_indexer(texts)
        if self.has_others:
            known[known < 0] = len(self.categories) - 1
        return np.append(known, -2)[codes]

    @property
    def n_numbers(self) -> int:
        return len(self.categories) + self.has_missing

    def write_numbers(self, values: pd.Series, numbers: NDArray[np.float32]) -> None:
        """Write one column of 0 and 1 per category; the last is that of missing values."""
        codes = self.codes(values)
        if self.has_missing:
            codes[codes == -2] = len(self.categories)
        rows = np.flatnonzero(codes >= 0)
        numbers[:] = 0
        numbers[rows, codes[rows]] = 1

    def for_trees(self, values: pd.Series) -> dict[str, Any]:
        codes = np.maximum(self.codes(values), -1)
        return {"": pd.Categorical.from_codes(codes, categories=self.categories)}


def _new_name(names: list[str]) -> str:
    name = OTHER
    while name in names:
        name = f"({name})"
    return name
