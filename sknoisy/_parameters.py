"""Checks of constructor parameters; each error names the parameter, the rule and the value."""

from numbers import Integral, Real

import numpy as np


def check_number(owner, name, low, high=np.inf, *, kind=Real, above=False, optional=False):
    """Raise an error unless the parameter is a number in [low, high), or (low, high) if `above`.

    Parameters
    ----------
    owner : estimator or Method
    name : str
    low, high : float
    kind : {numbers.Real, numbers.Integral}
    above : bool, default=False
        Whether `low` itself is excluded.
    optional : bool, default=False
        Whether None is allowed.
    """
    value = getattr(owner, name)
    if value is None and optional:
        return
    if isinstance(value, kind) and not isinstance(value, bool):
        in_range = (low < value if above else low <= value) and (value < high or high == np.inf)
        if in_range:
            return
    raise ValueError(
        f"The '{name}' parameter of {type(owner).__name__} must be "
        f"{'None or ' if optional else ''}{'an integer ' if kind is Integral else ''}in "
        f"{'(' if above else '['}{low}, {high}). Got {value!r} instead."
    )


def check_choice(method, name, choices):
    """Raise an error unless the parameter is one of the choices."""
    value = getattr(method, name)
    if value not in choices:
        raise ValueError(
            f"The '{name}' parameter of {type(method).__name__} must be one of {choices}. "
            f"Got {value!r} instead."
        )


def check_share(name, value, owner):
    """Raise an error unless the value is a float in (0, 1)."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 < value < 1:
        raise ValueError(
            f"The '{name}' parameter of {owner} must be a float in (0, 1). Got {value!r} instead."
        )
