"""Pictures of labels, verdicts, trainings and reviews, in the form of scikit-learn's displays.

Each display has ``from_estimator`` or ``from_predictions``, a constructor that takes the data
themselves, ``plot`` with ``ax``, and ``frame``, which returns what is drawn as a table.
"""

from ._class_noise_rates import ClassNoiseRatesDisplay
from ._detection_curves import DetectionCurvesDisplay
from ._high_weight_errors import HighWeightErrorsDisplay
from ._label_quality import LabelQualityDisplay
from ._noise_robustness import NoiseRobustnessDisplay
from ._review_progress import ReviewProgressDisplay
from ._suspicious_images import plot_suspicious_images
from ._training_curves import TrainingCurvesDisplay
from ._transition_matrix import TransitionMatrixDisplay
from ._weight_history import WeightHistoryDisplay

__all__ = [
    "ClassNoiseRatesDisplay",
    "DetectionCurvesDisplay",
    "HighWeightErrorsDisplay",
    "LabelQualityDisplay",
    "NoiseRobustnessDisplay",
    "ReviewProgressDisplay",
    "TrainingCurvesDisplay",
    "TransitionMatrixDisplay",
    "WeightHistoryDisplay",
    "plot_suspicious_images",
]
