"""Checks of constructor parameters; each error names the parameter, the rule and the value."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def check_number(
    owner: object,
    name: str,
    low: float,
    high: float = np.inf,
    *,
    kind: type[Any] = Real,
    above: bool = False,
    optional: bool = False,
) -> None:
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


def check_choice(method: object, name: str, choices: Sequence[object]) -> None:
    """Raise an error unless the parameter is one of the choices."""
    value = getattr(method, name)
    if np.ndim(value) or value not in choices:
        raise ValueError(
            f"The '{name}' parameter of {type(method).__name__} must be one of {choices}. "
            f"Got {value!r} instead."
        )


def check_share(name: str, value: Any, owner: str) -> None:
    """Raise an error unless the value is a float in (0, 1)."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < 1:
        raise ValueError(
            f"The '{name}' parameter of {owner} must be a float in (0, 1). Got {value!r} instead."
        )


def check_random_state_parameter(owner: Any) -> None:
    """Raise an error unless `random_state` is what scikit-learn takes as one."""
    try:
        check_random_state(owner.random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'random_state' parameter of {type(owner).__name__} must be None, an integer in "
            f"[0, 2**32) or a numpy RandomState: {error}. Got {owner.random_state!r} instead."
        ) from error


def check_verbose(owner: Any) -> None:
    """Raise an error unless `verbose` is a number from 0 on, or a boolean."""
    value = owner.verbose
    if not isinstance(value, Integral | np.bool_) or value < 0:
        raise ValueError(
            f"The 'verbose' parameter of {type(owner).__name__} must be an integer from 0 on. "
            f"Got {value!r} instead."
        )
