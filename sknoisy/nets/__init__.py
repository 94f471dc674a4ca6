"""Default torch modules for tables and small images, and their skorch nets."""

from .._renamed import renamed_names
from ._embedding import EmbeddingHead, EmbeddingNet
from ._fine_tuned import FineTunedNet
from ._tabm import TabMEnsemble, TabMLoss, TabMNet
from ._tabular import MultilayerPerceptron, TabularNet
from ._vision import CifarResNet, VisionNet

__all__ = [
    "CifarResNet",
    "EmbeddingHead",
    "EmbeddingNet",
    "FineTunedNet",
    "MultilayerPerceptron",
    "TabMEnsemble",
    "TabMLoss",
    "TabMNet",
    "TabularNet",
    "VisionNet",
]

AUGMENTATION = "sknoisy.augmentation"
MOVED = (
    "CropFlip",
    "FeatureMasking",
    "GaussianNoise",
    "NoView",
    "StrongAugment",
    "resolve_view",
)

__getattr__ = renamed_names(
    __name__,
    {"ImageNet": (__name__, "VisionNet")} | {name: (AUGMENTATION, name) for name in MOVED},
)
