"""What a training sees: features, encoded labels, trusted rows and weights."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import _safe_indexing
from torch import Tensor
from torch.utils.data import Dataset, Subset

from .._mapped import some_rows
from .._named_inputs import NamedInputs
from .._typing import IntArray
from ._batches import read_rows


@dataclass(frozen=True)
class TrainingData:
    """Rows to learn from, checked and encoded.

    Parameters
    ----------
    X : ndarray, MappedRows, csr_array, torch Dataset or NamedInputs
        A table (n_rows, n_features) of float32, dense or a CSR array, images (n_rows, n_channels,
        height, width) of uint8 or float32, a Dataset whose items are `(x, y)` with `x` a float
        tensor, or arrays by name of float32, uint8 or int64.
    y : ndarray of shape (n_rows,) of int64
        Given labels as codes 0, ..., n_classes - 1.
    n_classes : int
        Number of classes.
    trusted : ndarray of shape (n_rows,) of bool
        Rows whose label is known to be right.
    sample_weight : ndarray of shape (n_rows,) of float32, or None
        Weight of each row in the loss; None: all equal.
    numbers : ndarray of shape (n_rows,) of int, or None
        Which rows of the user's these are; None: all of them.
    table : ndarray, sparse matrix, DataFrame or None
        What a classifier that judges in place of a net, or beside one, learns from; None: there is
        none.
    groups : ndarray of shape (n_rows,) of int, or None
        Rows of one group are held out together.
    held_out : ndarray of int, default=empty
        Rows that no training of a method learns from, so that they tell what it knows.
    """

    X: Any
    y: np.ndarray
    n_classes: int
    trusted: np.ndarray
    sample_weight: np.ndarray | None = None
    numbers: np.ndarray | None = None
    table: Any = None
    groups: np.ndarray | None = None
    held_out: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def n_rows(self) -> int:
        return len(self.y)

    @property
    def is_dataset(self) -> bool:
        return isinstance(self.X, Dataset)

    @property
    def is_named(self) -> bool:
        return isinstance(self.X, NamedInputs)

    @property
    def is_image(self) -> bool:
        return self._is_one_array and self.X.ndim == 4

    @property
    def is_table(self) -> bool:
        return self._is_one_array and self.X.ndim == 2

    @property
    def _is_one_array(self) -> bool:
        return not (self.is_dataset or self.is_named)

    def trained_rows(self) -> IntArray:
        """Rows that a training may learn from: of positive weight, and not held out."""
        weights = self.sample_weight
        rows = np.arange(self.n_rows) if weights is None else np.flatnonzero(weights > 0)
        return np.setdiff1d(rows, self.held_out) if len(self.held_out) else rows

    def take(self, rows: IntArray) -> Self:
        """Return the data of some rows."""
        table = None if self.table is None else _safe_indexing(self.table, rows)
        if self.X is self.table:
            features = table
        else:
            features = Subset(self.X, rows.tolist()) if self.is_dataset else some_rows(self.X, rows)
        return replace(
            self,
            X=features,
            y=self.y[rows],
            trusted=self.trusted[rows],
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
            numbers=self.row_numbers(rows),
            table=table,
            groups=None if self.groups is None else self.groups[rows],
            held_out=np.empty(0, dtype=np.int64),
        )

    def row_numbers(self, rows: IntArray | Tensor) -> IntArray:
        """Return the numbers of some rows in what the user gave, for messages."""
        if isinstance(rows, torch.Tensor):
            rows = rows.cpu().numpy()
        return rows if self.numbers is None else self.numbers[rows]

    def read(self, rows: IntArray) -> Any:
        """Return the features of some rows as one array in memory, or as named inputs of arrays.

        Raises
        ------
        ValueError
            If a Dataset's rows differ in shape.
        """
        if not self.is_dataset:
            return read_rows(self.X, rows)
        features = [np.asarray(self.X[int(row)][0]) for row in rows]
        for row, each in zip(rows, features, strict=True):
            if each.shape != features[0].shape:
                first, other = self.row_numbers(np.array([rows[0], row]))
                raise ValueError(
                    "X is a Dataset whose items must be of one shape: row "
                    f"{first} is of shape {features[0].shape}, row {other} of shape {each.shape}."
                )
        return np.stack(features)

    def example(self) -> Any:
        """Features of the first row, for the sizes of a net."""
        return self.X[0][0] if self.is_dataset else self.read(np.zeros(1, dtype=int))[0]
