"""Parameters of the estimators: a function of the material for each label."""

import os
import pathlib
from decimal import Decimal
from fractions import Fraction

import joblib
import numpy as np
import pandas as pd
import torch


def constants(*values):
    """Return a pool of values that don't depend on the material."""
    return {f"{type(value).__name__} {value!r}": (lambda m, value=value: value) for value in values}


ORDINARY_VERDICTS = {
    "auto": lambda m: {},
    "threshold": lambda m: {"threshold": float(m.rng.uniform(0.05, 0.95))},
    "float32 threshold": lambda m: {"threshold": np.float32(0.5)},
    "contamination": lambda m: {"contamination": float(m.rng.uniform(0.05, 0.6))},
    "float32 contamination": lambda m: {"contamination": np.float32(0.25)},
}
ODD_SHARES = constants(
    *(0, 1, 1.0, -0.1, np.nan, 1e-9, 1e-320, 0.98, 0.5, 0.999999, np.nextafter(1, 0)),
    *(True, np.True_, None, "low", "auto", pd.NA, [0.4], Fraction(1, 3), Decimal("0.3")),
    *(0.5 + 0j, np.complex64(0.5), np.float16(0.3), np.array(0.4), np.array([0.4])),
    *(np.array([0.2, 0.4]), np.array(["auto", "auto"]), torch.tensor(0.4), pd.Series([0.2, 0.4])),
)
ODD_VERDICTS = {
    f"{name}: {label}": lambda m, name=name, make=make: {name: make(m)}
    for name in ("threshold", "contamination")
    for label, make in ODD_SHARES.items()
} | {"both": lambda m: {"threshold": 0.5, "contamination": 0.1}}


def _file_in(folder):
    path = os.path.join(folder, "file.txt")
    pathlib.Path(path).write_text("not a folder")
    return path


NO_FOLDERS = {
    "a file": lambda m: _file_in(m.folder),
    "in a file": lambda m: os.path.join(_file_in(m.folder), "place"),
} | constants(3, [], False, "place\0")
# The ordinary values of a parameter, and odd ones: some of these are refused.
SETTINGS = {
    "verdict": (ORDINARY_VERDICTS, ODD_VERDICTS),
    "max_epochs": (
        constants(1, 2, np.int64(2), np.uint8(2)),
        constants(
            *(0, -1, 2.0, np.nan, np.inf, "2", True, [2]),
            *(np.array(2), np.array([1, 2]), torch.tensor(2)),
        ),
    ),
    "batch_size": (
        constants(None, 7, 8, 16, 32, 1000, np.int32(16)),
        constants(
            *(1, 2, 3, np.uint8(200), np.int8(10), 0, -1, 1.5, 16.0, "all", np.nan, True),
            *(10**12, 10**30, np.array([8, 8])),
        ),
    ),
    "lr": (
        constants(None, 0.01, 0.001, 0.1, np.float32(0.01)),
        constants(
            *(1e30, 1e38, 1e300, 1e5, 1e-30, 1e-300, 0, -1, 1, np.nan, np.inf, "fast", True),
            *(np.array(0.1), np.array([0.1, 0.2]), [0.1], torch.tensor(0.01)),
            *(Fraction(1, 100), Decimal("0.01")),
        ),
    ),
    "device": (
        constants("cpu", "auto"),
        constants(
            *("meta", "toaster", "", None, 0, 1.5, "cuda:99", "cpu:0", "cpu:3", "xla", "vulkan"),
            *(torch.device("cpu"), b"cpu", ["cpu"], np.array(["auto", "cpu"]), "CPU"),
        ),
    ),
    "random_state": (
        constants(0, 3, None, np.int64(3), np.uint8(200), 2**31)
        | {"RandomState": lambda m: np.random.RandomState(3)},
        constants(
            *(-1, 2**32, 2**32 - 1, 2**70, np.int64(-1), 1.5, np.nan, "lucky", True, [1]),
            *(np.array(3), np.array([3, 4]), np.random, np.random.RandomState),
        )
        | {"Generator": lambda m: np.random.default_rng(3)},
    ),
    "verbose": (
        constants(0),
        constants(
            *(-1, 1, 2, 5, True, None, "loud", 1.5, np.nan, [], np.int64(1), np.array([1, 2]))
        ),
    ),
    "memory": (
        constants(None),
        {
            "folder": lambda m: os.path.join(m.folder, "cache"),
            "Memory": lambda m: joblib.Memory(os.path.join(m.folder, "cache"), verbose=0),
            "Path": lambda m: pathlib.Path(m.folder) / "cache",
            "deep folder": lambda m: os.path.join(m.folder, "a", "b", "c"),
            "Memory of None": lambda m: joblib.Memory(None),
        }
        | NO_FOLDERS,
    ),
    "checkpoint_dir": (
        {
            "folder": lambda m: os.path.join(m.folder, "checkpoints"),
            "Path": lambda m: pathlib.Path(m.folder) / "checkpoints",
        },
        {"deep folder": lambda m: os.path.join(m.folder, "a", "b", "c")} | NO_FOLDERS,
    ),
}
