"""One published method per module."""

from ._base import LabelEvidence, Method, margin_quality
from ._bhn import BHN
from ._cores import CORES
from ._cross_entropy import CrossEntropy
from ._l2rw import L2RW
from ._lsw import LSW
from ._meta_weight_net import MetaWeightNet
from ._nlnl import NLNL
from ._registry import METHODS, check_trusted_rows, resolve_method
from ._simifeat import SimiFeat
from ._wrong_event import WrongEvent

__all__ = [
    "BHN",
    "CORES",
    "L2RW",
    "LSW",
    "NLNL",
    "METHODS",
    "CrossEntropy",
    "LabelEvidence",
    "MetaWeightNet",
    "Method",
    "SimiFeat",
    "WrongEvent",
    "check_trusted_rows",
    "margin_quality",
    "resolve_method",
]
