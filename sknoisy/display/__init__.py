"""Pictures of what a detector found: how label quality is spread, and the images it suspects.

They need matplotlib, which comes with ``pip install sknoisy[plot]``.
"""

from ._label_quality import LabelQualityDisplay
from ._suspicious_images import plot_suspicious_images

__all__ = ["LabelQualityDisplay", "plot_suspicious_images"]
