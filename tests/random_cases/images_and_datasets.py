"""Images, data sets and dicts of arrays: a function of the material for each label."""

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch.utils.data import Subset, TensorDataset

from .brought import Endless, Listed, WithTargets
from .material import as_bytes, frame, mapped, names_of, read_only
from .tables import ODD_TABLES, ORDINARY_TABLES

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
    "objects": lambda m: {"table": m.table, "code": names_of(m)},
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

# By kind of X.
FEATURES = {
    "table": (ORDINARY_TABLES, ODD_TABLES),
    "images": (ORDINARY_IMAGES, ODD_IMAGES),
    "dataset": (ORDINARY_DATASETS, ODD_DATASETS),
    "image dataset": (ORDINARY_DATASETS, ODD_DATASETS),
    "dict": (ORDINARY_DICTS, ODD_DICTS),
}
