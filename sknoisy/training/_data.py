"""What a training sees: features, encoded labels, trusted rows and weights."""

from dataclasses import dataclass, replace

import numpy as np
from torch.utils.data import Dataset, Subset


@dataclass(frozen=True)
class TrainingData:
    """Rows to learn from, checked and encoded.

    Parameters
    ----------
    X : ndarray or torch Dataset
        A table (n_rows, n_features) of float32, images (n_rows, n_channels, height, width) of
        uint8 or float32, or a Dataset whose items are `(x, y)` with `x` a float tensor.
    y : ndarray of shape (n_rows,) of int64
        Given labels as codes 0, ..., n_classes - 1.
    n_classes : int
        Number of classes.
    trusted : ndarray of shape (n_rows,) of bool
        Rows whose label is known to be right.
    sample_weight : ndarray of shape (n_rows,) of float32, or None
        Weight of each row in the loss; None: all equal.
    """

    X: object
    y: np.ndarray
    n_classes: int
    trusted: np.ndarray
    sample_weight: np.ndarray | None = None

    @property
    def n_rows(self):
        return len(self.y)

    @property
    def is_dataset(self):
        return isinstance(self.X, Dataset)

    @property
    def is_image(self):
        return not self.is_dataset and self.X.ndim == 4

    def trained_rows(self):
        """Rows that a training may learn from: those of positive weight."""
        if self.sample_weight is None:
            return np.arange(self.n_rows)
        return np.flatnonzero(self.sample_weight > 0)

    def take(self, rows):
        """Return the data of some rows."""
        return replace(
            self,
            X=Subset(self.X, rows.tolist()) if self.is_dataset else self.X[rows],
            y=self.y[rows],
            trusted=self.trusted[rows],
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
        )

    def example(self):
        """Features of the first row, for the sizes of a net."""
        return self.X[0][0] if self.is_dataset else self.X[0]
