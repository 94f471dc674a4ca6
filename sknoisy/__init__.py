"""scikit-learn estimators that find wrong labels and learn in spite of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._classifier import RobustClassifier
    from ._detector import NoisyLabelDetector
    from ._model_files import load, save
    from ._skops_trusted import SKOPS_TRUSTED
    from .training import distributed

    __version__: str

__all__ = [
    "SKOPS_TRUSTED",
    "NoisyLabelDetector",
    "RobustClassifier",
    "__version__",
    "distributed",
    "load",
    "save",
]

# PyTorch, pandas and scikit-learn take seconds to import, so what is here comes when it is asked
# for first: these names from their modules, and the public modules themselves.
_MODULE_OF = {
    "NoisyLabelDetector": "_detector",
    "RobustClassifier": "_classifier",
    "SKOPS_TRUSTED": "_skops_trusted",
    "distributed": "training",
    "load": "_model_files",
    "save": "_model_files",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version(__name__)
    elif name in _public_modules():
        return import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_public_modules()})


def _public_modules() -> set[str]:
    from pkgutil import iter_modules

    return {module.name for module in iter_modules(__path__) if not module.name.startswith("_")}
