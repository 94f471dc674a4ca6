"""One published method per module."""

from ._base import LabelEvidence, Method, margin_quality
from ._bhn import BHN
from ._cal import CAL
from ._cores import CORES
from ._cross_entropy import CrossEntropy
from ._l2rw import L2RW
from ._lsw import LSW
from ._meta_weight_net import MetaWeightNet
from ._nlnl import NLNL
from ._ptd import PTD
from ._registry import METHODS, check_trusted_rows, resolve_method
from ._simifeat import SimiFeat
from ._wrong_event import WrongEvent

__all__ = [
    "BHN",
    "CAL",
    "CORES",
    "L2RW",
    "LSW",
    "NLNL",
    "PTD",
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
