"""scikit-learn estimators that find wrong labels and learn in spite of them."""

from importlib.metadata import version

from ._classifier import RobustClassifier
from ._detector import NoisyLabelDetector

__all__ = ["NoisyLabelDetector", "RobustClassifier", "__version__"]
__version__ = version("sknoisy")
