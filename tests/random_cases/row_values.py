"""Labels, trusted rows, weights and groups: a function of the material for each label."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from .material import names_of, read_only


def _with_label(m, value, dtype=float, row=3):
    labels = m.codes.astype(dtype)
    labels[row] = value
    return labels


ORDINARY_LABELS = {
    "int64": lambda m: m.codes,
    "int32": lambda m: m.codes.astype(np.int32),
    "uint8": lambda m: m.codes.astype(np.uint8),
    "negative": lambda m: m.codes - 2,
    "far apart": lambda m: (m.codes - 1) * 10**15,
    "floats": lambda m: m.codes.astype(float),
    "float32": lambda m: 1 + m.codes.astype(np.float32),
    "strings": names_of,
    "strings as objects": lambda m: names_of(m).astype(object),
    "integers as objects": lambda m: m.codes.astype(object),
    "booleans": lambda m: m.codes > 0,
    "booleans as objects": lambda m: (m.codes > 0).astype(object),
    "list": lambda m: m.codes.tolist(),
    "list of strings": lambda m: names_of(m).tolist(),
    "Series": lambda m: pd.Series(m.codes, name="label"),
    "Series, own index": lambda m: pd.Series(m.codes, index=np.arange(m.n_rows) + 100),
    "Series of strings": lambda m: pd.Series(names_of(m)),
    "string dtype": lambda m: pd.Series(names_of(m)).astype("string"),
    "Categorical": lambda m: pd.Categorical(names_of(m)),
    "Series of categories": lambda m: pd.Series(names_of(m)).astype("category"),
    "categories of integers": lambda m: pd.Series(m.codes).astype("category"),
    "unused categories": lambda m: pd.Series(
        pd.Categorical(names_of(m), categories=["yak", *sorted(set(names_of(m)))])
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
        np.arange(m.n_rows) == 3, np.nan, names_of(m).astype("O")
    ),
    "NA": lambda m: pd.Series(m.codes).astype("Int64").where(np.arange(m.n_rows) != 3),
    "NA among strings": lambda m: pd.Series(names_of(m), dtype="string").where(m.codes > 0),
    "NA among booleans": lambda m: pd.Series(m.codes > 0).astype("boolean").where(m.codes > 0),
    "missing category": lambda m: pd.Series(names_of(m)).astype("category").where(m.codes > 0),
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
    "byte strings": lambda m: names_of(m).astype("S"),
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
    "empty strings": lambda m: np.where(m.codes > 0, names_of(m), ""),
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

ORDINARY_GROUPS = {
    "three names": lambda m: np.array(["Ann", "Bob", "Cy"])[m.rng.integers(3, size=m.n_rows)],
    "integers": lambda m: m.rng.integers(5, size=m.n_rows),
    "list": lambda m: m.rng.integers(5, size=m.n_rows).tolist(),
    "Series, own index": lambda m: pd.Series(m.codes, index=np.arange(m.n_rows) + 100),
    "categories": lambda m: pd.Series(names_of(m)).astype("category"),
    "objects": lambda m: names_of(m).astype(object),
    "tensor": lambda m: torch.from_numpy(m.codes),
}
ODD_GROUPS = {
    "one": lambda m: np.zeros(m.n_rows, dtype=int),
    "each row its own": lambda m: np.arange(m.n_rows),
    "booleans": lambda m: m.codes > 0,
    "floats": lambda m: m.codes / 2,
    "NaN": lambda m: np.where(m.codes > 0, 1.0, np.nan),
    "None": lambda m: np.where(m.codes > 0, "Ann", None),
    "NA": lambda m: pd.Series(m.codes).astype("Int64").where(m.codes > 0),
    "names and numbers": lambda m: np.where(m.codes > 0, "Ann", m.codes.astype(object)),
    "too short": lambda m: m.codes[:-1],
    "empty": lambda m: [],
    "text": lambda m: "Ann",
    "a number": lambda m: 3,
    "one-hot": lambda m: np.eye(m.codes.max() + 1)[m.codes],
    "dates": lambda m: m.codes.astype("datetime64[D]"),
    "tuples": lambda m: _objects([(int(code),) for code in m.codes]),
    "sets": lambda m: _objects([{int(code)} for code in m.codes]),
    "dict": lambda m: {0: "Ann"},
    "sparse": lambda m: sparse.csr_matrix(m.codes[:, None]),
    "ragged": lambda m: [[1], [0, 1]] * (m.n_rows // 2),
}
# By argument of fit.
ROW_VALUES = {
    "y": (ORDINARY_LABELS, ODD_LABELS),
    "trusted": (ORDINARY_TRUSTED, ODD_TRUSTED),
    "sample_weight": (ORDINARY_WEIGHTS, ODD_WEIGHTS),
    "groups": (ORDINARY_GROUPS, ODD_GROUPS),
}
