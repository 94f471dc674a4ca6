"""Tables: a function of the material for each label."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from .material import frame, mapped, read_only, with_column, with_words, with_words_and_gaps

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
