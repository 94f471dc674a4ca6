"""Parameters of methods, from the signatures of their classes: new methods take part."""

import re
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

from sknoisy import RobustClassifier
from sknoisy.methods import METHODS

from .brought import raise_own_error

NONSENSE = "nonsense of a test"
NUMBERS = [None, True, False, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0, 1, 2, 3, 5, np.int64(2)]
ODD_VALUES = (
    *(-1, 0, 1, 1.5, 1e30, 1e-30, 0.999999, np.nan, np.inf, None, True, NONSENSE, [1]),
    *(np.float32(0.5), np.int64(1), raise_own_error, np.array(0.5), np.array([0.5, 0.5])),
    np.array(["auto", "auto"]),
)
NO_METHODS = ("magic", None, METHODS["wrong_event"], LogisticRegression(), 3, ["lsw"], "")
ODD_FINALS = ("best", None, True, 3, np.array(["auto", "joint"]), ["auto"], "AUTO", "")
# Methods by which an estimator may judge.
METHODS_OF_ESTIMATORS = [
    name for name, kind in METHODS.items() if kind.estimator_parameters is not None
]


def named_choices(call):
    """Return the literals in parentheses in the error that a call ends in."""
    try:
        call()
    except (ValueError, TypeError) as error:
        found = re.search(r"one of \((.*?)\)", str(error))
        parts = found.group(1).split(",") if found else []
        return [eval(part, {}) for part in parts if part.strip()]
    return []


@cache
def method_parameters(name):
    """Return for each constructor parameter of a method the values that it accepts."""
    defaults = METHODS[name]().get_params(deep=False)
    for old in METHODS[name].renamed_parameters:
        defaults.pop(old)
    return {parameter: _accepted(name, parameter, value) for parameter, value in defaults.items()}


def _accepted(name, parameter, default):
    def is_accepted(value):
        try:
            METHODS[name](**{parameter: value}).check_parameters()
        except Exception:
            return False
        return True

    choices = named_choices(lambda: METHODS[name](**{parameter: NONSENSE}).check_parameters())
    if isinstance(default, bool):
        return [True, False]
    values = [default, *(choices or [value for value in NUMBERS if is_accepted(value)])]
    if isinstance(default, float) and not choices:
        values += [value for value in (0.5 * default, 1.5 * default) if is_accepted(value)]
    return values


@cache
def finals():
    model = RobustClassifier("cross_entropy", max_epochs=1, final=NONSENSE, device="cpu")
    X = np.arange(8.0)[:, None]
    return named_choices(lambda: model.fit(X, np.arange(8) % 2)) or ["auto"]


def needs_trusted(method):
    """Whether a method, given as a name or as an object, asks for trusted rows."""
    try:
        return (METHODS[method]() if isinstance(method, str) else method).requires_trusted_rows()
    except Exception:
        # It is none, or has odd parameters that it hasn't checked yet.
        return getattr(type(method), "needs_trusted", False)
