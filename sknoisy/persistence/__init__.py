"""Fitted estimators in files that run no code: weights, arrays and JSON."""

from ._model_files import load, save
from ._scikit_learn import TRUSTED_TYPES
from ._stored_attributes import restored, stored

__all__ = ["TRUSTED_TYPES", "load", "restored", "save", "stored"]
