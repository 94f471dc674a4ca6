"""Random cases for both estimators: each ends in a clear error or in a valid result.

A case is drawn from its number alone: kinds of X and y, a method, a net and parameters. Most are
ordinary; none, one or two dimensions of a case are odd. Parameters of methods come from the
signatures of their classes, so methods that are added later take part.

    python tests/random_cases.py --first 0 --n 3000 --n-jobs 2
    python tests/random_cases.py --show 17
"""

import os

# Before torch is imported: small nets gain nothing from more threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import contextlib
import inspect
import io
import linecache
import pathlib
import pickle
import random
import re
import signal
import sys
import tempfile
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context

import joblib
import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler
from skorch.exceptions import SkorchException
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

import sknoisy
from sknoisy import NoisyLabelDetector, RobustClassifier, exceptions
from sknoisy.methods import METHODS
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.tables import NumberEncoder

SEED = 20250101
MAX_SECONDS = 60
PACKAGE = os.path.dirname(sknoisy.__file__)
QUIET = {"train_split": None, "verbose": 0}
ODD_SHARES = {0: 0.3, 1: 0.45, 2: 0.25}
# How often a dimension is the odd one.
DIMENSIONS = {
    "n_rows": 1,
    "y": 4,
    "X": 6,
    "method": 5,
    "trusted": 3,
    "sample_weight": 3,
    "verdict": 3,
    "max_epochs": 1,
    "batch_size": 2,
    "lr": 2,
    "device": 1,
    "memory": 1,
    "random_state": 1,
    "verbose": 1,
    "net": 5,
    "final": 3,
}


# -- modules, nets and data sets that a user may bring -----------------------------------------


class OwnError(RuntimeError):
    """Raised by what the user brings; it isn't the package's to explain."""


