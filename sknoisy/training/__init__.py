"""The only rooms that know skorch's loop."""

from ._averaging import AveragedWeights
from ._batches import Batch
from ._checkpoints import (
    StoredTraining,
    begin_checkpointed_part,
    current_store,
    keeping_trainings,
    seed_of_fit,
)
from ._data import TrainingData
from ._default_net import DefaultNet, searchable_net
from ._estimator_trainer import (
    EstimatorTrainer,
    class_probabilities,
    fit_clone,
    mean_probabilities,
    takes_sample_weight,
    with_every_class,
)
from ._holdout import hold_out
from ._jacobian_vector_product import (
    EXACT_GRADIENTS,
    GRADIENTS,
    batch_derivatives,
    functional_losses,
    log_probability_derivatives,
    losses_at,
    resolve_gradient,
    row_derivatives,
    trusted_gradient,
)
from ._net_outputs import last_layer_inputs, last_linear, predict_probabilities
from ._net_setup import MIN_EMBEDDING_FEATURES, has_scheduler, python_scalars
from ._progress import (
    FitProgress,
    Task,
    current_progress,
    display_for,
    duration,
    is_under_way,
    percent,
    progress_task,
    showing,
)
from ._ranks import current_ranks, distributed
from ._row_state import EpochRecord, RowState
from ._run import TrainingRun
from ._seeding import seeded_global_state
from ._step import Step
from ._surroundings import ordinary_surroundings
from ._threads import few_threads, threads_for_table
from ._trainer import Trainer
from ._weight_gradient import RunningGradient, probe_step

__all__ = [
    "StoredTraining",
    "begin_checkpointed_part",
    "current_store",
    "keeping_trainings",
    "seed_of_fit",
    "AveragedWeights",
    "Batch",
    "DefaultNet",
    "EXACT_GRADIENTS",
    "EpochRecord",
    "EstimatorTrainer",
    "FitProgress",
    "GRADIENTS",
    "MIN_EMBEDDING_FEATURES",
    "RowState",
    "RunningGradient",
    "Step",
    "Task",
    "Trainer",
    "TrainingData",
    "TrainingRun",
    "batch_derivatives",
    "class_probabilities",
    "fit_clone",
    "current_progress",
    "current_ranks",
    "display_for",
    "distributed",
    "duration",
    "few_threads",
    "functional_losses",
    "has_scheduler",
    "hold_out",
    "is_under_way",
    "last_layer_inputs",
    "last_linear",
    "log_probability_derivatives",
    "losses_at",
    "mean_probabilities",
    "ordinary_surroundings",
    "percent",
    "predict_probabilities",
    "probe_step",
    "progress_task",
    "python_scalars",
    "resolve_gradient",
    "row_derivatives",
    "searchable_net",
    "seeded_global_state",
    "showing",
    "takes_sample_weight",
    "threads_for_table",
    "trusted_gradient",
    "with_every_class",
]
