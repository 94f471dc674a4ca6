"""Features of images by nets that others have trained."""

from ._pretrained import PretrainedFeatures

__all__ = ["PretrainedFeatures"]
