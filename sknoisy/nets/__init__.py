"""Default nets for tables and small images, and the random views they are trained on."""

from sknoisy.nets._image import CifarResNet, ImageNet
from sknoisy.nets._image_views import CropFlip, StrongAugment
from sknoisy.nets._table_views import FeatureMasking, GaussianNoise
from sknoisy.nets._tabular import MultilayerPerceptron, TabularNet
from sknoisy.nets._views import NoView, resolve_view

__all__ = [
    "CifarResNet",
    "CropFlip",
    "FeatureMasking",
    "GaussianNoise",
    "ImageNet",
    "MultilayerPerceptron",
    "NoView",
    "StrongAugment",
    "TabularNet",
    "resolve_view",
]
