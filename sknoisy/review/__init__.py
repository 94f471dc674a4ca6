"""What a person's look at a few rows tells about all: samples, calibration, interval, files."""

from ._calibration import Calibration, fit_calibration
from ._interval import noise_rate_interval, simulate_noise_rates
from ._sampling import (
    allocate,
    draw_stratified,
    mean_by_stratum,
    poststratified_weights,
    quality_strata,
    reviewed_head,
)
from ._threshold import threshold_of_best_f1

__all__ = [
    "Calibration",
    "allocate",
    "draw_stratified",
    "fit_calibration",
    "mean_by_stratum",
    "noise_rate_interval",
    "poststratified_weights",
    "quality_strata",
    "reviewed_head",
    "simulate_noise_rates",
    "threshold_of_best_f1",
]
