"""Methods by name, found in this folder: a new one is a module here that nobody else names."""

import pkgutil
import warnings
from collections.abc import Iterator
from importlib import import_module

import pandas as pd
from sklearn.base import clone

from .._typing import BoolArray
from ..exceptions import TrustedRowsRequiredError
from ..training import python_scalars
from ._base import Method

PACKAGE = __name__.rpartition(".")[0]


def _find_methods() -> dict[str, type[Method]]:
    """Return the classes of the methods of this package by name, in alphabetical order."""
    folder = import_module(PACKAGE).__path__
    for module in pkgutil.iter_modules(folder):
        if module.name != "_registry":
            import_module(f"{PACKAGE}.{module.name}")
    found = {
        kind.name: kind
        for kind in _subclasses(Method)
        if "name" in vars(kind) and kind.__module__.startswith(PACKAGE)
    }
    return dict(sorted(found.items()))


def _subclasses(kind: type[Method]) -> Iterator[type[Method]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


#: The class of each method by its name, in alphabetical order.
METHODS = _find_methods()


def resolve_method(method: str | Method) -> Method:
    """Return a method object from a name or an object.

    Parameters
    ----------
    method : str or Method

    Returns
    -------
    Method
        A copy of the object.

    Raises
    ------
    ValueError
        If there is no method of that name, or the object is none.
    """
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]()
    if isinstance(method, Method):
        own = clone(method)
        own.set_params(**python_scalars(own.get_params(deep=False)))
        _take_renamed_parameters(own)
        own.check_parameters()
        return own
    names = ", ".join(repr(name) for name in METHODS)
    raise ValueError(
        f"The 'method' parameter must be one of {names}, or an object from sknoisy.methods. "
        f"Got {method!r} instead."
    )


def _take_renamed_parameters(method: Method) -> None:
    """Give parameters their names of today; `method` is a copy of the user's object."""
    for old, new in method.renamed_parameters.items():
        value = getattr(method, old)
        if isinstance(value, str) and value == "deprecated":
            continue
        warnings.warn(
            f"The parameter {old!r} of {type(method).__name__} is called {new!r} now; the old name "
            "goes in 0.3.",
            FutureWarning,
            stacklevel=2,
        )
        method.set_params(**{new: value, old: "deprecated"})


def check_trusted_rows(method: Method, trusted: BoolArray) -> None:
    """Raise an error if the method needs trusted rows and there are none.

    Parameters
    ----------
    method : Method
    trusted : ndarray of bool of shape (n_rows,)
    """
    if trusted.any() or not method.requires_trusted_rows():
        return
    free = ", ".join(repr(name) for name, kind in METHODS.items() if not kind.needs_trusted)
    stand_ins = "set the method's parameter self_trusted to a share such as 0.3, or "
    raise TrustedRowsRequiredError(
        f"The method {type(method).__name__} needs rows whose labels are known to be right: pass "
        f"trusted=mask to fit. Without any, {stand_ins if hasattr(method, 'self_trusted') else ''}"
        f"use a method that needs none: {free}."
    )


def describe_methods() -> pd.DataFrame:
    """Return a table of all methods: what they need and cost, and when to choose them.

    Returns
    -------
    DataFrame
        One row per method, with its name as the index.

    Examples
    --------
    >>> from sknoisy.methods import describe_methods
    >>> describe_methods().loc["cross_entropy", "needs"]
    'the labels only'
    """
    columns = ("needs", "cost", "choose_it", "citation")
    rows = {name: [getattr(kind, column) for column in columns] for name, kind in METHODS.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns)).rename_axis("method")


def check_distributed_method(method: Method) -> None:
    """Raise an error if several processes can't train by the method together.

    Parameters
    ----------
    method : Method
    """
    if not method.trains_distributed:
        able = [name for name, kind in METHODS.items() if kind.trains_distributed]
        raise ValueError(
            f"The method {type(method).__name__} can't be trained by several processes together. "
            f"In sknoisy.distributed() use one of {', '.join(map(repr, able))}."
        )


def check_judging_estimator(method: Method) -> None:
    """Raise an error if a scikit-learn classifier can't judge by the method as it is set.

    Parameters
    ----------
    method : Method
    """
    name = type(method).__name__
    if method.estimator_parameters is None:
        able = [name for name, kind in METHODS.items() if kind.estimator_parameters is not None]
        raise ValueError(
            f"The method {name} trains nets, so it excludes an 'estimator': leave estimator=None, "
            f"or use one of {', '.join(map(repr, able))}."
        )
    defaults = type(method)().get_params(deep=False)
    for parameter, value in method.get_params(deep=False).items():
        is_set = not (value is defaults[parameter] or value == defaults[parameter])
        if is_set and parameter not in method.estimator_parameters:
            raise ValueError(
                f"The '{parameter}' parameter of {name} belongs to the training of nets, and means "
                f"nothing where an 'estimator' judges. Got {value!r}."
            )
