"""Names that have changed: the old ones still work for one version, with a warning."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def renamed_names(module: str, names: Mapping[str, tuple[str, str]]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module some of whose names have moved.

    Parameters
    ----------
    module : str
        The module's `__name__`.
    names : dict
        From an old name to the pair of the new module and the new name.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new_module, new_name = names[name]
        warnings.warn(
            f"{module}.{name} is called {new_module}.{new_name} now; the old name goes in 0.3.",
            FutureWarning,
            stacklevel=2,
        )
        return getattr(import_module(new_module), new_name)

    return find
