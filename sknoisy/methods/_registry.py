"""Methods by name."""

from sklearn.base import clone

from ..exceptions import TrustedRowsRequiredError
from ..training import python_scalars
from ._base import Method
from ._bhn import BHN
from ._cal import CAL
from ._cores import CORES
from ._cross_entropy import CrossEntropy
from ._l2rw import L2RW
from ._lsw import LSW
from ._meta_weight_net import MetaWeightNet
from ._nlnl import NLNL
from ._ptd import PTD
from ._simifeat import SimiFeat
from ._wrong_event import WrongEvent

METHODS = {
    "bhn": BHN,
    "cal": CAL,
    "cores": CORES,
    "cross_entropy": CrossEntropy,
    "l2rw": L2RW,
    "lsw": LSW,
    "meta_weight_net": MetaWeightNet,
    "nlnl": NLNL,
    "ptd": PTD,
    "simifeat": SimiFeat,
    "wrong_event": WrongEvent,
}


def resolve_method(method):
    """Return a method object from a name or an object.

    Raises
    ------
    ValueError
        If there is no method of that name, or the object is none.
    """
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]()
    if isinstance(method, Method):
        method = clone(method)
        method.set_params(**python_scalars(method.get_params(deep=False)))
        method.check_parameters()
        return method
    names = ", ".join(repr(name) for name in METHODS)
    raise ValueError(
        f"The 'method' parameter must be one of {names}, or an object from sknoisy.methods. "
        f"Got {method!r} instead."
    )


def check_trusted_rows(method, trusted):
    """Raise an error if the method needs trusted rows and there are none."""
    if trusted.any() or not method.requires_trusted_rows():
        return
    free = ", ".join(repr(name) for name, kind in METHODS.items() if not kind.needs_trusted)
    stand_ins = "set the method's parameter self_trusted to a share such as 0.3, or "
    raise TrustedRowsRequiredError(
        f"The method {type(method).__name__} needs rows whose labels are known to be right: pass "
        f"trusted=mask to fit. Without any, {stand_ins if hasattr(method, 'self_trusted') else ''}"
        f"use a method that needs none: {free}."
    )
