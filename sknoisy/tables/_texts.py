"""A column of free texts, or of more categories than can be told apart one by one."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from ._values import texts_of

N_COMPONENTS = 30
# Texts that similar strings of characters are found in; more tell little more.
MAX_TEXTS = 20_000
MAX_NGRAMS = 20_000


class TextColumn:
    """Texts by the strings of three and four characters that they share.

    Parameters
    ----------
    name
        The column's name in messages.
    """

    def __init__(self, name: Any) -> None:
        self.name = name

    def fit(self, values: pd.Series) -> Self:
        codes, texts = texts_of(values)
        self.has_missing = bool((codes < 0).any())
        step = -(-len(texts) // MAX_TEXTS)
        words = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), max_features=MAX_NGRAMS)
        counts = words.fit_transform(texts[::step])
        n_components = max(1, min(N_COMPONENTS, *(size - 1 for size in counts.shape)))
        components = TruncatedSVD(n_components, random_state=0).fit(counts)
        self.encoder = make_pipeline(words, components)
        self.n_components = n_components
        self.width = 1.0
        self.width = float(self._read(values).std(axis=0).max()) or 1.0
        return self

    def _read(self, values: pd.Series) -> NDArray[np.float32]:
        codes, texts = texts_of(values)
        parts = np.zeros((len(texts) + 1, self.n_components), dtype=np.float32)
        if len(texts):
            parts[:-1] = self.encoder.transform(texts) / self.width
        # Missing values have code -1.
        return parts[codes]

    @property
    def n_numbers(self) -> int:
        return self.n_components + self.has_missing

    def write_numbers(self, values: pd.Series, numbers: NDArray[np.float32]) -> None:
        numbers[:, : self.n_components] = self._read(values)
        if self.has_missing:
            numbers[:, -1] = values.isna()

    def for_trees(self, values: pd.Series) -> dict[str, Any]:
        parts = self._read(values)
        parts[values.isna().to_numpy(dtype=bool)] = np.nan
        return {str(number): part for number, part in enumerate(parts.T)}
