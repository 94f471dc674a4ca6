"""scikit-learn estimators that find wrong labels and learn in spite of them."""

from importlib.metadata import version

from ._classifier import RobustClassifier
from ._detector import NoisyLabelDetector
from .persistence import load, save

__all__ = ["NoisyLabelDetector", "RobustClassifier", "__version__", "load", "save"]
__version__ = version("sknoisy")
