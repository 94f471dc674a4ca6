"""Fitted estimators in files that run no code: weights, arrays and JSON."""

from ._archive import read_parts, replacing, write_parts
from ._model_files import load, save
from ._scikit_learn import TRUSTED_TYPES
from ._stored_attributes import restored, stored

__all__ = [
    "TRUSTED_TYPES",
    "load",
    "read_parts",
    "replacing",
    "restored",
    "save",
    "stored",
    "write_parts",
]
