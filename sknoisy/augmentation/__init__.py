"""Random views of a batch: crops, colours and cut-outs for images, noise for tables."""

from ._image import CropFlip, StrongAugment
from ._named import NoView, resolve_view
from ._table import FeatureMasking, GaussianNoise

__all__ = [
    "CropFlip",
    "FeatureMasking",
    "GaussianNoise",
    "NoView",
    "StrongAugment",
    "resolve_view",
]
