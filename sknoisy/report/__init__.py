"""One page that tells what was found in the labels, to look through and to show to others."""

from ._report import LabelQualityReport

__all__ = ["LabelQualityReport"]
