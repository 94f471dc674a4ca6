"""Distortions of a batch of images: each image by its own operation and strength.

Pure functions on float images of shape (n_images, n_channels, height, width) in [0, 1]. An
operation is a number below `N_OPERATIONS`, -1 stands for none; its strength ("level") lies in
[-1, 1], where 0 leaves the image as it is.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 0.5  # fills what comes in from outside an image

_ENHANCE_RANGE = 0.9  # brightness, contrast, colour and sharpness are scaled by 1 -/+ this
_COARSEST_POSTERIZE_BITS = 4
_MAX_ROTATION = math.radians(30)
_MAX_SHEAR = 0.1
_MAX_TRANSLATION = 0.05  # share of the side
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601 weights of red, green and blue
_GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def _greyscale(X: Tensor) -> Tensor:
    if X.shape[1] != len(_LUMA):
        return X.mean(dim=1, keepdim=True)
    return (X * X.new_tensor(_LUMA).view(1, -1, 1, 1)).sum(dim=1, keepdim=True)


def _smooth(X: Tensor) -> Tensor:
    n_channels = X.shape[1]
    kernel = X.new_ones(n_channels, 1, 3, 3)
    kernel[:, :, 1, 1] = 5
    padded = F.pad(X, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel / 13, groups=n_channels)


def _enhance(X: Tensor, plain: Tensor | float, level: Tensor) -> Tensor:
    """Move `X` away from (level > 0) or towards (level < 0) an image without the quality."""
    return plain + (1 + _ENHANCE_RANGE * level) * (X - plain)


def _brightness(X: Tensor, level: Tensor) -> Tensor:
    return _enhance(X, 0.0, level)


def _contrast(X: Tensor, level: Tensor) -> Tensor:
    return _enhance(X, _greyscale(X).mean(dim=(2, 3), keepdim=True), level)


def _colour(X: Tensor, level: Tensor) -> Tensor:
    return _enhance(X, _greyscale(X), level)


def _sharpness(X: Tensor, level: Tensor) -> Tensor:
    return _enhance(X, _smooth(X), level)


def _solarize(X: Tensor, level: Tensor) -> Tensor:
    return torch.where(X > 1 - level.abs(), 1 - X, X)


def _posterize(X: Tensor, level: Tensor) -> Tensor:
    dropped_bits = ((8 - _COARSEST_POSTERIZE_BITS) * level.abs()).round()
    step = 2**dropped_bits
    return (X * 255).round().div(step).floor() * step / 255


def _invert(X: Tensor, level: Tensor) -> Tensor:
    return 1 - X


def _autocontrast(X: Tensor, level: Tensor) -> Tensor:
    darkest, brightest = X.amin(dim=(2, 3), keepdim=True), X.amax(dim=(2, 3), keepdim=True)
    reach = brightest - darkest
    return torch.where(reach > 0, (X - darkest) / reach.clamp_min(1e-6), X)


_PHOTOMETRIC = (
    _brightness,
    _contrast,
    _colour,
    _sharpness,
    _solarize,
    _posterize,
    _invert,
    _autocontrast,
)
N_OPERATIONS = len(_PHOTOMETRIC) + len(_GEOMETRIC)


def apply_photometric(X: Tensor, operations: Tensor, levels: Tensor) -> Tensor:
    """Change the pixel values of those images whose operation is not a geometric one."""
    X = X.clone()
    for code, operation in enumerate(_PHOTOMETRIC):
        # The rows are found on the generator's device, so a GPU batch need not be waited for.
        rows = (operations == code).nonzero().squeeze(1)
        if len(rows):
            level = levels[rows].view(-1, 1, 1, 1).to(X)
            rows = rows.to(X.device)
            X[rows] = operation(X[rows], level).clamp(0, 1)
    return X


def geometric_matrices(operations: Tensor, levels: Tensor, sides: torch.Size) -> Tensor:
    """Per image, the 3 x 3 map from places in the new image to places in the old one.

    Places are in grid_sample's units, where each side runs from -1 to 1, whereas angles and
    shears are meant in pixels: hence the two factors of the off-diagonal entries.
    """
    height, width = sides
    rotate, shear_x, shear_y, translate_x, translate_y = (
        torch.where(operations == len(_PHOTOMETRIC) + code, levels, 0.0)
        for code in range(len(_GEOMETRIC))
    )
    angle = _MAX_ROTATION * rotate
    matrices = torch.eye(3, device=levels.device).repeat(len(levels), 1, 1)
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1] = (_MAX_SHEAR * shear_x - angle.sin()) * height / width
    matrices[:, 1, 0] = (_MAX_SHEAR * shear_y + angle.sin()) * width / height
    matrices[:, 0, 2] = 2 * _MAX_TRANSLATION * translate_x
    matrices[:, 1, 2] = 2 * _MAX_TRANSLATION * translate_y
    return matrices


def warp(X: Tensor, mapping: Tensor) -> Tensor:
    """Resample the images whose mapping is not the identity; grey comes in from outside."""
    identity = torch.eye(3, device=mapping.device)
    rows = (mapping != identity).flatten(1).any(dim=1).nonzero().squeeze(1)
    if not len(rows):
        return X
    theta = mapping[rows, :2].to(X)
    rows = rows.to(X.device)
    moved = X[rows] - GREY
    grid = F.affine_grid(theta, list(moved.shape), align_corners=False)
    moved = F.grid_sample(moved, grid, padding_mode="zeros", align_corners=False)
    return X.index_copy(0, rows, moved + GREY)


def cover_square(X: Tensor, places: Tensor, share: float) -> Tensor:
    """Grey out one square per image, cut off where it sticks out.

    `places` of shape (n_images, 2) are the centres, as shares of the height and of the width;
    `share` is the square's side as a share of the image's.
    """
    height, width = X.shape[2:]
    rows = _covered_positions(height, places[:, :1], share)
    columns = _covered_positions(width, places[:, 1:], share)
    square = rows[:, None, :, None] & columns[:, None, None, :]
    return X.masked_fill(square, GREY)


def _covered_positions(side: int, places: Tensor, share: float) -> Tensor:
    length = round(share * side)
    starts = (places * side).floor() - length // 2
    positions = torch.arange(side, device=places.device)
    return (positions >= starts) & (positions < starts + length)
