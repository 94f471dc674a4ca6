"""The published methods, each in a module or folder of its own that names itself."""

from typing import TYPE_CHECKING

from ._base import LabelEvidence, Method, runner_up_classes
from ._registry import (
    METHODS,
    check_distributed_method,
    check_judging_estimator,
    check_trusted_rows,
    describe_methods,
    resolve_method,
)
from ._self_trust import settle_trusted_rows

# The classes of all methods are names of this module, whichever there are.
globals().update({kind.__name__: kind for kind in METHODS.values()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[Method]: ...


__all__ = [
    "METHODS",
    "LabelEvidence",
    "Method",
    "check_distributed_method",
    "check_judging_estimator",
    "check_trusted_rows",
    "describe_methods",
    "resolve_method",
    "runner_up_classes",
    "settle_trusted_rows",
    *(kind.__name__ for kind in METHODS.values()),
]
