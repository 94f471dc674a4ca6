"""Random second views of a batch: crops, colours and cut-outs for images, noise for tables.

A view is any callable ``view(X, generator)`` that returns a tensor shaped like ``X`` and leaves
``X`` as it was. Each row gets its own random change, all rows are changed at once, and all
randomness comes from ``generator``: the numbers are drawn on the generator's device and then
moved to the batch's, so that a CPU generator gives the same view on every device.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator, Tensor

from ._image import CropFlip, StrongAugment
from ._table import FeatureMasking, GaussianNoise


@dataclass(frozen=True)
class NoView:
    """The batch itself, unchanged and not copied.

    Examples
    --------
    >>> import torch
    >>> X = torch.ones(2, 3)
    >>> NoView()(X, torch.Generator()) is X
    True
    """

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        return X


def resolve_view(view: str | Callable | None) -> Callable[[Tensor, Generator], Tensor]:
    """The callable that a view's name stands for.

    Parameters
    ----------
    view : str, callable or None
        ``"crop_flip"``, ``"crop"`` (no mirroring) or ``"strong"`` for images, ``"noise"`` or
        ``"masking"`` for tables, ``None`` for no change; a callable is handed back.

    Returns
    -------
    callable
        ``view(X, generator)``, which returns a tensor shaped like `X`.

    Raises
    ------
    ValueError
        If `view` is neither a known name, nor None, nor a callable, or is a class.

    Examples
    --------
    >>> resolve_view("crop")
    CropFlip(padding=None, flip=False)
    >>> resolve_view(None)
    NoView()
    """
    if view is None:
        return NoView()
    if isinstance(view, str) and view in _NAMED_VIEWS:
        return _NAMED_VIEWS[view]
    if callable(view) and not isinstance(view, type):
        return view
    names = ", ".join(repr(name) for name in _NAMED_VIEWS)
    raise ValueError(
        f"A view must be one of {names}, None, or a callable view(X, generator) such as "
        f"CropFlip(padding=4), got {view!r}."
    )


_NAMED_VIEWS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "crop_flip": CropFlip(),
    "crop": CropFlip(flip=False),
    "strong": StrongAugment(),
    "noise": GaussianNoise(),
    "masking": FeatureMasking(),
}
