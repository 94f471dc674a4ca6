"""What the values of a case are made of."""

import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch


@dataclass
class Material:
    """Codes of classes, features and trusted rows, drawn from a seed, and a folder for files."""

    folder: str
    kind: str
    seed: int
    n_rows: int
    n_classes: int
    n_features: int
    side: int
    rng: np.random.Generator = field(init=False)
    codes: np.ndarray = field(init=False)
    trusted: np.ndarray = field(init=False)
    table: np.ndarray = field(init=False)
    images: np.ndarray = field(init=False)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.codes = self.rng.permutation(np.arange(self.n_rows) % self.n_classes)
        self.trusted = np.zeros(self.n_rows, dtype=bool)
        n_marked = int(self.rng.integers(2, 5))
        for code in np.unique(self.codes):
            self.trusted[np.flatnonzero(self.codes == code)[:n_marked]] = True
        shift = self.codes[:, None] % 7
        self.table = self.rng.normal(size=(self.n_rows, self.n_features)) + shift
        pixels = self.rng.random((self.n_rows, 3, self.side, self.side))
        self.images = 0.5 * pixels + 0.5 * (shift[:, :, None, None] % 2)

    def changed(self, place, value):
        table = self.table.copy()
        table[place] = value
        return table

    def rows(self):
        """Return the rows of a Dataset as float32 tensors."""
        features = self.images if self.kind == "image dataset" else self.table
        return torch.from_numpy(features.astype(np.float32))

    def pairs(self):
        return [(x, int(code)) for x, code in zip(self.rows(), self.codes, strict=True)]


def frame(table, columns=None):
    columns = [f"column {i}" for i in range(table.shape[1])] if columns is None else columns
    return pd.DataFrame(table, columns=columns)


def with_column(table, values, name="other"):
    return frame(table).assign(**{name: values})


def with_words(m):
    return with_column(m.table, np.where(m.table[:, 0] > 1, "high", "low"))


def with_words_and_gaps(m):
    table = with_words(m)
    table.iloc[1, 0] = None
    table.iloc[2, -1] = None
    return table


def mapped(m, array):
    path = os.path.join(m.folder, "X.npy")
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def as_bytes(images):
    return (255 * images).astype(np.uint8)


def names_of(m):
    animals = ["cat", "dog", "emu", "fox", *(f"animal {number}" for number in range(100))]
    return np.array(animals)[m.codes]
