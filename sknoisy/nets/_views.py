"""Random second views of a batch: crops, colours and cut-outs for images, noise for tables.

A view is any callable ``view(X, generator)`` that returns a tensor shaped like ``X`` and leaves
``X`` as it was. Each row gets its own random change, all rows are changed at once, and all
randomness comes from ``generator``: the numbers are drawn on the generator's device and then
moved to the batch's, so that a CPU generator gives the same view on every device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from sknoisy.nets._distortions import (
    N_OPERATIONS,
    apply_photometric,
    cover_square,
    geometric_matrices,
    warp,
)

__all__ = [
    "CropFlip",
    "FeatureMasking",
    "GaussianNoise",
    "NoView",
    "StrongAugment",
    "resolve_view",
]

_PADDING_SHARE = 8  # the default padding is the shorter side divided by this


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


@dataclass(frozen=True)
class GaussianNoise:
    """Add normal noise to a table, measured by each feature's own spread in the batch.

    A feature that is constant in the batch stays as it is. Columns that hold codes (one-hot
    categories, small integers) receive noise like any other; where that makes no sense, use
    :class:`FeatureMasking`.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise, in units of the feature's standard deviation over the
        batch. The default is a mild change, chosen by hand.

    Raises
    ------
    ValueError
        If `scale` is negative.

    Examples
    --------
    >>> import torch
    >>> X = torch.tensor([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    >>> GaussianNoise(scale=0.5)(X, torch.Generator().manual_seed(0))[:, 1]
    tensor([7., 7., 7.])
    """

    scale: float = 0.1

    def __post_init__(self):
        if self.scale < 0:
            raise ValueError(f"scale must be at least 0, got {self.scale!r}.")

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        constant = X.amax(dim=0) == X.amin(dim=0)
        # Rounding gives a constant column a tiny spread of its own, hence the mask.
        spread = X.std(dim=0, correction=0).masked_fill(constant, 0)
        noise = torch.randn(X.shape, generator=generator, device=generator.device)
        return X + self.scale * spread * noise.to(X)


@dataclass(frozen=True)
class FeatureMasking:
    """Replace single values of a table by the same feature's value in another row of the batch.

    Every value stays one that the feature really takes, so this suits categories and counts as
    well as measurements. A batch of one row has no other row to borrow from and stays as it is.

    Parameters
    ----------
    rate : float, default=0.1
        Probability with which each value is replaced. The paper corrupts a share of 0.6 for
        contrastive learning; the default is milder, as the label has to stay true.

    Raises
    ------
    ValueError
        If `rate` is outside [0, 1].

    References
    ----------
    Bahri, Jiang, Tay and Metzler, "SCARF: Self-Supervised Contrastive Learning using Random
    Feature Corruption", ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> X = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    >>> FeatureMasking(rate=1.0)(X, torch.Generator().manual_seed(0))
    tensor([[ 2., 20.],
            [ 1., 10.]])
    """

    rate: float = 0.1

    def __post_init__(self):
        _check_share("rate", self.rate)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        n_rows = len(X)
        steps = 1 + _integers(max(n_rows - 1, 1), X.shape, generator)
        rows = torch.arange(n_rows, device=steps.device)
        donors = (rows.view(-1, *[1] * (X.ndim - 1)) + steps) % n_rows
        replaced = _uniform(X.shape, generator) < self.rate
        return torch.where(replaced.to(X.device), X.gather(0, donors.to(X.device)), X)


@dataclass(frozen=True)
class CropFlip:
    """Shift each image by whole pixels, and mirror half of them left to right.

    The image is padded on all sides by its own reflection and cropped back to its size at a
    random place; no value is interpolated.

    Parameters
    ----------
    padding : int or None, default=None
        Pixels of padding, and so the largest shift. ``None``: an eighth of the shorter side,
        the usual 4 pixels for a side of 32.
    flip : bool, default=True
        Mirror each image with probability one half. Turn it off where left and right differ,
        as in written digits.

    Raises
    ------
    ValueError
        If `padding` is negative; in a call, if `X` has not four dimensions or `padding` is not
        smaller than both sides.

    Examples
    --------
    >>> import torch
    >>> X = torch.rand(2, 3, 32, 32)
    >>> CropFlip(padding=4)(X, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 32, 32])
    """

    padding: int | None = None
    flip: bool = True

    def __post_init__(self):
        if self.padding is not None and self.padding < 0:
            raise ValueError(f"padding must be None or at least 0, got {self.padding!r}.")

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        n_images, n_channels, height, width = _image_shape(X)
        padding = self._pixels(height, width)
        shifts = _integers(2 * padding + 1, (n_images, 2), generator) - padding
        rows = _shifted_positions(height, shifts[:, 0])
        columns = _shifted_positions(width, shifts[:, 1])
        if self.flip:
            mirrored = _uniform((n_images, 1), generator) < 0.5
            columns = torch.where(mirrored, columns.flip(1), columns)
        pixels = (rows[:, :, None] * width + columns[:, None, :]).to(X.device)
        pixels = pixels.view(n_images, 1, -1).expand(-1, n_channels, -1)
        return X.flatten(2).gather(2, pixels).view(X.shape)

    def _pixels(self, height: int, width: int) -> int:
        side = min(height, width)
        padding = side // _PADDING_SHARE if self.padding is None else self.padding
        if padding >= side:
            raise ValueError(
                f"padding must be smaller than the shorter side of the images ({side} pixels), "
                f"got {padding}."
            )
        return padding


@dataclass(frozen=True)
class StrongAugment:
    """Crop, flip, a few random distortions per image and a grey square: the strong view.

    After :class:`CropFlip`, each image goes through `n_operations` draws from a pool; a drawn
    operation is applied with probability `probability` and a random strength. The pool:
    brightness, contrast, colour, sharpness, solarize, posterize, invert, autocontrast, and
    rotation (up to 30 degrees), shear (0.1) and translation (0.05 of the side) along each
    axis. All geometry of an image is done in one bilinear resampling, with grey outside. At
    last a grey square covers a random place. The pool lacks the equalisation and the second
    solarisation of the pool it follows.

    Parameters
    ----------
    n_operations : int, default=2
        Draws from the pool per image. The default is the one of the code that came with
        wrong-event learning [1]_, as for the next two and `cutout`.
    probability : float, default=0.5
        Probability with which a drawn operation is applied.
    magnitude : float, default=1.0
        Largest strength, in [0, 1]. The code uses its full scale, and half of it for CIFAR-10.
        Inversion and autocontrast have no strength.
    cutout : float, default=0.15
        Side of the grey square as a share of the image's side; 0 leaves it out.
    padding : int or None, default=None
        As in :class:`CropFlip`.
    flip : bool, default=True
        As in :class:`CropFlip`.

    Raises
    ------
    ValueError
        If a parameter is out of its range; in a call, if `X` has not four dimensions.

    Notes
    -----
    Images must be floats in [0, 1]; values outside are clipped without a word. Inversion and
    solarisation change what an image means where colour or polarity is the class itself.

    References
    ----------
    .. [1] Zhang et al., "Handling Label Noise via Instance-Level Difficulty Modeling and
       Dynamic Optimization", NeurIPS 2025. The pool is a variant of [2]_, the grey square
       that of [3]_.
    .. [2] Cubuk, Zoph, Shlens and Le, "RandAugment: Practical Automated Data Augmentation
       with a Reduced Search Space", NeurIPS 2020.
    .. [3] DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with
       Cutout", 2017.

    Examples
    --------
    >>> import torch
    >>> X = torch.rand(4, 3, 32, 32)
    >>> strong = StrongAugment()(X, torch.Generator().manual_seed(0))
    >>> strong.shape, bool(strong.min() >= 0), bool(strong.max() <= 1)
    (torch.Size([4, 3, 32, 32]), True, True)
    """

    n_operations: int = 2
    probability: float = 0.5
    magnitude: float = 1.0
    cutout: float = 0.15
    padding: int | None = None
    flip: bool = True

    def __post_init__(self):
        if self.n_operations < 0:
            raise ValueError(f"n_operations must be at least 0, got {self.n_operations!r}.")
        for name in ("probability", "magnitude", "cutout"):
            _check_share(name, getattr(self, name))
        CropFlip(self.padding, self.flip)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        X = CropFlip(self.padding, self.flip)(X, generator)
        mapping = torch.eye(3).repeat(len(X), 1, 1).to(generator.device)
        for _ in range(self.n_operations):
            operations, levels = self._draw(len(X), generator)
            X = apply_photometric(X, operations, levels)
            mapping = mapping @ geometric_matrices(operations, levels, X.shape[2:])
        places = _uniform((len(X), 2), generator).to(X)
        return cover_square(warp(X, mapping), places, self.cutout).clamp(0, 1)

    def _draw(self, n_images: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """One operation per image (-1: none) and its signed strength."""
        operations = _integers(N_OPERATIONS, (n_images,), generator)
        applied = _uniform((n_images,), generator) < self.probability
        levels = self.magnitude * (2 * _uniform((n_images,), generator) - 1)
        return torch.where(applied, operations, -1), levels


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


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}.")


def _image_shape(X: Tensor) -> torch.Size:
    if X.ndim != 4:
        raise ValueError(
            "X must be a batch of images of shape (n_images, n_channels, height, width), "
            f"got shape {tuple(X.shape)}."
        )
    return X.shape


def _uniform(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def _integers(n_values: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randint(n_values, shape, generator=generator, device=generator.device)


def _shifted_positions(side: int, shifts: Tensor) -> Tensor:
    """Source position of each pixel along one axis, reflected at both ends."""
    positions = shifts[:, None] + torch.arange(side, device=shifts.device)
    return (side - 1) - ((side - 1) - positions.abs()).abs()


_NAMED_VIEWS = {
    "crop_flip": CropFlip(),
    "crop": CropFlip(flip=False),
    "strong": StrongAugment(),
    "noise": GaussianNoise(),
    "masking": FeatureMasking(),
}
