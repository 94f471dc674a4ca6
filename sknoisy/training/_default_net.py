"""The default net for the data with some of its parameters set, before the data are known."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Self

from sklearn.base import clone
from skorch import NeuralNet
from torch import nn

from .. import nets


class DefaultNet:
    """Stands for the default net, so that its parameters can be searched like any other's.

    It takes the place of `net=None`, or of a module, where `set_params` is given one of the net's
    parameters. Which net they are for is settled when the data are known.

    Parameters
    ----------
    **parameters
        Of the net; `module` may be among them.
    """

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return dict(self.parameters)

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters of the net.

        Raises
        ------
        ValueError
            If no default net has a parameter of that name.
        """
        changed = self.parameters | parameters
        kinds = _kinds_of_nets()
        for name in parameters:
            if not any(_has_parameter(kind, name, changed) for kind in kinds):
                raise _unknown(name, kinds, changed)
        self.parameters = changed
        return self

    def of(self, net: NeuralNet) -> NeuralNet:
        """Return the net, the default for the data, with the parameters set.

        Raises
        ------
        ValueError
            If it hasn't a parameter of that name.
        """
        for name in self.parameters:
            if not _has_parameter(type(net), name, self.parameters):
                raise _unknown(name, [type(net)], self.parameters)
        rest = {name: value for name, value in self.parameters.items() if name != "module"}
        return net.set_params(**rest)

    @property
    def module(self) -> Any:
        """The module that the user gave, or None."""
        return self.parameters.get("module")

    def __sklearn_clone__(self) -> DefaultNet:
        return DefaultNet(
            **{name: clone(value, safe=False) for name, value in self.parameters.items()}
        )

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"DefaultNet({shown})"


def searchable_net(net: Any) -> DefaultNet:
    """Return an object whose parameters can be set in place of None or a module.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if net is None:
        return DefaultNet()
    if isinstance(net, nn.Module) or (inspect.isclass(net) and issubclass(net, nn.Module)):
        return DefaultNet(module=net)
    raise TypeError(
        "The 'net' parameter must be None, a torch.nn.Module or an unfitted skorch "
        f"NeuralNetClassifier, so that its own parameters can be set. Got {net!r} instead."
    )


def _kinds_of_nets() -> list[type[NeuralNet]]:
    kinds = (getattr(nets, name) for name in nets.__all__)
    return [kind for kind in kinds if issubclass(kind, NeuralNet)]


def _has_parameter(kind: type[NeuralNet], name: str, parameters: dict[str, Any]) -> bool:
    first, _, rest = name.partition("__")
    if first != "module" or not rest:
        return first in _names_of_net(kind)
    names = _names_of_module(kind, parameters)
    return names is None or rest.partition("__")[0] in names


def _names_of_net(kind: type[NeuralNet]) -> set[str]:
    """Return the names of the parameters of a net, those of its base classes included."""
    signatures = (inspect.signature(each) for each in kind.__mro__ if issubclass(each, NeuralNet))
    return set().union(*map(_named, signatures))


def _names_of_module(kind: type[NeuralNet], parameters: dict[str, Any]) -> set[str] | None:
    """Return the names of the parameters of a net's module; None where it takes any."""
    module = parameters.get("module")
    if module is None:
        module = inspect.signature(kind).parameters["module"].default
    if not inspect.isclass(module):
        return set()
    signature = inspect.signature(module)
    if any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()):
        return None
    return _named(signature)


def _named(signature: inspect.Signature) -> set[str]:
    some = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name
        for name, parameter in signature.parameters.items()
        if name != "self" and parameter.kind not in some
    }


def _unknown(name: str, kinds: Iterable[type[NeuralNet]], parameters: dict[str, Any]) -> ValueError:
    kinds = list(kinds)
    owner = kinds[0].__name__ if len(kinds) == 1 else "the default net"
    names: set[str] = set()
    if name.startswith("module__"):
        of_modules = (_names_of_module(kind, parameters) or set() for kind in kinds)
        names = {f"module__{each}" for each in set().union(*of_modules)}
    if not names:
        names = set().union(*map(_names_of_net, kinds))
    shown = ", ".join(f"'net__{each}'" for each in sorted(names))
    return ValueError(
        f"The 'net' parameter has no parameter {name!r}: {owner} takes {shown}. Got 'net__{name}'."
    )
