"""One published method per module."""

from ._base import LabelEvidence, Method, margin_quality
from ._cross_entropy import CrossEntropy
from ._lsw import LSW
from ._registry import METHODS, check_trusted_rows, resolve_method
from ._wrong_event import WrongEvent

__all__ = [
    "LSW",
    "METHODS",
    "CrossEntropy",
    "LabelEvidence",
    "Method",
    "WrongEvent",
    "check_trusted_rows",
    "margin_quality",
    "resolve_method",
]