class Linear(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.linear(X.flatten(1))


class Dropping(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(n_features, 8), nn.ReLU(), nn.Dropout(0.5)
        )
        self.head = nn.Linear(8, n_classes)

    def forward(self, X):
        return self.head(self.layers(X))


class Softmax(Linear):
    def forward(self, X):
        return super().forward(X).softmax(dim=1)


class LogSoftmax(Linear):
    def forward(self, X):
        return super().forward(X).log_softmax(dim=1)


class NoParameters(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.n_classes = n_classes

    def forward(self, X):
        return X.flatten(1).sum(dim=1, keepdim=True) * torch.arange(self.n_classes)


class Frozen(Linear):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.requires_grad_(False)


class PartlyFrozen(Dropping):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.layers.requires_grad_(False)


class TwoOutputs(Linear):
    def forward(self, X):
        return super().forward(X), X


class OneOutput(Linear):
    def __init__(self, n_features):
        super().__init__(n_features, 1)


class OneTooMany(Linear):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes + 1)


class Double(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes, dtype=torch.float64)

    def forward(self, X):
        return self.linear(X.flatten(1).double())


class BrainFloat(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes, dtype=torch.bfloat16)

    def forward(self, X):
        return self.linear(X.flatten(1).bfloat16())


class NotANumber(Linear):
    def forward(self, X):
        return super().forward(X) * torch.nan


class NotANumberInEvaluation(Linear):
    def forward(self, X):
        logits = super().forward(X)
        return logits if self.training else logits * torch.nan


class Infinite(Linear):
    def forward(self, X):
        return super().forward(X) / 0


class Lazy(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.linear = nn.LazyLinear(n_classes)

    def forward(self, X):
        return self.linear(X.flatten(1))


class WithoutLinear(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(n_features, n_classes) / n_features)

    def forward(self, X):
        return X.flatten(1) @ self.weights


class TwoInOne(Linear):
    """Its running statistics can't be computed on one row."""

    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.normalize = nn.BatchNorm1d(n_classes)

    def forward(self, X):
        return self.normalize(super().forward(X))


class TableAndCode(nn.Module):
    """Takes the entries of a dict: numbers, and codes up to two."""

    def __init__(self, n_classes):
        super().__init__()
        self.embedding = nn.Embedding(3, 4)
        self.numbers = nn.LazyLinear(4)
        self.head = nn.Linear(8, n_classes)

    def forward(self, table, code):
        return self.head(torch.cat([self.numbers(table), self.embedding(code)], dim=1))


class RaisesInConstructor(Linear):
    def __init__(self, n_features, n_classes):
        raise OwnError("no such net")


class RaisesInTraining(Linear):
    def forward(self, X):
        if self.training:
            raise OwnError("no training")
        return super().forward(X)


class RaisingCallback(Callback):
    def __init__(self, hook="on_epoch_end"):
        self.hook = hook

    def on_epoch_end(self, net, **kwargs):
        if self.hook == "on_epoch_end":
            raise OwnError("no second epoch")

    def on_train_end(self, net, **kwargs):
        if self.hook == "on_train_end":
            raise OwnError("no end")


class Listed(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


class WithTargets(Listed):
    @property
    def targets(self):
        return [label for _, label in self.items]


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(3), 0


class RaisesInFit(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise OwnError("no final fit")

    def predict(self, X):
        return np.zeros(len(X))


def skorch_net(module, **params):
    return NeuralNetClassifier(
        module, **QUIET | {"criterion": nn.CrossEntropyLoss, "lr": 0.05} | params
    )


def softmax_net(module=Softmax, **params):
    """Return a net with skorch's default criterion, for which modules return probabilities."""
    return NeuralNetClassifier(module, **QUIET | {"lr": 0.05} | params)


def small_table_net(**params):
    return TabularNet(module__n_units=8, **params)


def small_image_net(**params):
    return VisionNet(module__depth=10, module__width=2, **params)


def fitted_net():
    X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    net = skorch_net(Linear, module__n_features=3, module__n_classes=2, max_epochs=1)
    with seeded_torch():
        return net.fit(X, np.arange(8) % 2)


@contextlib.contextmanager
def seeded_torch():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@contextlib.contextmanager
def seeded_numpy(seed):
    """Seed what random_state=None draws from, so that a case follows from its number."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


# -- pools: label -> function of the material --------------------------------------------------


@dataclass
class Material:
    """What values are made of."""

    rng: np.random.Generator
    folder: str
    kind: str
    n_rows: int
    n_classes: int
    n_features: int
    side: int
    codes: np.ndarray = None
    trusted: np.ndarray = None
    table: np.ndarray = None
    images: np.ndarray = None

    def draw_features(self):
        shift = self.codes[:, None] % 7
        self.table = self.rng.normal(size=(self.n_rows, self.n_features)) + shift
        pixels = self.rng.random((self.n_rows, 3, self.side, self.side))
        self.images = 0.5 * pixels + 0.5 * (shift[:, :, None, None] % 2)

    def draw_trusted(self):
        """Mark two to four rows of each class."""
        self.trusted = np.zeros(self.n_rows, dtype=bool)
        n_marked = int(self.rng.integers(2, 5))
        for code in np.unique(self.codes):
            self.trusted[np.flatnonzero(self.codes == code)[:n_marked]] = True

    def changed(self, place, value):
        table = self.table.copy()
        table[place] = value
        return table

    def rows(self):
        """Return the rows of a Dataset as float32 tensors."""
        features = self.images if self.side_by_side else self.table
        return torch.from_numpy(features.astype(np.float32))

    @property
    def side_by_side(self):
        return self.kind == "image dataset"

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


ORDINARY_TABLES = {
    "float64": lambda m: m.table,
    "float32": lambda m: m.table.astype(np.float32),
    "float16": lambda m: m.table.astype(np.float16),
    "int64": lambda m: (10 * m.table).astype(np.int64),
    "uint8": lambda m: (10 * m.table).clip(0, 255).astype(np.uint8),
    "bool": lambda m: m.table > 0,
    "lists": lambda m: m.table.tolist(),
    "list of arrays": lambda m: list(m.table),
    "numbers as objects": lambda m: m.table.astype(object),
    "DataFrame": lambda m: frame(m.table),
    "DataFrame, numbered columns": lambda m: frame(m.table, range(m.n_features)),
    "DataFrame, repeated index": lambda m: frame(m.table).set_index(np.arange(m.n_rows) // 2),
    "DataFrame, string index": lambda m: frame(m.table).set_index(
        pd.Index([f"row {i}" for i in range(m.n_rows)], name="key")
    ),
    "DataFrame, nullable": lambda m: frame(m.table).astype("Float64"),
    "DataFrame of several dtypes": lambda m: with_column(m.table, m.table[:, 0] > 0),
    "Fortran order": lambda m: np.asfortranarray(m.table),
    "negative strides": lambda m: m.table[:, ::-1],
    "rows backwards": lambda m: m.table[::-1].copy()[::-1],
    "read-only": lambda m: read_only(m.table),
    "read-only float32": lambda m: read_only(m.table.astype(np.float32)),
    "memory-mapped": lambda m: mapped(m, m.table),
    "memory-mapped float32": lambda m: mapped(m, m.table.astype(np.float32)),
    "tensor": lambda m: torch.from_numpy(m.table).float(),
    "float16 tensor": lambda m: torch.from_numpy(m.table).half(),
    "one feature": lambda m: m.table[:, :1],
    "a constant feature": lambda m: m.changed((slice(None), 0), 7.0),
    "big endian": lambda m: m.table.astype(">f8"),
}
# What isn't numbers alone. Final estimators need a pipeline for it.
MESSY_TABLES = {
    "NaN": lambda m: m.changed((-1, 0), np.nan),
    "datetime64": lambda m: (1000 * m.table).astype("datetime64[s]"),
    "timedelta64": lambda m: (1000 * m.table).astype("timedelta64[s]"),
    "None among numbers": lambda m: np.where(m.table > 0, m.table, None),
    "objects": lambda m: with_words(m).to_numpy(dtype=object),
    "lists with words": lambda m: with_words(m).to_numpy(dtype=object).tolist(),
    "array of words and numbers": lambda m: with_words(m).to_numpy(dtype=str),
    "csr_matrix": lambda m: sparse.csr_matrix(m.table),
    "csr_array": lambda m: sparse.csr_array(np.where(m.table > 0, m.table, 0)),
    "csc_array": lambda m: sparse.csc_array(np.where(m.table > 0, m.table, 0)),
    "coo_array": lambda m: sparse.coo_array(m.table),
    "csr_array with NaN": lambda m: sparse.csr_array(m.changed((-1, 0), np.nan)),
    "tensor with NaN": lambda m: torch.from_numpy(m.changed((-1, 0), np.nan)),
    "DataFrame with strings": with_words_and_gaps,
    "DataFrame with one string": lambda m: with_column(m.table, "word"),
    "DataFrame with NaN": lambda m: frame(m.changed((-1, 0), np.nan)),
    "DataFrame with a column of NaN": lambda m: with_column(m.table, np.nan),
    "DataFrame with dates": lambda m: with_column(
        m.table, pd.Timestamp("2020-01-01") + pd.to_timedelta(10 * m.table[:, 0], unit="D")
    ),
    "DataFrame with one date": lambda m: with_column(m.table, pd.Timestamp("2020-01-01")),
    "DataFrame, NA among nullables": lambda m: frame(m.changed((-1, 0), np.nan)).astype("Float64"),
    "DataFrame with categories": lambda m: with_column(
        m.table, pd.Categorical(["u", "v"] * m.n_rows)[: m.n_rows]
    ),
    "DataFrame with numeric categories": lambda m: with_column(
        m.table, pd.Categorical([1, 2] * m.n_rows)[: m.n_rows]
    ),
    "DataFrame with names": lambda m: with_column(m.table, [f"name {i}" for i in range(m.n_rows)]),
    "DataFrame, sparse columns": lambda m: frame(m.table).astype(pd.SparseDtype(float, 0.0)),
}
if find_spec("polars"):
    import polars

    MESSY_TABLES |= {
        "polars": lambda m: polars.DataFrame({f"{i}": each for i, each in enumerate(m.table.T)}),
        "polars with strings": lambda m: polars.DataFrame(
            {name: each.tolist() for name, each in with_words(m).items()}
        ),
    }
ORDINARY_TABLES |= MESSY_TABLES
ODD_TABLES = {
    "all features constant": lambda m: np.ones_like(m.table),
    "3e38": lambda m: m.table * 3e37,
    "a value of 3e38": lambda m: m.changed((-1, 0), 3e38),
    "1e300": lambda m: m.changed((-1, 0), 1e300),
    "1e20": lambda m: m.table * 1e20,
    "1e-30": lambda m: m.table * 1e-30,
    "1e-300": lambda m: m.table * 1e-300,
    "infinity": lambda m: m.changed((-1, 0), -np.inf),
    "complex": lambda m: m.table + 1j,
    "strings": lambda m: m.table.astype(str),
    "words": lambda m: np.full(m.table.shape, "word"),
    "words as objects": lambda m: np.full(m.table.shape, "word", dtype=object),
    "bfloat16 tensor": lambda m: torch.from_numpy(m.table).bfloat16(),
    "sparse tensor": lambda m: torch.from_numpy(m.table).to_sparse(),
    "sparse csr tensor": lambda m: torch.from_numpy(m.table).to_sparse_csr(),
    "complex tensor": lambda m: torch.from_numpy(m.table + 1j),
    "meta tensor": lambda m: torch.empty(m.table.shape, device="meta"),
    "tensor with gradient": lambda m: torch.from_numpy(m.table).requires_grad_(),
    "DataFrame, repeated columns": lambda m: frame(m.table, ["same"] * m.n_features),
    "DataFrame, columns of two types": lambda m: frame(m.table, ["name", *range(1, m.n_features)]),
    "DataFrame, columns of two levels": lambda m: frame(
        m.table, pd.MultiIndex.from_product([["upper"], range(m.n_features)])
    ),
    "DataFrame without rows": lambda m: frame(m.table[:0]),
    "Series": lambda m: pd.Series(m.table[:, 0]),
    "one dimension": lambda m: m.table[:, 0],
    "a number": lambda m: np.array(3.0),
    "five dimensions": lambda m: m.table[:, :, None, None, None],
    "no rows": lambda m: m.table[:0],
    "one row": lambda m: m.table[:1],
    "no features": lambda m: m.table[:, :0],
    "ragged lists": lambda m: [row[: 1 + i % 2] for i, row in enumerate(m.table.tolist())],
    "empty list": lambda m: [],
    "structured": lambda m: np.zeros(m.n_rows, dtype=[("a", float), ("b", float)]),
    "matrix": lambda m: np.asmatrix(m.table),
    "masked array": lambda m: np.ma.masked_array(m.table, m.table > 1),
    "None": lambda m: None,
    "text": lambda m: "table.csv",
    "dict": lambda m: {"a": m.table[:, 0]},
    "generator": lambda m: (row for row in m.table),
    "bytes": lambda m: np.full(m.table.shape, b"word"),
    "long double": lambda m: m.table.astype(np.longdouble),
}
ORDINARY_IMAGES = {
    "bytes NCHW": lambda m: as_bytes(m.images),
    "bytes NHWC": lambda m: as_bytes(np.moveaxis(m.images, 1, 3)),
    "bytes NHW": lambda m: as_bytes(m.images[:, 0]),
    "float NCHW": lambda m: m.images.astype(np.float32),
    "float NHWC": lambda m: np.moveaxis(m.images, 1, 3),
    "float NHW": lambda m: m.images[:, 0],
    "read-only bytes": lambda m: read_only(as_bytes(m.images)),
    "memory-mapped bytes": lambda m: mapped(m, as_bytes(m.images)),
    "memory-mapped float": lambda m: mapped(m, m.images.astype(np.float32)),
    "tensor": lambda m: torch.from_numpy(m.images).float(),
    "byte tensor": lambda m: torch.from_numpy(as_bytes(m.images)),
    "int64": lambda m: as_bytes(m.images).astype(np.int64),
    "Fortran order": lambda m: np.asfortranarray(as_bytes(m.images)),
    "oblong": lambda m: as_bytes(m.images[:, :, :, :-1]),
    "four channels": lambda m: as_bytes(np.concatenate([m.images, m.images[:, :1]], axis=1)),
}
ODD_IMAGES = {
    "bool": lambda m: m.images > 0.5,
    "float16": lambda m: m.images.astype(np.float16),
    "lists": lambda m: m.images[:, 0].tolist(),
    "two channels": lambda m: as_bytes(m.images[:, :2]),
    "values of 300": lambda m: np.full(m.images.shape, 300),
    "negative integers": lambda m: as_bytes(m.images).astype(int) - 1,
    "floats to 255": lambda m: 255 * m.images,
    "negative floats": lambda m: m.images - 0.5,
    "NaN": lambda m: np.where(m.images > 0.9, np.nan, m.images),
    "infinity": lambda m: np.where(m.images > 0.9, np.inf, m.images),
    "3e38": lambda m: m.images * 3e38,
    "1e300": lambda m: m.images * 1e300,
    "one pixel": lambda m: as_bytes(m.images[:, :, :1, :1]),
    "two pixels": lambda m: as_bytes(m.images[:, :, :2, :1]),
    "no pixels": lambda m: as_bytes(m.images[:, :, :0]),
    "no images": lambda m: as_bytes(m.images[:0]),
    "black": lambda m: np.zeros_like(as_bytes(m.images)),
    "complex": lambda m: m.images + 1j,
    "strings": lambda m: m.images[:, 0].astype(str),
    "objects": lambda m: m.images.astype(object),
    "datetime64": lambda m: as_bytes(m.images).astype("datetime64[s]"),
    "bfloat16 tensor": lambda m: torch.from_numpy(m.images).bfloat16(),
    "sparse tensor": lambda m: torch.from_numpy(m.images).to_sparse(),
    "masked array": lambda m: np.ma.masked_array(m.images, m.images > 0.9),
    "five dimensions": lambda m: m.images[:, None],
}
ORDINARY_DATASETS = {
    "TensorDataset": lambda m: TensorDataset(m.rows(), torch.from_numpy(m.codes)),
    "pairs": lambda m: Listed(m.pairs()),
    "with targets": lambda m: WithTargets(m.pairs()),
    "Subset": lambda m: Subset(Listed(m.pairs() * 2), range(m.n_rows)),
    "pairs of arrays": lambda m: Listed([(x.numpy(), y) for x, y in m.pairs()]),
    "labels as tensors": lambda m: Listed([(x, torch.tensor(y)) for x, y in m.pairs()]),
    "pairs as lists": lambda m: Listed([[x, y] for x, y in m.pairs()]),
}
ODD_DATASETS = {
    "float64": lambda m: Listed([(x.double(), y) for x, y in m.pairs()]),
    "float16": lambda m: Listed([(x.half(), y) for x, y in m.pairs()]),
    "bytes": lambda m: Listed([(x.clamp(0, 1).mul(255).byte(), y) for x, y in m.pairs()]),
    "integers": lambda m: Listed([(x.long(), y) for x, y in m.pairs()]),
    "complex": lambda m: Listed([(x + 1j, y) for x, y in m.pairs()]),
    "bool": lambda m: Listed([(x > 0, y) for x, y in m.pairs()]),
    "NaN in a row": lambda m: Listed(
        [(x * np.nan if i == 3 else x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "infinity in a row": lambda m: Listed(
        [(x / 0 if i == 3 else x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "1e30": lambda m: Listed([(x * 1e30, y) for x, y in m.pairs()]),
    "ragged": lambda m: Listed(
        [(x[..., :-1] if i == 3 else x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "ragged dtypes": lambda m: Listed(
        [(x.double() if i == 3 else x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "a row that is None": lambda m: Listed(
        [(None if i == 3 else x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "a row that is no pair": lambda m: Listed(
        [x if i == 3 else (x, y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "three per item": lambda m: Listed([(x, y, y) for x, y in m.pairs()]),
    "no pairs": lambda m: Listed([x for x, _ in m.pairs()]),
    "texts": lambda m: Listed([("pixels", y) for _, y in m.pairs()]),
    "scalars": lambda m: Listed([(x.flatten()[0], y) for x, y in m.pairs()]),
    "labels of shape (1,)": lambda m: Listed([(x, torch.tensor([y])) for x, y in m.pairs()]),
    "one-hot labels": lambda m: Listed([(x, torch.eye(40)[y]) for x, y in m.pairs()]),
    "missing label": lambda m: Listed(
        [(x, None if i == 3 else y) for i, (x, y) in enumerate(m.pairs())]
    ),
    "string labels": lambda m: Listed([(x, f"class {y}") for x, y in m.pairs()]),
    "float labels": lambda m: Listed([(x, float(y)) for x, y in m.pairs()]),
    "labels of NaN": lambda m: Listed([(x, np.nan) for x, _ in m.pairs()]),
    "wrong number of targets": lambda m: _with_too_few_targets(m),
    "empty": lambda m: Listed([]),
    "endless": lambda m: Endless(),
    "no columns": lambda m: Listed([(x.flatten()[:0], y) for x, y in m.pairs()]),
}


def _with_too_few_targets(m):
    dataset = Listed(m.pairs())
    dataset.targets = m.codes[:-1]
    return dataset


ORDINARY_DICTS = {
    "arrays": lambda m: {"table": m.table, "code": m.codes % 3},
    "of other types": lambda m: {
        "code": (m.codes % 3).astype(np.uint8),
        "table": m.table.astype(np.float16),
    },
    "tensors": lambda m: {
        "table": torch.from_numpy(m.table),
        "code": torch.from_numpy(m.codes % 3),
    },
    "lists": lambda m: {"table": m.table.tolist(), "code": (m.codes % 3).tolist()},
    "frame and Series": lambda m: {"table": frame(m.table), "code": pd.Series(m.codes % 3)},
    "memory-mapped": lambda m: {"table": mapped(m, m.table), "code": m.codes % 3},
    "read-only": lambda m: {"table": read_only(m.table), "code": m.codes % 3},
}
ODD_DICTS = {
    "another length": lambda m: {"table": m.table[1:], "code": m.codes % 3},
    "both short": lambda m: {"table": m.table[1:], "code": m.codes[1:] % 3},
    "no rows": lambda m: {"table": m.table[:0], "code": m.codes[:0]},
    "no entries": lambda m: {},
    "one too few": lambda m: {"table": m.table},
    "one too many": lambda m: {"table": m.table, "code": m.codes % 3, "more": m.table},
    "NaN": lambda m: {"table": m.changed((-1, 0), np.nan), "code": m.codes % 3},
    "words": lambda m: {"table": m.table.astype(str), "code": m.codes % 3},
    "objects": lambda m: {"table": m.table, "code": _names(m)},
    "floats as codes": lambda m: {"table": m.table, "code": (m.codes % 3).astype(float)},
    "codes beyond the embedding": lambda m: {"table": m.table, "code": m.codes + 1000},
    "a number": lambda m: {"table": m.table, "code": 3},
    "None": lambda m: {"table": m.table, "code": None},
    "numbers as names": lambda m: {0: m.table, 1: m.codes % 3},
    "sparse": lambda m: {"table": sparse.csr_array(m.table), "code": m.codes % 3},
    "ragged": lambda m: {"table": [[1.0], [1.0, 2.0]], "code": m.codes % 3},
    "no columns": lambda m: {"table": m.table[:, :0], "code": m.codes % 3},
    "complex": lambda m: {"table": m.table + 1j, "code": m.codes % 3},
    "1e300": lambda m: {"table": m.changed((-1, 0), 1e300), "code": m.codes % 3},
}
NETS_OF_DICTS = {
    "module of a dict": lambda m: TableAndCode,
    "skorch of a dict": lambda m: skorch_net(TableAndCode),
    "train_split of a dict": lambda m: NeuralNetClassifier(
        TableAndCode, criterion=nn.CrossEntropyLoss, verbose=0
    ),
    "masking of a dict": lambda m: TabularNet(
        TableAndCode, weak_view="noise", strong_view="masking"
    ),
}


FEATURES = {
    "table": (ORDINARY_TABLES, ODD_TABLES),
    "images": (ORDINARY_IMAGES, ODD_IMAGES),
    "dataset": (ORDINARY_DATASETS, ODD_DATASETS),
    "image dataset": (ORDINARY_DATASETS, ODD_DATASETS),
}


def _names(m):
    return np.array(["cat", "dog", "emu", "fox", *(f"animal {i}" for i in range(100))])[m.codes]


def _with_label(m, value, dtype=float, row=3):
    labels = m.codes.astype(dtype)
    labels[row] = value
    return labels


def _with_name(m, value, row=3):
    names = _names(m).astype(object)
    names[row] = value
    return names


ORDINARY_LABELS = {
    "int64": lambda m: m.codes,
    "int32": lambda m: m.codes.astype(np.int32),
    "uint8": lambda m: m.codes.astype(np.uint8),
    "negative": lambda m: m.codes - 2,
    "far apart": lambda m: (m.codes - 1) * 10**15,
    "floats": lambda m: m.codes.astype(float),
    "float32": lambda m: 1 + m.codes.astype(np.float32),
    "strings": _names,
    "strings as objects": lambda m: _names(m).astype(object),
    "integers as objects": lambda m: m.codes.astype(object),
    "booleans": lambda m: m.codes > 0,
    "booleans as objects": lambda m: (m.codes > 0).astype(object),
    "list": lambda m: m.codes.tolist(),
    "list of strings": lambda m: _names(m).tolist(),
    "Series": lambda m: pd.Series(m.codes, name="label"),
    "Series, own index": lambda m: pd.Series(m.codes, index=np.arange(m.n_rows) + 100),
    "Series of strings": lambda m: pd.Series(_names(m)),
    "string dtype": lambda m: pd.Series(_names(m)).astype("string"),
    "Categorical": lambda m: pd.Categorical(_names(m)),
    "Series of categories": lambda m: pd.Series(_names(m)).astype("category"),
    "categories of integers": lambda m: pd.Series(m.codes).astype("category"),
    "unused categories": lambda m: pd.Series(
        pd.Categorical(_names(m), categories=["yak", *sorted(set(_names(m)))])
    ),
    "nullable integers": lambda m: pd.Series(m.codes).astype("Int64"),
    "nullable booleans": lambda m: pd.Series(m.codes > 0).astype("boolean"),
    "tensor": lambda m: torch.from_numpy(m.codes),
    "read-only": lambda m: read_only(m.codes),
    "column": lambda m: m.codes[:, None],
    "DataFrame of one column": lambda m: pd.DataFrame({"label": m.codes}),
}
ODD_LABELS = {
    "30 classes": lambda m: m.codes,
    "one class": lambda m: np.zeros_like(m.codes),
    "one class of strings": lambda m: np.full(m.n_rows, "cat"),
    "a class with one row": lambda m: _with_label(m, 50, int),
    "a class with two rows": lambda m: _with_label(m, 50, int, row=[3, 4]),
    "each row its own class": lambda m: np.arange(m.n_rows),
    "NaN": lambda m: _with_label(m, np.nan),
    "infinity": lambda m: _with_label(m, np.inf),
    "None": lambda m: _with_label(m, None, object),
    "NaN among strings": lambda m: np.where(
        np.arange(m.n_rows) == 3, np.nan, _names(m).astype("O")
    ),
    "NA": lambda m: pd.Series(m.codes).astype("Int64").where(np.arange(m.n_rows) != 3),
    "NA among strings": lambda m: pd.Series(_names(m), dtype="string").where(m.codes > 0),
    "NA among booleans": lambda m: pd.Series(m.codes > 0).astype("boolean").where(m.codes > 0),
    "missing category": lambda m: pd.Series(_names(m)).astype("category").where(m.codes > 0),
    "all NaN": lambda m: np.full(m.n_rows, np.nan),
    "too short": lambda m: m.codes[:-1],
    "too long": lambda m: np.append(m.codes, 0),
    "empty": lambda m: m.codes[:0],
    "continuous": lambda m: m.rng.normal(size=m.n_rows),
    "one-hot": lambda m: np.eye(m.codes.max() + 1)[m.codes],
    "one-hot DataFrame": lambda m: pd.get_dummies(pd.Series(m.codes)),
    "strings and integers": lambda m: np.where(m.codes > 0, "cat", m.codes.astype(object)),
    "booleans and integers": lambda m: np.array(
        [True if code else 0 for code in m.codes], dtype=object
    ),
    "None itself": lambda m: None,
    "byte strings": lambda m: _names(m).astype("S"),
    "complex": lambda m: m.codes + 1j,
    "datetime64": lambda m: m.codes.astype("datetime64[D]"),
    "timedelta64": lambda m: m.codes.astype("timedelta64[D]"),
    "dates": lambda m: pd.Series(pd.to_datetime(m.codes, unit="D")),
    "tuples": lambda m: _objects([(int(code),) for code in m.codes]),
    "sets": lambda m: _objects([{int(code)} for code in m.codes]),
    "decimals": lambda m: _objects([Decimal(int(code)) for code in m.codes]),
    "fractions": lambda m: _objects([Fraction(int(code), 2) for code in m.codes]),
    "huge integers as objects": lambda m: _objects([10**30 + int(code) for code in m.codes]),
    "intervals": lambda m: pd.cut(pd.Series(m.codes), 2),
    "a number": lambda m: 1,
    "text": lambda m: "label",
    "dict": lambda m: {0: "cat", 1: "dog"},
    "sparse": lambda m: sparse.csr_matrix(m.codes[:, None]),
    "float16": lambda m: m.codes.astype(np.float16),
    "uint64": lambda m: m.codes.astype(np.uint64) + np.uint64(2**63),
    "empty strings": lambda m: np.where(m.codes > 0, _names(m), ""),
    "structured": lambda m: np.zeros(m.n_rows, dtype=[("a", int)]),
    "masked array": lambda m: np.ma.masked_array(m.codes, np.arange(m.n_rows) == 3),
    "three dimensions": lambda m: m.codes[:, None, None],
    "row": lambda m: m.codes[None],
    "tensor with gradient": lambda m: torch.from_numpy(m.codes).float().requires_grad_(),
}


def _objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _first_of_each_class(m):
    return np.isin(np.arange(m.n_rows), np.unique(m.codes, return_index=True)[1])


ORDINARY_TRUSTED = {
    "mask": lambda m: m.trusted,
    "list of 0 and 1": lambda m: m.trusted.astype(int).tolist(),
    "list": lambda m: m.trusted.tolist(),
    "Series": lambda m: pd.Series(m.trusted),
    "floats of 0 and 1": lambda m: m.trusted.astype(float),
    "nullable": lambda m: pd.Series(m.trusted).astype("boolean"),
    "tensor": lambda m: torch.from_numpy(m.trusted),
    "objects": lambda m: m.trusted.astype(object),
}
ODD_TRUSTED = {
    "no row": lambda m: np.zeros(m.n_rows, dtype=bool),
    "all rows": lambda m: np.ones(m.n_rows, dtype=bool),
    "all but one": lambda m: np.arange(m.n_rows) != 5,
    "one per class": lambda m: np.isin(
        np.arange(m.n_rows), np.unique(m.codes, return_index=True)[1]
    ),
    "missing class": lambda m: m.trusted & (m.codes > 0),
    "one row": lambda m: np.arange(m.n_rows) == 1,
    "too short": lambda m: m.trusted[:-1],
    "too long": lambda m: np.append(m.trusted, True),
    "empty": lambda m: [],
    "row numbers": lambda m: np.flatnonzero(m.trusted),
    "NaN": lambda m: np.where(m.trusted, 1.0, np.nan),
    "None": lambda m: np.where(m.trusted, True, None),
    "NA": lambda m: pd.Series(m.trusted).astype("boolean").where(m.trusted),
    "shares": lambda m: m.trusted * 0.5,
    "column": lambda m: m.trusted[:, None],
    "DataFrame": lambda m: pd.DataFrame({"trusted": m.trusted}),
    "strings": lambda m: np.where(m.trusted, "yes", "no"),
    "strings True and False": lambda m: m.trusted.astype(str),
    "True": lambda m: True,
    "text": lambda m: "auto",
    "dict": lambda m: {"rows": m.trusted},
    "sparse": lambda m: sparse.csr_matrix(m.trusted[:, None]),
    "complex": lambda m: m.trusted.astype(complex),
    "dates": lambda m: m.trusted.astype("datetime64[s]"),
    "ragged": lambda m: [[1], [0, 1]] * (m.n_rows // 2),
}


def _weights_with(m, value, row=3):
    weights = np.ones(m.n_rows)
    weights[row] = value
    return weights


ORDINARY_WEIGHTS = {
    "random": lambda m: m.rng.uniform(0.5, 2, m.n_rows),
    "float32": lambda m: m.rng.uniform(0.5, 2, m.n_rows).astype(np.float32),
    "list": lambda m: m.rng.uniform(0.5, 2, m.n_rows).tolist(),
    "Series": lambda m: pd.Series(m.rng.uniform(0.5, 2, m.n_rows)),
    "integers": lambda m: m.rng.integers(1, 4, m.n_rows),
    "tensor": lambda m: torch.from_numpy(m.rng.uniform(0.5, 2, m.n_rows)),
    "read-only": lambda m: read_only(m.rng.uniform(0.5, 2, m.n_rows)),
    "a zero": lambda m: _weights_with(m, 0.0, row=-1),
}
ODD_WEIGHTS = {
    "all zero": lambda m: np.zeros(m.n_rows),
    "half zero": lambda m: np.where(np.arange(m.n_rows) < m.n_rows // 2, 0.0, 1.0),
    "zero for a class": lambda m: (m.codes > 0).astype(float),
    "one row per class": lambda m: _first_of_each_class(m).astype(float),
    "two rows per class": lambda m: (
        np.array([np.sum(m.codes[:i] == m.codes[i]) for i in range(m.n_rows)]) < 2
    ).astype(float),
    "zero but for trusted rows": lambda m: m.trusted.astype(float),
    "zero for trusted rows": lambda m: (~m.trusted).astype(float),
    "booleans": lambda m: np.arange(m.n_rows) % 5 > 0,
    "negative": lambda m: _weights_with(m, -1),
    "NaN": lambda m: _weights_with(m, np.nan),
    "infinity": lambda m: _weights_with(m, np.inf),
    "1e-300": lambda m: np.full(m.n_rows, 1e-300),
    "a weight of 1e-300": lambda m: _weights_with(m, 1e-300),
    "1e-40": lambda m: np.full(m.n_rows, 1e-40),
    "1e-30": lambda m: np.full(m.n_rows, 1e-30),
    "a class of 1e-50": lambda m: np.where(m.codes > 0, 1.0, 1e-50),
    "1e30": lambda m: np.full(m.n_rows, 1e30),
    "3e38": lambda m: np.full(m.n_rows, 3e38),
    "1e300": lambda m: np.full(m.n_rows, 1e300),
    "a weight of 1e30": lambda m: _weights_with(m, 1e30),
    "too short": lambda m: np.ones(m.n_rows - 1),
    "column": lambda m: np.ones((m.n_rows, 1)),
    "empty": lambda m: [],
    "a number": lambda m: 1.0,
    "text": lambda m: "balanced",
    "strings": lambda m: ["heavy"] * m.n_rows,
    "numbers as strings": lambda m: ["1.5"] * m.n_rows,
    "complex": lambda m: np.ones(m.n_rows) + 1j,
    "None inside": lambda m: [None, *[1.0] * (m.n_rows - 1)],
    "NA": lambda m: pd.Series(np.ones(m.n_rows)).astype("Float64").where(m.codes > 0),
    "dates": lambda m: np.ones(m.n_rows).astype("datetime64[s]"),
    "dict": lambda m: {0: 1.0},
    "sparse": lambda m: sparse.csr_matrix(np.ones((m.n_rows, 1))),
    "ragged": lambda m: [[1.0], [1.0, 2.0]] * (m.n_rows // 2),
}

ORDINARY_VERDICTS = {
    "auto": lambda m: {},
    "threshold": lambda m: {"threshold": float(m.rng.uniform(0.05, 0.95))},
    "float32 threshold": lambda m: {"threshold": np.float32(0.5)},
    "contamination": lambda m: {"contamination": float(m.rng.uniform(0.05, 0.6))},
    "float32 contamination": lambda m: {"contamination": np.float32(0.25)},
}
BAD_SHARES = {
    "0": 0,
    "1": 1,
    "1.0": 1.0,
    "-0.1": -0.1,
    "NaN": np.nan,
    "text": "low",
    "True": True,
    "numpy True": np.True_,
    "0-d array": np.array(0.4),
    "array of one": np.array([0.4]),
    "array of two": np.array([0.2, 0.4]),
    "array of texts": np.array(["auto", "auto"]),
    "list": [0.4],
    "fraction": Fraction(1, 3),
    "decimal": Decimal("0.3"),
    "complex": 0.5 + 0j,
    "numpy complex": np.complex64(0.5),
    "tensor": torch.tensor(0.4),
    "NA": pd.NA,
    "Series": pd.Series([0.2, 0.4]),
    "1e-9": 1e-9,
    "1e-320": 1e-320,
    "0.999999": 0.999999,
    "np.nextafter(1, 0)": np.nextafter(1, 0),
    "float16": np.float16(0.3),
    "0.98": 0.98,
    "0.5": 0.5,
}
ODD_VERDICTS = {
    **{f"threshold {k}": lambda m, v=v: {"threshold": v} for k, v in BAD_SHARES.items()},
    **{f"contamination {k}": lambda m, v=v: {"contamination": v} for k, v in BAD_SHARES.items()},
    "threshold None": lambda m: {"threshold": None},
    "both": lambda m: {"threshold": 0.5, "contamination": 0.1},
    "contamination auto": lambda m: {"contamination": "auto"},
}

VALUES = {
    "n_rows": (
        {},
        {"two per class": "two", "three per class": "three", "one class short": "short"},
    ),
    "max_epochs": (
        {"1": 1, "2": 2, "3": 3, "int64": np.int64(2), "uint8": np.uint8(2)},
        {
            "0": 0,
            "-1": -1,
            "2.0": 2.0,
            "NaN": np.nan,
            "text": "2",
            "True": True,
            "list": [2],
            "array": np.array(2),
            "array of two": np.array([1, 2]),
            "infinity": np.inf,
            "tensor": torch.tensor(2),
        },
    ),
    "batch_size": (
        {"None": None, "8": 8, "16": 16, "32": 32, "1000": 1000, "int32": np.int32(16), "7": 7},
        {
            "1": 1,
            "2": 2,
            "3": 3,
            "uint8": np.uint8(200),
            "int8": np.int8(10),
            "0": 0,
            "-1": -1,
            "1.5": 1.5,
            "16.0": 16.0,
            "text": "all",
            "NaN": np.nan,
            "True": True,
            "10**12": 10**12,
            "10**30": 10**30,
            "array": np.array([8, 8]),
        },
    ),
    "lr": (
        {"None": None, "0.01": 0.01, "0.001": 0.001, "float32": np.float32(0.01), "0.1": 0.1},
        {
            "1e30": 1e30,
            "1e38": 1e38,
            "1e300": 1e300,
            "1e5": 1e5,
            "1e-30": 1e-30,
            "1e-300": 1e-300,
            "0": 0,
            "-1": -1,
            "NaN": np.nan,
            "infinity": np.inf,
            "text": "fast",
            "True": True,
            "1": 1,
            "array": np.array(0.1),
            "array of two": np.array([0.1, 0.2]),
            "list": [0.1],
            "fraction": Fraction(1, 100),
            "decimal": Decimal("0.01"),
            "tensor": torch.tensor(0.01),
        },
    ),
    "device": (
        {"cpu": "cpu", "auto": "auto"},
        {
            "meta": "meta",
            "nonsense": "toaster",
            "empty": "",
            "None": None,
            "0": 0,
            "1.5": 1.5,
            "cuda:99": "cuda:99",
            "cpu:0": "cpu:0",
            "cpu:3": "cpu:3",
            "xla": "xla",
            "vulkan": "vulkan",
            "torch.device": torch.device("cpu"),
            "bytes": b"cpu",
            "list": ["cpu"],
            "array": np.array(["auto", "cpu"]),
            "upper case": "CPU",
        },
    ),
    "random_state": (
        {"0": 0, "3": 3, "None": None, "int64": np.int64(3), "uint8": np.uint8(200), "big": 2**31},
        {
            "-1": -1,
            "2**32": 2**32,
            "2**32 - 1": 2**32 - 1,
            "2**70": 2**70,
            "int64 -1": np.int64(-1),
            "1.5": 1.5,
            "NaN": np.nan,
            "text": "lucky",
            "True": True,
            "list": [1],
            "array": np.array(3),
            "array of two": np.array([3, 4]),
            "numpy.random": np.random,
            "class": np.random.RandomState,
        },
    ),
    "verbose": (
        {"0": 0},
        {
            "-1": -1,
            "1": 1,
            "2": 2,
            "5": 5,
            "True": True,
            "None": None,
            "text": "loud",
            "1.5": 1.5,
            "NaN": np.nan,
            "list": [],
            "int64": np.int64(1),
            "array": np.array([1, 2]),
        },
    ),
}
# Made anew for each case, since they are used up or hold files.
MADE = {
    "random_state": (
        {"RandomState": lambda m: np.random.RandomState(3)},
        {"Generator": lambda m: np.random.default_rng(3)},
    ),
    "memory": (
        {"None": lambda m: None},
        {
            "folder": lambda m: os.path.join(m.folder, "cache"),
            "Memory": lambda m: joblib.Memory(os.path.join(m.folder, "cache"), verbose=0),
            "Path": lambda m: pathlib.Path(m.folder) / "cache",
            "deep folder": lambda m: os.path.join(m.folder, "a", "b", "c"),
            "Memory of None": lambda m: joblib.Memory(None),
            "a file": lambda m: _file_in(m.folder),
            "in a file": lambda m: os.path.join(_file_in(m.folder), "cache"),
            "a number": lambda m: 3,
            "list": lambda m: [],
            "False": lambda m: False,
            "NUL": lambda m: "cache\0",
        },
    ),
}


def _file_in(folder):
    path = os.path.join(folder, "file.txt")
    pathlib.Path(path).write_text("not a folder")
    return path


ORDINARY_TABLE_NETS = {
    "None": lambda m: None,
    "TabularNet": lambda m: small_table_net(),
    "TabularNet with dropout": lambda m: small_table_net(module__dropout=0.3),
    "logistic": lambda m: TabularNet(module__n_layers=0),
    "module": lambda m: Linear,
    "module with dropout": lambda m: Dropping,
    "skorch": lambda m: skorch_net(Linear),
    "train_split": lambda m: NeuralNetClassifier(Linear, criterion=nn.CrossEntropyLoss, verbose=0),
    "early stopping": lambda m: small_table_net(
        callbacks=[("stop", EarlyStopping(monitor="train_loss", patience=1))]
    ),
    "softmax": lambda m: softmax_net(),
    "scheduler": lambda m: small_table_net(callbacks=[LRScheduler("StepLR", step_size=1)]),
    "clipping": lambda m: skorch_net(Linear, callbacks=[("clip", GradientNormClipping(1.0))]),
    "AdamW": lambda m: skorch_net(Dropping, optimizer=torch.optim.AdamW, lr=0.01),
    "momentum": lambda m: skorch_net(Linear, optimizer__momentum=0.9),
    "double": lambda m: skorch_net(Double),
    "label smoothing": lambda m: skorch_net(Linear, criterion__label_smoothing=0.1),
    "batch norm": lambda m: skorch_net(TwoInOne),
}
ORDINARY_IMAGE_NETS = {
    "VisionNet": lambda m: small_image_net(),
    "VisionNet again": lambda m: small_image_net(),
    "module": lambda m: Linear,
    "skorch": lambda m: skorch_net(Linear),
    "train_split": lambda m: small_image_net(train_split=NeuralNetClassifier(Linear).train_split),
    "softmax": lambda m: softmax_net(),
    "dropout": lambda m: skorch_net(Dropping),
}
ODD_NETS = {
    "None": lambda m: None,
    "bfloat16": lambda m: skorch_net(BrainFloat),
    "probabilities in cross-entropy": lambda m: skorch_net(Softmax),
    "logarithms in NLLLoss": lambda m: softmax_net(LogSoftmax),
    "logits in NLLLoss": lambda m: softmax_net(Linear),
    "no parameters": lambda m: skorch_net(NoParameters),
    "no parameters, module": lambda m: NoParameters,
    "frozen": lambda m: skorch_net(Frozen),
    "partly frozen": lambda m: skorch_net(PartlyFrozen),
    "two outputs": lambda m: skorch_net(TwoOutputs),
    "one output": lambda m: skorch_net(OneOutput),
    "one output too many": lambda m: skorch_net(OneTooMany),
    "NaN": lambda m: skorch_net(NotANumber),
    "NaN in evaluation": lambda m: skorch_net(NotANumberInEvaluation),
    "infinite": lambda m: skorch_net(Infinite),
    "lazy": lambda m: skorch_net(Lazy),
    "without linear layer": lambda m: skorch_net(WithoutLinear),
    "raises in constructor": lambda m: skorch_net(RaisesInConstructor),
    "raises in training": lambda m: skorch_net(RaisesInTraining),
    "callback raises at the epoch's end": lambda m: skorch_net(
        Linear, callbacks=[("raise", RaisingCallback())]
    ),
    "callback raises at the training's end": lambda m: skorch_net(
        Linear, callbacks=[("raise", RaisingCallback("on_train_end"))]
    ),
    "early stopping without validation": lambda m: skorch_net(Linear, callbacks=[EarlyStopping()]),
    "early stopping": lambda m: NeuralNetClassifier(
        Linear, criterion=nn.CrossEntropyLoss, verbose=0, callbacks=[EarlyStopping(patience=1)]
    ),
    "predefined split": lambda m: skorch_net(
        Linear,
        train_split=predefined_split(
            TensorDataset(m.rows()[:5].flatten(1), torch.from_numpy(m.codes[:5]))
        ),
    ),
    "number as split": lambda m: skorch_net(Linear, train_split=0.2),
    "weighted criterion": lambda m: skorch_net(
        Linear, criterion__weight=torch.ones(len(np.unique(m.codes)))
    ),
    "weights of another size": lambda m: skorch_net(Linear, criterion__weight=torch.ones(17)),
    "binary cross-entropy": lambda m: skorch_net(Linear, criterion=nn.BCEWithLogitsLoss),
    "squared error": lambda m: skorch_net(Linear, criterion=nn.MSELoss),
    "multi-margin": lambda m: skorch_net(Linear, criterion=nn.MultiMarginLoss),
    "LBFGS": lambda m: skorch_net(Linear, optimizer=torch.optim.LBFGS),
    "unknown module parameter": lambda m: skorch_net(Linear, module__width=3),
    "unknown optimiser parameter": lambda m: skorch_net(Linear, optimizer__speed=3),
    "unknown device": lambda m: skorch_net(Linear, device="toaster"),
    "net's max_epochs 0": lambda m: skorch_net(Linear, max_epochs=0),
    "net's batch_size -1": lambda m: skorch_net(Linear, batch_size=-1),
    "net's batch_size 0": lambda m: skorch_net(Linear, batch_size=0),
    "net's lr NaN": lambda m: skorch_net(Linear, lr=np.nan),
    "net's lr a text": lambda m: skorch_net(Linear, lr="fast"),
    "warm_start": lambda m: skorch_net(Linear, warm_start=True),
    "no units": lambda m: TabularNet(module__n_units=0),
    "negative layers": lambda m: TabularNet(module__n_layers=-1),
    "dropout of 2": lambda m: TabularNet(module__n_units=8, module__dropout=2.0),
    "all dropped": lambda m: TabularNet(module__n_units=8, module__dropout=1.0),
    "fixed features": lambda m: TabularNet(module__n_features=4),
    "TabularNet": lambda m: small_table_net(),
    "VisionNet": lambda m: small_image_net(),
    "depth of 3": lambda m: VisionNet(module__depth=3, module__width=2),
    "fitted": lambda m: fitted_net(),
    "module instance": lambda m: Linear(3, 2),
    "text": lambda m: "mlp",
    "scikit-learn": lambda m: LogisticRegression(),
    "regressor": lambda m: NeuralNetRegressor(Linear),
    "binary": lambda m: NeuralNetBinaryClassifier(Linear),
    "class": lambda m: NeuralNetClassifier,
    "a class": lambda m: dict,
    "array": lambda m: np.array([1, 2]),
    "unfit module": lambda m: skorch_net("mlp"),
}

ORDINARY_FINAL_ESTIMATORS = {
    "LogisticRegression": lambda m: LogisticRegression(max_iter=20),
    "HistGradientBoosting": lambda m: HistGradientBoostingClassifier(
        max_iter=2, max_depth=2, early_stopping=False, random_state=0
    ),
    "KNeighbors": lambda m: KNeighborsClassifier(1),
    "Ridge": lambda m: RidgeClassifier(),
    "tree": lambda m: DecisionTreeClassifier(max_depth=2, random_state=0),
    "pipeline": lambda m: make_pipeline(StandardScaler(), LogisticRegression(max_iter=20)),
}
FINAL_ESTIMATORS_OF_MESSY_TABLES = {
    "pipeline that encodes": lambda m: make_pipeline(
        NumberEncoder(), LogisticRegression(max_iter=20)
    ),
    "pipeline of trees that encodes": lambda m: make_pipeline(
        NumberEncoder(), DecisionTreeClassifier(max_depth=2, random_state=0)
    ),
}
ODD_FINAL_ESTIMATORS = {
    **ORDINARY_FINAL_ESTIMATORS,
    "regressor": lambda m: LinearRegression(),
    "text": lambda m: "tree",
    "class": lambda m: LogisticRegression,
    "raises": lambda m: RaisesInFit(),
    "bad parameter": lambda m: LogisticRegression(C=-1),
    "50 neighbours": lambda m: KNeighborsClassifier(50),
    "array": lambda m: np.array([1, 2]),
    "nested": lambda m: RobustClassifier("cross_entropy", max_epochs=1, random_state=0),
    "number": lambda m: 3,
}
ORDINARY_ESTIMATORS = {
    "HistGradientBoosting": lambda m: HistGradientBoostingClassifier(max_iter=4, max_depth=2),
    "GradientBoosting": lambda m: GradientBoostingClassifier(n_estimators=3),
    "AdaBoost": lambda m: AdaBoostClassifier(n_estimators=4),
    "forest": lambda m: RandomForestClassifier(n_estimators=4, max_depth=3),
    "LogisticRegression": lambda m: LogisticRegression(max_iter=20),
    "KNeighbors": lambda m: KNeighborsClassifier(2),
    "pipeline": lambda m: make_pipeline(NumberEncoder(), LogisticRegression(max_iter=20)),
    "pipeline of trees": lambda m: make_pipeline(
        NumberEncoder(), DecisionTreeClassifier(max_depth=2)
    ),
}
ODD_ESTIMATORS = {
    **ORDINARY_ESTIMATORS,
    "Ridge": lambda m: RidgeClassifier(),
    "HistGradientBoosting with early stopping": lambda m: HistGradientBoostingClassifier(
        max_iter=4, early_stopping=True, min_samples_leaf=3
    ),
    "regressor": lambda m: LinearRegression(),
    "text": lambda m: "forest",
    "class": lambda m: HistGradientBoostingClassifier,
    "raises": lambda m: RaisesInFit(),
    "bad parameter": lambda m: HistGradientBoostingClassifier(learning_rate=-1),
    "no rounds": lambda m: AdaBoostClassifier(n_estimators=0),
    "pipeline that can't encode": lambda m: make_pipeline(StandardScaler(), LogisticRegression()),
    "nested": lambda m: RobustClassifier("cross_entropy", max_epochs=1, random_state=0),
    "net": lambda m: skorch_net(Linear),
    "module": lambda m: Linear,
    "number": lambda m: 3,
    "fitted": lambda m: DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]),
}
ORDINARY_FOLDS = {
    "None": lambda m: None,
    "2": lambda m: 2,
    "np.int64(3)": lambda m: np.int64(3),
    "StratifiedKFold": lambda m: StratifiedKFold(2),
    "pairs": lambda m: _two_folds(m),
}
ODD_FOLDS = {
    "1": lambda m: 1,
    "0": lambda m: 0,
    "True": lambda m: True,
    "1000": lambda m: 1000,
    "2.5": lambda m: 2.5,
    "text": lambda m: "five",
    "KFold": lambda m: KFold(2),
    "KFold of too many": lambda m: KFold(1000),
    "some rows only": lambda m: ShuffleSplit(1, test_size=0.2, random_state=0),
    "no pairs": lambda m: [],
    "pairs of too large numbers": lambda m: [([0, 1], [1000])],
    "class": lambda m: StratifiedKFold,
}


def _two_folds(m):
    rows = np.argsort(m.codes, kind="stable")
    return [(rows[::2], rows[1::2]), (rows[1::2], rows[::2])]


# Methods that an estimator may judge by.
METHODS_OF_ESTIMATORS = [
    name for name, kind in METHODS.items() if kind.estimator_parameters is not None
]
NET_PARAMETERS = ("net", "max_epochs", "batch_size", "lr", "device")
ODD_FINALS = ["best", None, True, 3, np.array(["auto", "joint"]), ["auto"], "AUTO", ""]


# -- parameters from signatures ----------------------------------------------------------------

NONSENSE = "nonsense of a test"
NUMBERS = [None, True, False, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0, 1, 2, 3, 5, np.int64(2)]
ODD_VALUES = {
    "-1": -1,
    "0": 0,
    "1": 1,
    "1.5": 1.5,
    "1e30": 1e30,
    "1e-30": 1e-30,
    "0.999999": 0.999999,
    "NaN": np.nan,
    "infinity": np.inf,
    "None": None,
    "True": True,
    "text": NONSENSE,
    "list": [1],
    "array": np.array([0.5, 0.5]),
    "0-d array": np.array(0.5),
    "array of texts": np.array(["auto", "auto"]),
    "float32": np.float32(0.5),
    "int64": np.int64(1),
    "function": np.asarray,
}


def named_choices(call):
    """Return the literals in parentheses in the error that a call ends in."""
    try:
        call()
    except (ValueError, TypeError) as error:
        found = re.search(r"one of \((.*?)\)", str(error))
        parts = found.group(1).split(",") if found else []
        return [eval(part, {}) for part in parts if part.strip()]
    return []


@cache
def method_parameters(name):
    """Return for each constructor parameter of a method the values that it accepts."""
    defaults = METHODS[name]().get_params(deep=False)
    for old in METHODS[name].renamed_parameters:
        defaults.pop(old)
    return {parameter: _accepted(name, parameter, value) for parameter, value in defaults.items()}


def _accepted(name, parameter, default):
    def is_accepted(value):
        try:
            METHODS[name](**{parameter: value}).check_parameters()
        except Exception:
            return False
        return True

    choices = named_choices(lambda: METHODS[name](**{parameter: NONSENSE}).check_parameters())
    if isinstance(default, bool):
        return [True, False]
    values = [default, *(choices or [value for value in NUMBERS if is_accepted(value)])]
    if isinstance(default, float) and not choices:
        values += [value for value in (0.5 * default, 1.5 * default) if is_accepted(value)]
    return values


@cache
def finals():
    model = RobustClassifier("cross_entropy", max_epochs=1, final=NONSENSE, device="cpu")
    X = np.arange(8.0)[:, None]
    return named_choices(lambda: model.fit(X, np.arange(8) % 2)) or ["auto"]


# -- drawing a case ----------------------------------------------------------------------------


@dataclass
class Case:
    """One drawn case: what it is made of, and the words that describe it."""

    number: int
    estimator_class: type
    words: dict = field(default_factory=dict)
    odd: frozenset = frozenset()
    params: dict = field(default_factory=dict)
    X: object = None
    y: object = None
    labels: object = None
    fit_params: dict = field(default_factory=dict)
    entry: str = "fit"
    cloned: bool = False
    pickled: bool = False
    first: str | None = None

    def __str__(self):
        lines = [f"case {self.number}: {self.estimator_class.__name__}.{self.entry}"]
        lines += [
            f"  {name}: {word}{' (odd)' if name in self.odd else ''}"
            for name, word in self.words.items()
        ]
        return "\n".join(lines)


class Drawing:
    """Draws a case from its number."""

    def __init__(self, number, folder):
        self.rng = np.random.default_rng([SEED, number])
        estimator_class = [NoisyLabelDetector, RobustClassifier][self.rng.integers(2)]
        self.case = Case(number, estimator_class, odd=self._odd_dimensions())
        kinds, shares = list(FEATURES), [0.68, 0.17, 0.1, 0.05]
        self.kind = str(self.rng.choice(kinds, p=shares))
        self.m = Material(
            self.rng,
            folder,
            self.kind,
            n_rows=int(self.rng.integers(24, 81)),
            n_classes=int(self.rng.choice([2, 3, 4], p=[0.6, 0.25, 0.15])),
            n_features=int(self.rng.integers(2, 13)),
            side=int(self.rng.integers(8, 13)),
        )
        if self.kind in ("images", "image dataset"):
            self.m.n_rows = min(self.m.n_rows, 40)

    def _odd_dimensions(self):
        n_odd = self.rng.choice(list(ODD_SHARES), p=list(ODD_SHARES.values()))
        likely = np.array(list(DIMENSIONS.values())) / sum(DIMENSIONS.values())
        return frozenset(self.rng.choice(list(DIMENSIONS), n_odd, replace=False, p=likely).tolist())

    def draw(self):
        self._rows()
        self._labels()
        self._features()
        self._metadata()
        self._parameters()
        self._ways()
        return self.case

    def _pick(self, dimension, ordinary, odd):
        """Return the label of what was picked, and it."""
        pool = odd if dimension in self.case.odd else ordinary
        label = str(self.rng.choice(list(pool)))
        self.case.words[dimension] = label
        return label, pool[label]

    def _rows(self):
        m = self.m
        if "n_rows" in self.case.odd:
            size = self._pick("n_rows", *VALUES["n_rows"])[1]
            m.n_rows = {"two": 2, "three": 3, "short": 2}[size] * m.n_classes
            m.n_rows -= size == "short"
        m.codes = self.rng.permutation(np.arange(m.n_rows) % m.n_classes)
        self.case.words["material"] = f"{m.n_rows} rows, {m.n_features} features, {self.kind}"

    def _labels(self):
        m = self.m
        label, make = self._pick("y", ORDINARY_LABELS, ODD_LABELS)
        if "boolean" in label and m.n_classes > 2 and m.n_rows > 20:
            m.codes %= 2
        if label == "30 classes":
            m.n_rows = 75
            m.codes = np.arange(m.n_rows) % 30
        self.case.y = self.case.labels = make(m)
        m.draw_trusted()
        m.draw_features()

    def _features(self):
        self.case.X = self._pick("X", *FEATURES[self.kind])[1](self.m)
        if "dataset" in self.kind and ("X" in self.case.odd or self.rng.random() < 0.6):
            self.case.words["y"] += " in the Dataset alone: codes"
            self.case.y, self.case.labels = None, self._labels_inside()

    def _labels_inside(self):
        """Return the labels that the items of a Dataset hold."""
        items = getattr(self.case.X, "items", [])
        if items and all(isinstance(item, tuple) for item in items):
            return [item[1] for item in items]
        return self.m.codes

    def _metadata(self):
        case, m = self.case, self.m
        needs_trusted = self._method()
        if "trusted" in case.odd or self.rng.random() < (0.85 if needs_trusted else 0.2):
            case.fit_params["trusted"] = self._pick("trusted", ORDINARY_TRUSTED, ODD_TRUSTED)[1](m)
        if "sample_weight" in case.odd or self.rng.random() < 0.15:
            make = self._pick("sample_weight", ORDINARY_WEIGHTS, ODD_WEIGHTS)[1]
            case.fit_params["sample_weight"] = make(m)

    def _method(self):
        """Draw the method; return whether it needs trusted rows."""
        name = str(self.rng.choice(list(METHODS)))
        accepted = method_parameters(name)
        given = {}
        if "method" in self.case.odd and self.rng.random() < 0.15:
            return self._no_method()
        if accepted and ("method" in self.case.odd or self.rng.random() < 0.5):
            names = self.rng.choice(list(accepted), min(2, len(accepted)), replace=False)
            given = {str(n): accepted[n][self.rng.integers(len(accepted[n]))] for n in names}
        if accepted and "method" in self.case.odd:
            given[str(self.rng.choice(list(accepted)))] = ODD_VALUES[
                str(self.rng.choice(list(ODD_VALUES)))
            ]
        as_name = not given and self.rng.random() < 0.8
        method = METHODS[name](**given)
        self.case.params["method"] = name if as_name else method
        self.case.words["method"] = repr(name) if as_name else f"{type(method).__name__}({given})"
        return _needs_trusted(method)

    def _no_method(self):
        pool = ["magic", None, METHODS["wrong_event"], LogisticRegression(), 3, ["lsw"], ""]
        self.case.params["method"] = pool[self.rng.integers(len(pool))]
        self.case.words["method"] = repr(self.case.params["method"])
        return False

    def _parameters(self):
        case, m = self.case, self.m
        case.params.update(self._pick("verdict", ORDINARY_VERDICTS, ODD_VERDICTS)[1](m))
        if case.words["verdict"] != "auto":
            case.words["verdict"] += f" {case.params}".replace(f"{case.params['method']!r}", "...")
        for name in ("max_epochs", "batch_size", "lr", "device", "verbose"):
            case.params[name] = self._pick(name, *VALUES[name])[1]
        for name, pools in MADE.items():
            plain = VALUES.get(name, ({}, {}))
            merged = [
                {**{k: (lambda m, v=v: v) for k, v in values.items()}, **made}
                for values, made in zip(plain, pools, strict=True)
            ]
            case.params[name] = self._pick(name, *merged)[1](m)
        ordinary = ORDINARY_TABLE_NETS if m.kind in ("table", "dataset") else ORDINARY_IMAGE_NETS
        case.params["net"] = self._pick("net", ordinary, ODD_NETS)[1](m)
        if case.estimator_class is RobustClassifier:
            self._final()
        self._dict_of_arrays()
        self._estimator()

    def _final(self):
        case, m = self.case, self.m
        is_odd = "final" in case.odd
        choices = finals() + (ODD_FINALS if is_odd else [])
        final = choices[self.rng.integers(len(choices))]
        if not is_odd and (m.kind != "table" or self.rng.random() < 0.6):
            case.params["final"] = final
        else:
            pool = ODD_FINAL_ESTIMATORS if is_odd else ORDINARY_FINAL_ESTIMATORS
            if not is_odd and case.words["X"] in MESSY_TABLES:
                pool = FINAL_ESTIMATORS_OF_MESSY_TABLES
            label = str(self.rng.choice(list(pool)))
            case.params["final_estimator"] = pool[label](m)
            case.words["final_estimator"] = label
            if is_odd and self.rng.random() < 0.5:
                case.params["final"] = final
        case.words["final"] = repr(case.params.get("final", "auto"))

    def _dict_of_arrays(self):
        """Let X be a dict in some of the cases; what it is drawn by is apart."""
        case, m = self.case, self.m
        rng = np.random.default_rng([SEED, case.number, 2])
        if m.kind != "table" or rng.random() < 0.92:
            return
        is_odd = rng.random() < 0.3
        pool = ODD_DICTS if is_odd else ORDINARY_DICTS
        label = str(rng.choice(list(pool)))
        case.X, case.words["X"] = pool[label](m), f"dict, {label}"
        if is_odd or "final_estimator" in case.params:
            case.odd |= {"X"}
        if not is_odd or rng.random() < 0.8:
            label = str(rng.choice(list(NETS_OF_DICTS)))
            case.params["net"], case.words["net"] = NETS_OF_DICTS[label](m), label

    def _estimator(self):
        """Let an estimator judge in some of the cases; what it is drawn by is apart."""
        case, m = self.case, self.m
        rng = np.random.default_rng([SEED, case.number, 1])
        if m.kind != "table" and rng.random() < 0.9 or rng.random() < 0.6:
            return
        is_odd = rng.random() < 0.25
        pools = (
            ("estimator", ORDINARY_ESTIMATORS, ODD_ESTIMATORS),
            ("cv", ORDINARY_FOLDS, ODD_FOLDS),
        )
        for name, ordinary, odd in pools:
            pool = odd if is_odd and rng.random() < 0.5 else ordinary
            label = str(rng.choice(list(pool)))
            case.params[name], case.words[name] = pool[label](m), label
        if is_odd or m.kind != "table" or isinstance(case.X, dict):
            case.odd |= {"estimator"}
        if not is_odd or rng.random() < 0.8:
            self._without_net(str(rng.choice(METHODS_OF_ESTIMATORS)), is_odd)

    def _without_net(self, method, is_odd):
        case = self.case
        for name in NET_PARAMETERS:
            case.params.pop(name)
            case.words[name] = "left out"
        if not is_odd and "method" not in case.odd:
            case.params["method"], case.words["method"] = method, repr(method)
            if method in _trusting_methods():
                case.fit_params["trusted"] = self.m.trusted

    def _ways(self):
        case = self.case
        if case.estimator_class is NoisyLabelDetector:
            case.entry = str(self.rng.choice(["fit", "fit_predict", "fit_resample"]))
        case.cloned = bool(self.rng.random() < 0.25)
        case.pickled = bool(self.rng.random() < 0.15)
        if self.rng.random() < 0.3:
            case.first = str(self.rng.choice(["array", "DataFrame", "final_estimator", "images"]))
        case.words["ways"] = {
            "cloned": case.cloned,
            "pickled": case.pickled,
            "fitted before": case.first,
        }


def _trusting_methods():
    return [name for name, kind in METHODS.items() if kind.needs_trusted]


def _needs_trusted(method):
    try:
        return method.requires_trusted_rows()
    except Exception:
        return type(method).needs_trusted


# -- what is compared --------------------------------------------------------------------------


def fingerprint(value):
    """Return a value that is equal as long as the object's content is."""
    if isinstance(value, np.ndarray):
        content = repr(value.tolist()) if value.dtype.hasobject else value.tobytes()
        return "array", str(value.dtype), value.shape, value.flags.writeable, content
    if isinstance(value, pd.DataFrame | pd.Series):
        content = value.to_numpy(dtype=object).tolist()
        return type(value).__name__, repr(content), list(value.index), repr(value.dtypes)
    if isinstance(value, torch.Tensor):
        return "tensor", str(value.dtype), value.requires_grad, str(value.device), _values(value)
    if sparse.issparse(value):
        return "sparse", value.format, fingerprint(value.toarray())
    if isinstance(value, dict):
        return {name: fingerprint(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [fingerprint(each) for each in value]
    if isinstance(value, TensorDataset):
        return fingerprint(value.tensors)
    if isinstance(value, Listed | Subset):
        return fingerprint([value[row] for row in range(len(value))])
    if isinstance(value, nn.Module):
        return fingerprint(dict(value.state_dict()))
    if isinstance(value, NeuralNetClassifier) and hasattr(value, "module_"):
        return fingerprint(value.module_)
    if value is None or isinstance(value, str | bytes | int | float | np.generic | pd.Categorical):
        return repr(value)
    return type(value).__name__, id(value)


def _values(tensor):
    if tensor.device.type == "meta":
        return tuple(tensor.shape)
    return repr(tensor.detach().to_dense().tolist())


def surroundings(*, with_numpy):
    """Return the global state that a fit has to leave alone."""
    state = {
        "torch's generator": torch.get_rng_state().tolist(),
        "python's generator": random.getstate(),
        "number of threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "gradients on": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "error state of numpy": np.geterr(),
        "working directory": os.getcwd(),
        # torch's compiler sets one of its own when it is first imported.
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("TORCHINDUCTOR")},
        "signal handler": signal.getsignal(signal.SIGINT),
    }
    if with_numpy:
        state["numpy's generator"] = fingerprint(np.random.get_state()[1]), np.random.get_state()[2]
    return state


def constructor_parameters(estimator):
    names = type(estimator)._get_param_names()
    return {name: getattr(estimator, name) for name in names}


def parameter_fingerprints(estimator):
    """Return what a fit has to leave alone of its parameters, objects inside them included."""
    params = constructor_parameters(estimator)
    prints = {name: id(value) for name, value in params.items()}
    for name in ("method", "net", "final_estimator"):
        if hasattr(params.get(name), "get_params") and not inspect.isclass(params[name]):
            prints[f"attributes of {name}"] = sorted(vars(params[name]))
    return prints


def fitted_state(estimator):
    names = vars(estimator).keys() - constructor_parameters(estimator).keys()
    return {name: fingerprint(vars(estimator)[name]) for name in sorted(names)}


# -- findings ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What broke the contract, and where."""

    kind: str
    where: str
    detail: str
    report: str = ""

    def cause(self):
        words = re.sub(r"/tmp/\S+|[\d.]+(e[+-]\d+)?", "#", self.detail)[:90]
        return self.kind, self.where, words


class TookTooLong(BaseException):
    """Raised by the alarm."""


@contextlib.contextmanager
def alarm(seconds):
    def raise_it(number, stack):
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def quiet():
    """Collect warnings, and swallow what is printed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield caught


def package_frames(error):
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if frame.filename.startswith(PACKAGE + os.sep)]


def place(error):
    frames = package_frames(error)
    if not frames:
        return "outside of the package"
    last = frames[-1]
    return f"{os.path.relpath(last.filename, PACKAGE)}:{last.name}"


def described(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def full(error):
    return "".join(traceback.format_exception(error))


def known_names(estimator):
    """Return what a message may name: parameters, and the arguments of fit."""
    method_names = {name for method in METHODS for name in method_parameters(method)}
    names = {*type(estimator)._get_param_names(), *method_names, "X", "y", "trusted", "row", "rows"}
    return {*names, "sample_weight", "Dataset", "labels", "label"}


def names_something(message, estimator):
    return any(re.search(rf"\b{re.escape(name)}\b", message) for name in known_names(estimator))


def is_raised_on_purpose(error):
    """Whether the package itself raised it by a statement."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(last.filename, last.lineno).strip()
    return last.filename.startswith(PACKAGE + os.sep) and line.startswith("raise")


def is_of_the_users_objects(error, estimator):
    """Whether it comes out of what the user brought: callbacks, a split, a final estimator."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, OwnError | SkorchException):
        return True
    if any(os.path.join("skorch", "callbacks") in frame.filename for frame in frames):
        return True
    if not isinstance(error, ValueError | TypeError):
        return False
    given = {
        type(getattr(estimator, name, None)) for name in ("estimator", "final_estimator", "cv")
    }
    given = tuple(kind for kind in given if kind.__module__.partition(".")[0] != "builtins")
    for step, _ in traceback.walk_tb(error.__traceback__):
        name, code = step.f_code.co_name, step.f_code.co_filename
        if "skorch" in code and name.startswith(("initialize", "set_params", "_set_params")):
            return True
        if code.endswith(os.path.join("skorch", "dataset.py")):
            return True
        if type(step.f_locals.get("self")) in given:
            return True
    return False


def happened_in_training(error):
    """Whether the error came out of the costly part, beyond the head of fit."""
    names = {frame.name for frame in package_frames(error)}
    return bool(names & {"detect", "train_classifier", "train_batch", "_judge"})


def judge_error(error, estimator):
    """Yield what is wrong with the error that a fit ended in."""
    if is_of_the_users_objects(error, estimator):
        return
    documented = tuple(getattr(exceptions, name) for name in exceptions.__all__)
    is_internal = type(error) not in (ValueError, TypeError, *documented) and not (
        type(error).__name__ == "InvalidParameterError"
    )
    if not is_internal and not is_raised_on_purpose(error):
        is_internal = happened_in_training(error) or "ambiguous" in str(error)
    if is_internal:
        yield Finding("internal exception", place(error), described(error), full(error))
    elif not names_something(str(error), estimator):
        yield Finding("error that names nothing", place(error), described(error), full(error))


# -- results -----------------------------------------------------------------------------------


class Result:
    """A fitted estimator and what it was fitted on; its checks yield what is wrong."""

    def __init__(self, case, estimator, returned):
        self.case = case
        self.estimator = estimator
        self.returned = returned
        self.labels = _plain_labels(case.labels)
        self.n_rows = len(self.labels)
        trusted = case.fit_params.get("trusted")
        self.trusted = np.zeros(self.n_rows, dtype=bool)
        if trusted is not None:
            self.trusted = np.asarray(trusted).astype(bool)

    def problems(self):
        yield from self._attributes()
        yield from self._verdict()
        yield from self._issues()
        yield from self._leftovers()
        yield from self._returned_value()

    def _attributes(self):
        estimator, n_rows = self.estimator, self.n_rows
        shapes = {
            "noise_mask_": ((n_rows,), "b"),
            "label_quality_": ((n_rows,), "f"),
            "sample_weights_": ((n_rows,), "f"),
            "suggested_labels_": ((n_rows,), estimator.classes_.dtype.kind),
        }
        for name, (shape, kind) in shapes.items():
            value = getattr(estimator, name)
            if (
                not isinstance(value, np.ndarray)
                or value.shape != shape
                or value.dtype.kind != kind
            ):
                yield f"{name} is of another shape or dtype", repr(value)[:200]
        for name in ("label_quality_", "sample_weights_"):
            value = getattr(estimator, name)
            if np.isnan(value).any():
                yield f"NaN in {name}", f"in {np.isnan(value).sum()} of {n_rows} rows"
            elif value.min() < 0 or value.max() > 1:
                yield f"{name} outside of [0, 1]", f"from {value.min()} to {value.max()}"
        if not isinstance(estimator.threshold_, float) or not np.isfinite(estimator.threshold_):
            yield "threshold_ isn't a finite float", repr(estimator.threshold_)
        yield from self._sizes()

    def _sizes(self):
        estimator = self.estimator
        n_classes = len(estimator.classes_)
        matrix = estimator.transition_matrix_
        if matrix.shape != (n_classes, n_classes):
            yield "transition_matrix_ is of another shape", str(matrix.shape)
        elif not np.isfinite(matrix).all():
            yield "NaN in transition_matrix_", repr(matrix)
        elif matrix.min() < 0 or not np.allclose(matrix.sum(axis=1), 1, atol=1e-5):
            yield "rows of transition_matrix_ don't sum to one", repr(matrix.sum(axis=1))
        if set(np.unique(self.labels).tolist()) != set(estimator.classes_.tolist()):
            yield "classes_ aren't those of y", f"{estimator.classes_} and {np.unique(self.labels)}"
        if type(estimator.n_features_in_) is not int:
            yield "n_features_in_ isn't an int", repr(estimator.n_features_in_)
        has_epochs = bool(estimator.history_) or estimator.estimator is not None
        if not has_epochs or not all(isinstance(e, dict) for e in estimator.history_):
            yield "history_ isn't a list of dicts", repr(estimator.history_)[:200]
        if estimator.estimator is not None:
            yield from self._estimators()
            return
        state = estimator.net_.module_.state_dict().values()
        if any(torch.isnan(value).any() for value in state if value.is_floating_point()):
            yield "NaN in the weights of net_", ""

    def _estimators(self):
        estimator = self.estimator
        if hasattr(estimator, "net_"):
            yield "net_ beside an estimator", ""
        kind = type(estimator.estimator)
        # Of a booster the rounds that count are kept with it.
        kinds = {type(getattr(each, "booster", each)) for each in estimator.estimators_}
        if kinds != {kind}:
            yield "estimators_ aren't clones of the estimator", repr(estimator.estimators_)[:200]

    def _verdict(self):
        estimator = self.estimator
        mask, quality = estimator.noise_mask_, estimator.label_quality_
        for label in estimator.classes_:
            if mask[self.labels == label].all():
                yield "a class without kept row", repr(label)
        if mask[self.trusted].any():
            yield "a trusted row is flagged", str(np.flatnonzero(mask & self.trusted))
        if (estimator.sample_weights_[self.trusted] != 1).any():
            yield "the weight of a trusted row isn't 1", ""
        # Of a share that is asked for, ties at the threshold may be on either side of it.
        slack = 0.0 if estimator.contamination is None else 2e-9
        threshold = estimator.threshold_
        if slack:
            # Such a share is flagged by the method's own score.
            quality, threshold = estimator.evidence_.score, estimator.evidence_.threshold
        below = (quality < threshold - slack) & ~self.trusted
        above = quality > threshold + slack if slack else quality >= threshold
        if (mask & above).any():
            yield "a row above the threshold is flagged", str(np.flatnonzero(mask & above))
        spared = self.labels[below & ~mask]
        if len(set(spared.tolist())) < len(spared):
            yield "rows below the threshold aren't flagged", str(np.flatnonzero(below & ~mask))
        if not np.isin(estimator.suggested_labels_, estimator.classes_).all():
            yield "suggested labels that are no classes", repr(estimator.suggested_labels_)[:200]
        elif (estimator.suggested_labels_ != self.labels)[~mask].any():
            yield "another label is suggested for a row that isn't flagged", ""
        elif (estimator.suggested_labels_ == self.labels)[mask].any():
            yield "the given label is suggested for a flagged row", ""

    def _issues(self):
        estimator = self.estimator
        issues = estimator.get_label_issues()
        pairs = {
            "label_quality": estimator.label_quality_,
            "sample_weight": estimator.sample_weights_,
            "is_noise": estimator.noise_mask_,
            "suggested_label": estimator.suggested_labels_,
            "given_label": self.labels,
        }
        for column, values in pairs.items():
            is_number = values.dtype.kind == "f"
            if not np.array_equal(issues[column].to_numpy(), values, equal_nan=is_number):
                yield f"{column} of get_label_issues isn't the estimator's", ""
        ranks = issues["rank"].to_numpy()
        if sorted(ranks) != list(range(1, self.n_rows + 1)):
            yield "ranks aren't 1 to n", str(ranks)
        elif (np.diff(estimator.label_quality_[np.argsort(ranks)]) < 0).any():
            yield "ranks aren't in the order of quality", str(ranks)
        index = next(
            (
                v.index
                for v in (self.case.X, self.case.y)
                if isinstance(v, pd.DataFrame | pd.Series)
            ),
            None,
        )
        if index is not None and not issues.index.equals(index):
            yield "get_label_issues has another index", str(issues.index)

    def _leftovers(self):
        """Attributes that an earlier fit left."""
        estimator, X = self.estimator, self.case.X
        has_names = all(isinstance(c, str) for c in getattr(X, "columns", [0]))
        if hasattr(estimator, "feature_names_in_") != has_names:
            yield "feature_names_in_ without column names, or the other way round", ""
        has_final = getattr(estimator, "final_estimator", None) is not None or (
            isinstance(estimator, RobustClassifier)
            and estimator.estimator is not None
            and estimator.final not in ("method", "joint")
        )
        if hasattr(estimator, "final_estimator_") != has_final:
            yield "final_estimator_ without final_estimator, or the other way round", ""

    def _returned_value(self):
        mask, entry = self.estimator.noise_mask_, self.case.entry
        if entry == "fit" and self.returned is not self.estimator:
            yield "fit doesn't return the estimator", ""
        if entry == "fit_predict" and not np.array_equal(self.returned, mask):
            yield "fit_predict doesn't return the mask", ""
        if entry == "fit_resample":
            X, y = self.returned
            n_kept = _n_rows(X)
            if n_kept != (~mask).sum() or len(y) != (~mask).sum():
                yield "fit_resample returns another number of rows", f"{n_kept}, {len(y)}"
            is_subset = isinstance(X, Subset) and isinstance(self.case.X, Dataset)
            if type(X) is not type(self.case.X) and not is_subset and not _is_mapped(self.case.X):
                yield "fit_resample returns X of another type", type(X).__name__

    def prediction_problems(self):
        estimator, X, n_rows = self.estimator, self.case.X, self.n_rows
        predicted = estimator.predict(X)
        if predicted.shape != (n_rows,) or not np.isin(predicted, estimator.classes_).all():
            yield "predict gives others than classes_", repr(predicted)[:200]
        if not hasattr(estimator, "predict_proba"):
            return
        probabilities = estimator.predict_proba(X)
        if probabilities.shape != (n_rows, len(estimator.classes_)):
            yield "predict_proba is of another shape", str(probabilities.shape)
        elif not np.isfinite(probabilities).all():
            yield (
                "NaN in predict_proba",
                f"in {(~np.isfinite(probabilities)).any(axis=1).sum()} rows",
            )
        elif not np.allclose(probabilities.sum(axis=1), 1, atol=1e-5):
            yield "rows of predict_proba don't sum to one", ""
        y = self.case.y
        if y is not None and not 0 <= estimator.score(X, y) <= 1:
            yield "score outside of [0, 1]", ""
        scores = estimator.score_labels(X, y)
        if scores.shape != (n_rows,) or not ((scores >= 0) & (scores <= 1)).all():
            yield "score_labels outside of [0, 1]", f"from {scores.min()} to {scores.max()}"
        noise = estimator.predict_noise(X, y)
        if noise.dtype != bool or not np.array_equal(noise, scores < estimator.threshold_):
            yield "predict_noise isn't score_labels below the threshold", ""

    def pickle_problems(self):
        try:
            again = pickle.loads(pickle.dumps(self.estimator))
        except RuntimeError as error:
            # skorch's own nets of an unknown device can't be unpickled.
            if "device string" in str(error):
                return
            raise
        if not np.array_equal(again.predict(self.case.X), self.estimator.predict(self.case.X)):
            yield "a pickled copy predicts otherwise", ""
        fresh = clone(self.estimator)
        if set(vars(fresh)) != set(constructor_parameters(fresh)):
            yield "a clone of the fitted one is fitted", ""


def _n_rows(X):
    if isinstance(X, dict):
        lengths = {_n_rows(values) for values in X.values()}
        return lengths.pop() if len(lengths) == 1 else lengths
    return X.shape[0] if sparse.issparse(X) else len(X)


def _is_mapped(X):
    return isinstance(X, np.memmap)


def _plain_labels(labels):
    """Return labels of any kind as the array that the estimator should see."""
    if isinstance(labels, torch.Tensor):
        labels = labels.detach()
    labels = np.asarray(labels)
    labels = labels.reshape(len(labels))
    if labels.dtype == object and not isinstance(labels[0], str):
        labels = np.array(labels.tolist())
    return labels


# -- running a case ----------------------------------------------------------------------------


def first_fit(case):
    """Return an estimator fitted on something else, what it was fitted on, and its predictions."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 3)), np.arange(24) % 2
    params = {"net": Linear, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    if case.first == "DataFrame":
        X = frame(X)
    if case.first == "images":
        X = rng.random((24, 1, 8, 8))
    if case.first == "final_estimator" and case.estimator_class is RobustClassifier:
        params["final_estimator"] = DecisionTreeClassifier(max_depth=1, random_state=0)
    with quiet():
        estimator = case.estimator_class("cross_entropy", **params).fit(X, y)
        return estimator, X, estimator.predict_proba(X)


def defaults_of(estimator_class):
    signature = inspect.signature(estimator_class.__init__).parameters
    return {name: value.default for name, value in signature.items() if name != "self"}


class Examination:
    """Fits a case, and collects what breaks the contract."""

    def __init__(self, case):
        self.case = case
        self.findings = []
        self.earlier = None
        if case.first is None:
            self.estimator = case.estimator_class(**case.params)
            # Modules such as numpy.random are accepted as random_state, but can't be copied.
            if case.cloned and not inspect.ismodule(case.params["random_state"]):
                self.estimator = clone(self.estimator)
        else:
            self.estimator, *self.earlier = first_fit(case)
            given = defaults_of(case.estimator_class) | case.params
            for name, value in given.items():
                setattr(self.estimator, name, value)
            self._compare_predictions("after a change of parameters")

    def add(self, kind, where, detail="", report=""):
        self.findings.append(Finding(kind, where, detail, report))

    def run(self):
        case, estimator = self.case, self.estimator
        uses_numpy = estimator.random_state is None or estimator.random_state is np.random
        inputs = {"X": case.X, "y": case.y, **case.fit_params}
        before = (
            {name: fingerprint(value) for name, value in inputs.items()},
            parameter_fingerprints(estimator),
            surroundings(with_numpy=not uses_numpy),
            fitted_state(estimator),
        )
        error = returned = None
        with quiet() as caught:
            try:
                with alarm(MAX_SECONDS):
                    returned = getattr(estimator, case.entry)(case.X, case.y, **case.fit_params)
            except TookTooLong as late:
                self.add("took too long", place(late), f"over {MAX_SECONDS} s", full(late))
                return self.findings
            except Exception as raised:
                error = raised
        if error is None:
            self._judge_result(returned, caught)
        else:
            self.findings += judge_error(error, estimator)
            self._compare_with_before(before[3], error)
        self._compare_surroundings(inputs, *before[:3], uses_numpy)
        self._require_a_result(error)
        return self.findings

    def _require_a_result(self, error):
        """A case without anything odd has to end in a result."""
        if error is None or self.case.odd or self.findings:
            return
        # What an ordinary net, final estimator or method can't do with few rows or with weights.
        limits = ("'train_split'", "'trusted_batch_size'", "whose fit takes")
        # Nor what they can't do with a dict.
        limits += ("mixes rows with each other", "features='input' needs X")
        if isinstance(error, exceptions.TrustedRowsRequiredError):
            return
        if isinstance(error, ValueError) and any(limit in str(error) for limit in limits):
            return
        self.add("an ordinary case is refused", place(error), described(error), full(error))

    def _compare_surroundings(self, inputs, inputs_before, params_before, state_before, uses_numpy):
        for name, value in inputs.items():
            if fingerprint(value) != inputs_before[name]:
                self.add("changed input", name)
        params = parameter_fingerprints(self.estimator)
        for name in params.keys() | params_before.keys():
            if params.get(name) != params_before.get(name):
                self.add("changed parameter", name)
        state = surroundings(with_numpy=not uses_numpy)
        for name in state:
            if state[name] != state_before[name]:
                self.add("changed global state", name)

    def _compare_with_before(self, before, error):
        """Check that a failed fit left the estimator as it was."""
        after = fitted_state(self.estimator)
        changed = sorted(n for n in after.keys() | before.keys() if after.get(n) != before.get(n))
        if changed:
            kind = (
                "half-fitted" if self.earlier is None else "failed fit changed a fitted estimator"
            )
            self.add(kind, ", ".join(changed), "", full(error))
        if self.earlier is None or changed:
            return
        self._compare_predictions("after a failed fit", error)

    def _compare_predictions(self, when, error=None):
        """Compare what a fitted estimator predicts with what it did."""
        if self.findings:
            return
        X, probabilities = self.earlier
        try:
            with quiet():
                again = self.estimator.predict_proba(X)
        except Exception as refused:
            self.add(f"no predictions {when}", place(refused), described(refused), full(refused))
            return
        if not np.array_equal(again, probabilities):
            self.add(f"other predictions {when}", "", "", full(error) if error else "")

    def _judge_result(self, returned, caught):
        self._warnings(caught, "fit")
        result = self._guard("result", lambda: Result(self.case, self.estimator, returned))
        if result is None:
            return
        checks = [result.problems, result.prediction_problems]
        if self.case.pickled:
            checks.append(result.pickle_problems)
        for check in checks:
            with quiet() as caught:
                self._guard(check.__name__, lambda check=check: self._problems(check))
            self._warnings(caught, check.__name__)

    def _problems(self, check):
        for kind, detail in check():
            self.add(kind, _words_of_method(self.case), detail)

    def _guard(self, name, call):
        try:
            return call()
        except Exception as error:
            kind = f"{name} after a fit without error fails"
            self.add(kind, place(error), described(error), full(error))

    def _warnings(self, caught, name):
        for warning in caught:
            if issubclass(warning.category, RuntimeWarning):
                where = os.path.relpath(warning.filename, os.path.dirname(PACKAGE))
                self.add(f"RuntimeWarning in {name}", where[-60:], str(warning.message)[:200])


def _words_of_method(case):
    method = case.params.get("method")
    return method if isinstance(method, str) else type(method).__name__


def run_case(number):
    """Return the case, and what it found."""
    with tempfile.TemporaryDirectory() as folder, seeded_numpy(number):
        case = Drawing(number, folder).draw()
        return case, Examination(case).run()


def findings_of(number):
    """Return the findings of a case, whatever happens on the way."""
    try:
        return run_case(number)[1]
    except Exception as error:
        return [Finding("the test itself fails", place(error), described(error), full(error))]


def summary(found):
    """Return lines that tell how often each cause was found, and in which cases.

    Parameters
    ----------
    found : dict of list of Finding
        By case number.
    """
    cases = {}
    for number, findings in found.items():
        for cause, finding in {finding.cause(): finding for finding in findings}.items():
            cases.setdefault(cause, [finding, []])[1].append(number)
    lines = []
    for (kind, where, _), (finding, numbers) in sorted(
        cases.items(), key=lambda item: (item[0][0], -len(item[1][1]))
    ):
        shown = ", ".join(map(str, numbers[:8])) + (" ..." if len(numbers) > 8 else "")
        lines.append(f"{kind} | {where} | {finding.detail[:160]}\n    {len(numbers)} x: {shown}")
    return lines


def run_many(numbers, n_jobs):
    if n_jobs == 1:
        return {number: findings_of(number) for number in numbers}
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        return dict(zip(numbers, pool.map(findings_of, numbers, chunksize=10), strict=True))


def show(number):
    case, findings = run_case(number)
    print(case)
    for finding in findings:
        print(f"\n{finding.kind} | {finding.where} | {finding.detail}\n{finding.report}")
    return findings


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--show", type=int, help="print this case and its tracebacks")
    options = parser.parse_args(arguments)
    if options.show is not None:
        return int(bool(show(options.show)))
    found = run_many(range(options.first, options.first + options.n), options.n_jobs)
    print("\n".join(summary(found)))
    n_bad = sum(map(bool, found.values()))
    print(f"{n_bad} of {options.n} cases break the contract.")
    return int(n_bad > 0)


if __name__ == "__main__":
    sys.exit(main())
