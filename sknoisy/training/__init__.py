"""The only rooms that know skorch's loop."""

from ._building import has_scheduler
from ._data import TrainingData
from ._directional import (
    GRADIENTS,
    RunningGradient,
    functional_losses,
    probe_step,
    row_derivatives,
)
from ._outputs import predict_probabilities
from ._run import TrainingRun
from ._trainer import Trainer

__all__ = [
    "GRADIENTS",
    "RunningGradient",
    "Trainer",
    "TrainingData",
    "TrainingRun",
    "functional_losses",
    "has_scheduler",
    "predict_probabilities",
    "probe_step",
    "row_derivatives",
]
