"""Views of several named inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Generator

from .._named_inputs import NamedInputs
from ._image import CropFlip, StrongAugment
from ._named import NoView
from ._table import FeatureMasking, GaussianNoise


def view_of_named_inputs(
    view: Callable[..., Any], parameter: str
) -> Callable[[NamedInputs, Generator], NamedInputs]:
    """Return a view of named inputs.

    Noise and masking change each entry by itself; noise leaves integers, which may be codes. Any
    other callable is given all entries as a dict.

    Parameters
    ----------
    view : callable
        As `resolve_view` gives it.
    parameter : str
        Of the net, which the view comes from.

    Raises
    ------
    ValueError
        If it is a view of images, which takes one array.
    """
    if isinstance(view, CropFlip | StrongAugment):
        raise ValueError(
            f"The '{parameter}' of 'net' must be None, 'noise', 'masking' or a callable where X "
            f"is a dict of arrays: a callable is given the dict. Got {view!r}, a view of one "
            "array of images."
        )
    if isinstance(view, NoView):
        return view  # type: ignore[return-value]
    if isinstance(view, GaussianNoise | FeatureMasking):
        return EachInput(view)
    return AllInputs(view)


@dataclass(frozen=True)
class EachInput:
    """A view of tables, of each entry by itself."""

    view: GaussianNoise | FeatureMasking

    def __call__(self, X: NamedInputs, generator: Generator) -> NamedInputs:
        def changed(values: Any) -> Any:
            keeps = isinstance(self.view, GaussianNoise) and not values.is_floating_point()
            return values if keeps else self.view(values, generator)

        return X.each(changed)


@dataclass(frozen=True)
class AllInputs:
    """A user's view of all entries together."""

    view: Callable[..., Any]

    def __call__(self, X: NamedInputs, generator: Generator) -> NamedInputs:
        return NamedInputs(self.view(X, generator))
