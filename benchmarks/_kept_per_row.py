"""What the package keeps and computes per row, per class and per pair of rows today."""

import time
import tracemalloc

import numpy as np
import torch

from sknoisy import NoisyLabelDetector
from sknoisy.methods import WrongEvent
from sknoisy.methods.wrong_event._events import (
    EventRecorder,
    count_quality,
    fit_class_mixtures,
)
from sknoisy.neighbors import most_similar
from sknoisy.nets import TabularNet
from sknoisy.noise_rates import calibrate_to_rate, estimate_noise_rate
from sknoisy.report._listing import MAX_LISTED, chosen_rows
from sknoisy.review import quality_strata
from sknoisy.thresholds import order_by_suspicion
from sknoisy.training._row_state import RowState

BATCH_SIZE = 256
N_LEVELS = 31
N_FEATURES = 512
SIZES = {
    "n_rows": 1_000_000,
    "n_fitted": 20_000,
    "n_neighbor_rows": 8_192,
    "n_classes": (10, 100, 1_000, 10_000),
    "n_mixtures": 100_000,
    "matrix_classes": 2_000,
}
QUICK_SIZES = {
    "n_rows": 10_000,
    "n_fitted": 1_000,
    "n_neighbor_rows": 512,
    "n_classes": (10, 100),
    "n_mixtures": 1_000,
    "matrix_classes": 200,
}


def measure_package(sizes):
    """Return the constants by name."""
    generator = np.random.default_rng(0)
    return {
        "recorder": [recorded(n_classes) for n_classes in sizes["n_classes"]],
        "fitted": fitted_arrays(sizes["n_fitted"], generator),
        "verdict": verdict_steps(sizes["n_rows"], generator),
        "mixtures": mixtures_of(sizes["n_mixtures"], generator),
        "noise_rate": matrices_of(sizes["matrix_classes"], generator),
        "neighbors": pairs_of(sizes["n_neighbor_rows"], generator),
    }


def recorded(n_classes, n_rounds=2):
    """Return bytes per row of the counting, fixed and by epoch, and its CPU time per row."""
    n_rows = BATCH_SIZE * max(4, 200_000 // n_classes // BATCH_SIZE)
    labels = torch.randint(n_classes, (n_rows,))
    state = RowState(n_rows, torch.device("cpu"))
    recorder = EventRecorder(labels, state)
    fixed = state.n_bytes()
    logits, losses = torch.randn(BATCH_SIZE, n_classes), torch.rand(BATCH_SIZE)
    start = time.process_time()
    for _ in range(n_rounds):
        for rows in torch.randperm(n_rows).split(BATCH_SIZE):
            recorder.record(rows, logits, losses)
        recorder.close_round()
    seconds = time.process_time() - start
    return {
        "n_classes": n_classes,
        "fixed_bytes": fixed / n_rows,
        "bytes_per_epoch": (state.n_bytes() - fixed) / n_rows / n_rounds,
        "microseconds": 1e6 * seconds / n_rows / n_rounds,
    }


def fitted_arrays(n_rows, generator, n_epochs=2):
    """Return bytes per row of a fitted detector's arrays, by what they grow with."""
    n_classes = 20
    y = generator.integers(0, n_classes, n_rows)
    X = generator.normal(size=(n_rows, 5)).astype(np.float32)
    net = TabularNet(module__n_units=8, max_epochs=n_epochs)
    method = WrongEvent(record_epochs=True)
    detector = NoisyLabelDetector(method, net=net, device="cpu", random_state=0).fit(X, y)
    arrays = {id(array): array for array in _arrays_of(vars(detector))}
    n_held_out = len(detector.evidence_["held_out_rows"])
    shapes = {"row": (n_rows,), "held_out": (n_held_out, n_classes), "epoch": (n_epochs, n_rows)}
    n_bytes = {
        name: sum(each.nbytes for each in arrays.values() if each.shape == shape)
        for name, shape in shapes.items()
    }
    return {
        "bytes_per_row": n_bytes["row"] / n_rows,
        "bytes_per_row_and_class": n_bytes["held_out"] / n_rows / n_classes,
        "bytes_per_row_and_recorded_epoch": n_bytes["epoch"] / n_rows / n_epochs,
        "bytes_per_row_of_issues": detector.get_label_issues().memory_usage().sum() / n_rows,
    }


def _arrays_of(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _arrays_of(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _arrays_of(each)
    elif hasattr(value, "counts"):
        yield value.counts


def verdict_steps(n_rows, generator):
    """Return bytes and CPU time per row of the steps that take all rows at once."""
    counts = generator.integers(0, N_LEVELS, n_rows)
    losses = generator.random(n_rows, dtype=np.float32)
    right = counts < N_LEVELS / 2
    scores = generator.random(n_rows)
    order = order_by_suspicion(scores)
    n_listed = min(MAX_LISTED, n_rows // 10)
    steps = {
        "quality, with ranks of losses": lambda: count_quality(
            counts, losses, right, n_events=N_LEVELS - 1
        ),
        "calibration": lambda: calibrate_to_rate(scores, 0.2),
        "order of suspicion": lambda: order_by_suspicion(scores, losses),
        "strata of a review": lambda: quality_strata(scores),
        "rows of a report": lambda: chosen_rows(order, scores < 0.2, scores, 0.2, n_listed),
    }
    return {name: per_unit(step, n_rows) for name, step in steps.items()}


def mixtures_of(n_classes, generator):
    histograms = generator.integers(20, 60, (n_classes, N_LEVELS))
    return {"n_classes": n_classes} | per_unit(lambda: fit_class_mixtures(histograms), n_classes)


def matrices_of(n_classes, generator, n_rows=20):
    """Return the peak of the noise rate in bytes per pair of classes; its rows take little."""
    probabilities = generator.dirichlet(np.ones(n_classes), n_rows)
    codes = generator.integers(0, n_classes, n_rows)
    confusions = np.zeros((n_classes, n_classes))

    def estimate():
        return estimate_noise_rate(probabilities, codes, confusions=confusions)

    measured = per_unit(estimate, n_classes**2)
    return {"n_classes": n_classes, "bytes": measured["bytes"] + confusions.itemsize}


def pairs_of(n_rows, generator, n_neighbors=20):
    """Return bytes and CPU time per pair of rows of the search for neighbours."""
    unit = generator.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    start = time.process_time()
    most_similar(unit, n_neighbors)
    return {"n_rows": n_rows, "nanoseconds": 1e9 * (time.process_time() - start) / n_rows**2}


def per_unit(function, n_units):
    """Return CPU microseconds, and bytes at the peak, per unit."""
    start = time.process_time()
    function()
    seconds = time.process_time() - start
    tracemalloc.start()
    try:
        function()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {"microseconds": 1e6 * seconds / n_units, "bytes": peak / n_units}
