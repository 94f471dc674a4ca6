"""Random views of images: crops, mirroring, colours and cut-outs."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ._image_operations import (
    N_OPERATIONS,
    apply_photometric,
    cover_square,
    geometric_matrices,
    warp,
)
from ._random_numbers import check_share, integers, uniform

_PADDING_SHARE = 8  # the default padding is the shorter side divided by this


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

    def __post_init__(self) -> None:
        if self.padding is not None and self.padding < 0:
            raise ValueError(f"padding must be None or at least 0, got {self.padding!r}.")

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        n_images, n_channels, height, width = _image_shape(X)
        padding = self._pixels(height, width)
        shifts = integers(2 * padding + 1, (n_images, 2), generator) - padding
        rows = _shifted_positions(height, shifts[:, 0])
        columns = _shifted_positions(width, shifts[:, 1])
        if self.flip:
            mirrored = uniform((n_images, 1), generator) < 0.5
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

    def __post_init__(self) -> None:
        if self.n_operations < 0:
            raise ValueError(f"n_operations must be at least 0, got {self.n_operations!r}.")
        for name in ("probability", "magnitude", "cutout"):
            check_share(name, getattr(self, name))
        CropFlip(self.padding, self.flip)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        X = CropFlip(self.padding, self.flip)(X, generator)
        mapping = torch.eye(3).repeat(len(X), 1, 1).to(generator.device)
        for _ in range(self.n_operations):
            operations, levels = self._draw(len(X), generator)
            X = apply_photometric(X, operations, levels)
            mapping = mapping @ geometric_matrices(operations, levels, X.shape[2:])
        places = uniform((len(X), 2), generator).to(X)
        return cover_square(warp(X, mapping), places, self.cutout).clamp(0, 1)

    def _draw(self, n_images: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """One operation per image (-1: none) and its signed strength."""
        operations = integers(N_OPERATIONS, (n_images,), generator)
        applied = uniform((n_images,), generator) < self.probability
        levels = self.magnitude * (2 * uniform((n_images,), generator) - 1)
        return torch.where(applied, operations, -1), levels


def _image_shape(X: Tensor) -> torch.Size:
    if X.ndim != 4:
        raise ValueError(
            "X must be a batch of images of shape (n_images, n_channels, height, width), "
            f"got shape {tuple(X.shape)}."
        )
    return X.shape


def _shifted_positions(side: int, shifts: Tensor) -> Tensor:
    """Source position of each pixel along one axis, reflected at both ends."""
    positions = shifts[:, None] + torch.arange(side, device=shifts.device)
    return (side - 1) - ((side - 1) - positions.abs()).abs()
