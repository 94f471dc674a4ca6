"""Time and memory on large data: a million rows, a thousand classes, a mapped file, neighbours.

Each case runs in a process of its own, which reports the memory that it took beyond its data::

    python benchmarks/scale.py
    python benchmarks/scale.py --cases rows classes --max-epochs 2
    python benchmarks/scale.py --quick
"""

import argparse
import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _common import FOLDER, RESULTS, environment, markdown_table, write_section
from _memory import MemoryWatch, call_apart
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.noise import flip_symmetric

DOCUMENT = FOLDER.parent / "docs" / "benchmarks" / "performance.md"
MAX_EPOCHS = 30
VERDICT_FUNCTIONS = (
    "class_histograms",
    "fit_class_mixtures",
    "clean_posteriors",
    "weight_tables",
    "count_quality",
    "judged_by_counts",
    "mean_shares",
    "_judge",
)
CASES = {
    "rows": ("table, 50 features, 10 classes, detector", (250_000, 1_000_000)),
    "classes": ("table, 50 features, 1,000 classes, classifier", (50_000, 200_000)),
    "mapped": ("bytes 3 x 32 x 32 in a mapped file, 10 classes, detector", (250_000, 1_000_000)),
    "neighbors": ("table, 512 features, 10 classes, detector by SimiFeat", (12_500, 50_000)),
}
"""What is trained, and two numbers of rows."""
IMPORTED = ("sknoisy", "torch._dynamo")
"""The second is what torch's optimisers import with the first fit, before memory is watched."""
QUICK_EPOCHS = 2
QUICK_ROWS = {
    "rows": (1_000, 2_000),
    "classes": (2_000, 4_000),
    "mapped": (500, 1_000),
    "neighbors": (500, 1_000),
}


class PooledLinear(nn.Module):
    """Means of 8 x 8 pixels and a linear layer, so that reading decides the time."""

    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AvgPool2d(8), nn.Flatten(), nn.Linear(16 * n_channels, n_classes)
        )

    def forward(self, X):
        return self.layers(X)


# -- the cases -------------------------------------------------------------------------------


def make_case(name, n_rows, max_epochs, folder):
    """Return an unfitted model, X and noisy y."""
    generator = np.random.default_rng(0)
    n_classes = min(1_000, n_rows // 50) if name == "classes" else 10
    y = generator.integers(0, n_classes, n_rows)
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=0)
    if name == "mapped":
        # A sparse file: its pages are read like others, and take no space on the disk.
        X = np.lib.format.open_memmap(
            os.path.join(folder, "X.npy"), mode="w+", dtype=np.uint8, shape=(n_rows, 3, 32, 32)
        )
        net = VisionNet(PooledLinear, weak_view=None, batch_size=256, max_epochs=max_epochs)
        return NoisyLabelDetector(net=net, device="cpu", random_state=0), X, y_noisy
    n_features = 512 if name == "neighbors" else 50
    centers = generator.normal(size=(n_classes, n_features)).astype(np.float32)
    X = generator.normal(size=(n_rows, n_features)).astype(np.float32)
    X += centers[y]
    net = TabularNet(batch_size=256, max_epochs=max_epochs)
    estimator = RobustClassifier if name == "classes" else NoisyLabelDetector
    method = "simifeat" if name == "neighbors" else "wrong_event"
    return estimator(method, net=net, device="cpu", random_state=0), X, y_noisy


def run_case(name, n_rows, max_epochs, n_threads):
    """Return CPU seconds, bytes beyond the data, and the verdict's share of the time."""
    torch.set_num_threads(n_threads)
    with tempfile.TemporaryDirectory() as folder:
        model, X, y = make_case(name, n_rows, max_epochs, folder)
        model.fit(X[:500], np.arange(500) % 5)
        # By CPU time, which doesn't depend on what else the machine is doing.
        profile = cProfile.Profile(time.process_time, builtins=False)
        with MemoryWatch() as memory:
            start = time.process_time()
            profile.runcall(model.fit, X, y)
            seconds = time.process_time() - start
    return {
        "n_rows": n_rows,
        "n_bytes": X.nbytes,
        "seconds": seconds,
        "n_epochs": len(model.history_),
        "bytes_beyond": memory.peak - memory.before,
        "verdict_share": verdict_seconds(profile) / seconds,
    }


def verdict_seconds(profile):
    """CPU seconds spent on mixtures, qualities and thresholds."""
    entries = pstats.Stats(profile).stats
    return sum(entries[key][3] for key in entries if key[2] in VERDICT_FUNCTIONS)


# -- the program -----------------------------------------------------------------------------


def summarize(results):
    rows = []
    for name, runs in results["cases"].items():
        for run in runs:
            row_epochs = run["n_rows"] * run["n_epochs"]
            rows.append(
                [
                    CASES[name][0],
                    f"{run['n_rows']:,}",
                    str(run["n_epochs"]),
                    f"{run['n_bytes'] / 1e6:,.0f} MB",
                    f"{1e6 * run['seconds'] / row_epochs:.2f}",
                    f"{run['bytes_beyond'] / 1e6:,.0f} MB",
                    f"{run['bytes_beyond'] / run['n_rows']:,.0f}",
                    f"{100 * run['verdict_share']:.2f} %",
                ]
            )
    header = [
        "",
        "Rows",
        "Epochs",
        "Data",
        "CPU microseconds per row and epoch",
        "Peak beyond the data",
        "Bytes per row",
        "Mixtures and thresholds",
    ]
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    about = f"{results['n_threads']} CPU thread(s). {shown}."
    return f"## Scale\n\n{about}\n\n{markdown_table(header, rows)}"


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="few rows: finds errors, not times")
    parser.add_argument("--max-epochs", type=int, default=MAX_EPOCHS)
    parser.add_argument("--n-threads", type=int, default=1)
    parser.add_argument("--output", default=RESULTS / "scale.json")
    parser.add_argument("--document", default=DOCUMENT, help="the table is written here")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    max_epochs = QUICK_EPOCHS if options.quick else options.max_epochs
    cases = {}
    for name in options.cases:
        sizes = QUICK_ROWS[name] if options.quick else CASES[name][1]
        cases[name] = [
            call_apart(run_case, name, n_rows, max_epochs, options.n_threads, imported=IMPORTED)
            for n_rows in sizes
        ]
        print(name, cases[name], flush=True)
    results = {"versions": environment(), "n_threads": options.n_threads, "cases": cases}
    if not options.quick:
        Path(options.output).write_text(json.dumps(results, indent=1) + "\n")
        write_section(options.document, "scale", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
