"""The only rooms that know skorch's loop."""

from ._data import TrainingData
from ._directional import row_derivatives
from ._outputs import predict_probabilities
from ._run import TrainingRun
from ._trainer import Trainer, resolve_device

__all__ = ["Trainer", "TrainingData", "TrainingRun", "predict_probabilities", "resolve_device", "row_derivatives"]
