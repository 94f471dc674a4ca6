"""What the package costs on top of plain training, as ratios measured side by side.

Both sides of a ratio run in turns in one process, so that a busy computer slows both::

    python benchmarks/overhead.py
    python benchmarks/overhead.py --quick
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _common import (
    DOCUMENT,
    RESULTS,
    Stopwatch,
    environment,
    markdown_table,
    verdict,
    warm_up,
    write_section,
)
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, WrongEvent
from sknoisy.nets import ImageNet, MultilayerPerceptron, TabularNet
from sknoisy.noise import flip_symmetric

N_CLASSES = 7
GRADIENTS = ("finite_difference", "forward", "double_backward")
NAMES = ("wrapper", "counting", "watching", "grid", *(f"lsw_{name}" for name in GRADIENTS))
N_THRESHOLDS = 9
ENDLESS = float("inf")


@dataclass(frozen=True)
class Sizes:
    """How much is trained; `--quick` takes the smallest that run through."""

    n_rows: int = 20_000
    n_features: int = 54
    n_units: int = 256
    batch_size: int = 256
    max_epochs: int = 30
    n_image_batches: int = 12
    images_per_batch: int = 64
    image_size: int = 32
    grid_rows: int = 5_000
    n_repeats: int = 5


QUICK = Sizes(
    n_rows=600,
    n_features=8,
    n_units=16,
    batch_size=64,
    max_epochs=2,
    n_image_batches=2,
    images_per_batch=8,
    image_size=8,
    grid_rows=300,
    n_repeats=1,
)


# -- (a) the wrapper -------------------------------------------------------------------------


def plain_loop(X, y, sizes, seed=0):
    """Train as one would by hand, and return the module."""
    torch.manual_seed(seed)
    module = MultilayerPerceptron(X.shape[1], N_CLASSES, n_units=sizes.n_units)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    module.train()
    for _ in range(sizes.max_epochs):
        for rows in torch.randperm(len(X)).split(sizes.batch_size):
            optimizer.zero_grad()
            criterion(module(X[rows]), y[rows]).backward()
            optimizer.step()
    return module


def time_plain_loop(X, y, sizes):
    with Stopwatch() as watch:
        plain_loop(X, y, sizes)
    return watch.seconds


def time_fit(X, y, sizes):
    model = RobustClassifier("cross_entropy", **table_settings(sizes))
    with Stopwatch() as watch:
        model.fit(X, y)
    return watch.seconds


# -- (b) counting wrong events ---------------------------------------------------------------


def time_epoch(X, y, sizes, method):
    """Seconds per epoch, as skorch records them."""
    model = NoisyLabelDetector(method, **table_settings(sizes)).fit(X, y)
    if len(model.history_) != sizes.max_epochs:
        raise RuntimeError(f"{sizes.max_epochs} epochs wanted, got {len(model.history_)}.")
    return float(np.median([epoch["dur"] for epoch in model.history_]))


# -- (c) a step with learned weights ---------------------------------------------------------


def time_step(images, labels, trusted, sizes, method):
    """Seconds per step on untrusted images; plain training is given those alone."""
    net = ImageNet(
        module__depth=10,
        module__width=16,
        weak_view=None,
        batch_size=sizes.images_per_batch,
        max_epochs=2,
    )
    model = NoisyLabelDetector(method, net=net, device="cpu", random_state=0)
    if method == "cross_entropy":
        model.fit(images[~trusted], labels[~trusted])
    else:
        model.fit(images, labels, trusted=trusted)
    # The first epoch makes the optimiser's buffers.
    last = model.history_[-1]
    return last["dur"] / last["train_batch_count"]


# -- (d) a grid over thresholds --------------------------------------------------------------


def time_grid(X, y, sizes, n_thresholds):
    """Seconds of a grid search that caches its trainings in a new folder."""
    thresholds = np.linspace(0.1, 0.9, n_thresholds) if n_thresholds > 1 else [0.5]
    with tempfile.TemporaryDirectory() as folder:
        model = RobustClassifier(memory=folder, **table_settings(sizes))
        grid = {"threshold": [float(threshold) for threshold in thresholds]}
        search = GridSearchCV(model, grid, cv=3, error_score="raise")
        with Stopwatch() as watch:
            search.fit(X, y)
    return watch.seconds


# -- all of them -----------------------------------------------------------------------------


def table_settings(sizes):
    net = TabularNet(
        module__n_units=sizes.n_units, batch_size=sizes.batch_size, max_epochs=sizes.max_epochs
    )
    return {"net": net, "device": "cpu", "random_state": 0}


def make_table(n_rows, n_features):
    X, y = make_classification(
        n_rows,
        n_features,
        n_informative=n_features // 2,
        n_classes=N_CLASSES,
        n_clusters_per_class=1,
        random_state=0,
    )
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=0)
    return X.astype(np.float32), y_noisy.astype(np.int64)


def make_images(sizes):
    """Return random images of ten classes, one batch of them trusted."""
    n_images = (sizes.n_image_batches + 1) * sizes.images_per_batch
    generator = np.random.RandomState(0)
    shape = (n_images, 3, sizes.image_size, sizes.image_size)
    images = generator.rand(*shape).astype(np.float32)
    # As many classes as a small batch has images of each.
    n_classes = min(10, sizes.images_per_batch // 2)
    trusted = np.arange(n_images) < sizes.images_per_batch
    return images, np.arange(n_images) % n_classes, trusted


@dataclass(frozen=True)
class Ratio:
    """Two functions that return seconds; `limit` None: for information."""

    text: str
    measured: object
    reference: object
    limit: float | None


def table_ratios(sizes):
    table = *make_table(sizes.n_rows, sizes.n_features), sizes
    counting = WrongEvent(holdout=0.0, memorization_gap=ENDLESS)
    watching = WrongEvent(memorization_gap=ENDLESS)
    plain_epoch = partial(time_epoch, *table, "cross_entropy")
    small = *make_table(sizes.grid_rows, sizes.n_features), sizes
    return {
        "wrapper": Ratio(
            "`RobustClassifier('cross_entropy')` / hand-written loop",
            partial(time_fit, *table),
            partial(time_plain_loop, *table),
            1.10,
        ),
        "counting": Ratio(
            "counting wrong events / plain training, per epoch",
            partial(time_epoch, *table, counting),
            plain_epoch,
            1.05,
        ),
        "watching": Ratio(
            "the same with the default held-out slice",
            partial(time_epoch, *table, watching),
            plain_epoch,
            1.05,
        ),
        "grid": Ratio(
            f"cached grid over {N_THRESHOLDS} thresholds / over one",
            partial(time_grid, *small, N_THRESHOLDS),
            partial(time_grid, *small, 1),
            1.3,
        ),
    }


def image_ratios(sizes):
    images = *make_images(sizes), sizes
    return {
        f"lsw_{gradient}": Ratio(
            f"LSW step / plain step, `gradient={gradient!r}`",
            partial(time_step, *images, lsw_of_every_step(sizes, gradient)),
            partial(time_step, *images, "cross_entropy"),
            2.5 if gradient == "finite_difference" else None,
        )
        for gradient in GRADIENTS
    }


def lsw_of_every_step(sizes, gradient):
    """Return LSW that learns weights from the first step on, with |B_c| = |B_n|."""
    return LSW(gradient=gradient, warmup_epochs=0, trusted_batch_size=sizes.images_per_batch)


def measure(ratio, n_repeats):
    """Run both sides in turns, after one run for nothing; return the median of the ratios."""
    ratio.reference()
    ratio.measured()
    pairs = [(ratio.measured(), ratio.reference()) for _ in range(n_repeats)]
    measured, reference = zip(*pairs, strict=True)
    paired = np.divide(measured, reference)
    value = float(np.median(paired))
    return {
        "text": ratio.text,
        "ratio": value,
        "lowest": float(paired.min()),
        "highest": float(paired.max()),
        "limit": ratio.limit,
        "is_met": None if ratio.limit is None else value <= ratio.limit,
        "n_repeats": n_repeats,
        "seconds": list(measured),
        "reference_seconds": list(reference),
    }


def summarize(results):
    rows = [
        [
            figures["text"],
            f"{np.median(figures['reference_seconds']):.4f}",
            f"{figures['ratio']:.3f}",
            f"{figures['lowest']:.3f} to {figures['highest']:.3f}",
            "" if figures["limit"] is None else f"<= {figures['limit']:g}",
            "" if figures["limit"] is None else verdict(figures["is_met"]),
        ]
        for figures in results["ratios"].values()
    ]
    header = ["", "Reference, seconds", "Ratio", "Single pairs", "Limit", ""]
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    n_repeats = min((figures["n_repeats"] for figures in results["ratios"].values()), default=0)
    about = f"Medians of {n_repeats} or more runs, {results['n_threads']} CPU thread(s)."
    return f"## Overhead\n\n{about} {shown}.\n\n{markdown_table(header, rows)}"


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratios", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: finds errors, not times")
    parser.add_argument("--n-repeats", type=int, default=None, help="default: 5")
    parser.add_argument("--n-threads", type=int, default=1)
    parser.add_argument("--output", default=None, help="default: in results/")
    parser.add_argument("--document", default=DOCUMENT, help="the table is written here")
    options = parser.parse_args(arguments)
    if options.output is None:
        options.output = RESULTS / ("overhead_quick.json" if options.quick else "overhead.json")
    return options


def save(measured, options):
    """Write the ratios next to those that earlier runs with these settings left."""
    output = Path(options.output)
    settings = {"versions": environment(), "n_threads": options.n_threads, "quick": options.quick}
    known = json.loads(output.read_text()) if output.exists() else {}
    is_alike = all(known.get(name) == value for name, value in settings.items())
    ratios = (known["ratios"] if is_alike else {}) | measured
    results = settings | {"ratios": {name: ratios[name] for name in NAMES if name in ratios}}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    return results


def measure_all(options):
    """Return the figures of the ratios asked for, by name."""
    sizes = QUICK if options.quick else Sizes()
    n_repeats = sizes.n_repeats if options.n_repeats is None else options.n_repeats
    ratios = table_ratios(sizes) | image_ratios(sizes)
    n_threads_before = torch.get_num_threads()
    torch.set_num_threads(options.n_threads)
    try:
        warm_up()
        measured = {}
        for name in options.ratios:
            measured[name] = measure(ratios[name], n_repeats)
            print(f"{name}: {measured[name]['ratio']:.3f}", flush=True)
        return measured
    finally:
        torch.set_num_threads(n_threads_before)


def main(arguments=None):
    options = parse_arguments(arguments)
    results = save(measure_all(options), options)
    if not options.quick:
        write_section(options.document, "overhead", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
