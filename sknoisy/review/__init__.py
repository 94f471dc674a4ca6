"""What a person's look at a few rows tells about all: samples, calibration, interval, files."""

from ._answers import UNDECIDED, KnownValues, is_empty, is_unsure, match_answers
from ._calibration import Calibration, fit_calibration
from ._fiftyone import write_fiftyone
from ._files import (
    label_studio_config,
    read_jsonl,
    read_label_studio,
    read_review,
    write_jsonl,
    write_label_studio,
)
from ._formulas import guard_formula
from ._interval import noise_rate_interval, simulate_noise_rates
from ._sampling import (
    allocate,
    draw_stratified,
    mean_by_stratum,
    poststratified_weights,
    quality_strata,
    reviewed_head,
)
from ._settlement import Settlement, settle_review
from ._threshold import threshold_of_best_f1

__all__ = [
    "UNDECIDED",
    "Calibration",
    "KnownValues",
    "Settlement",
    "allocate",
    "draw_stratified",
    "fit_calibration",
    "guard_formula",
    "is_empty",
    "is_unsure",
    "label_studio_config",
    "match_answers",
    "mean_by_stratum",
    "noise_rate_interval",
    "poststratified_weights",
    "quality_strata",
    "read_jsonl",
    "read_label_studio",
    "read_review",
    "reviewed_head",
    "settle_review",
    "simulate_noise_rates",
    "threshold_of_best_f1",
    "write_fiftyone",
    "write_jsonl",
    "write_label_studio",
]
