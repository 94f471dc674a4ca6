"""Random views of a batch: crops, colours and cut-outs for images, noise for tables."""

from ._image import CropFlip, StrongAugment
from ._named import NoView, resolve_view
from ._several_inputs import view_of_named_inputs
from ._table import FeatureMasking, GaussianNoise

__all__ = [
    "CropFlip",
    "FeatureMasking",
    "GaussianNoise",
    "NoView",
    "StrongAugment",
    "resolve_view",
    "view_of_named_inputs",
]
