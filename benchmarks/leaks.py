"""Fit again and again in one process, and see whether memory, threads or file handles grow.

Several methods take turns on a tiny table. After each turn everything that nobody holds is
collected, and given back to the system.

    OMP_NUM_THREADS=1 python benchmarks/leaks.py --n-fits 200
"""

import argparse
import ctypes
import gc
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from _common import DOCUMENTS, RESULTS, environment, markdown_table, write_section
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import TabularNet, VisionNet

DOCUMENT = DOCUMENTS / "reliability.md"
# The first turns import libraries and fill caches.
WARM_UP_TURNS = 5
FIGURES = {
    "memory": "memory, bytes",
    "threads": "threads",
    "handles": "open file handles",
    "tensors": "live tensors",
}


def table(n_rows=60):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n_rows, 4))
    return X, (X[:, 0] + generator.normal(size=n_rows) / 4 > 0).astype(int)


def fits(folder):
    """Return functions that fit and predict, each with another method or judge."""
    X, y = table()
    images = np.random.default_rng(0).random((24, 1, 8, 8), dtype=np.float32)
    trusted = np.arange(len(y)) % 3 == 0
    shared = {"device": "cpu", "random_state": 0}
    net = TabularNet(module__n_units=8, max_epochs=2)
    small = VisionNet(module__depth=10, module__width=4, max_epochs=1, batch_size=8)
    trees = HistGradientBoostingClassifier(max_iter=5)

    def on_table(model, **metadata):
        return lambda: model.fit(X, y, **metadata).score_labels(X, y)

    return [
        on_table(NoisyLabelDetector("cross_entropy", net=net, **shared)),
        on_table(RobustClassifier("wrong_event", net=net, final="method", **shared)),
        on_table(RobustClassifier("wrong_event", net=net, checkpoint_dir=folder, **shared)),
        on_table(NoisyLabelDetector("lsw", net=net, **shared), trusted=trusted),
        on_table(NoisyLabelDetector("dividemix", net=net, **shared)),
        on_table(NoisyLabelDetector("simifeat", net=net, **shared)),
        on_table(RobustClassifier(estimator=trees, random_state=0)),
        on_table(NoisyLabelDetector(max_epochs=2, **shared)),
        on_table(NoisyLabelDetector(net=net, memory=f"{folder}/cache", **shared)),
        lambda: NoisyLabelDetector(net=small, **shared).fit(images, y[:24]).predict(images),
    ]


def measured():
    """Return what the process holds, once all that nobody holds is gone."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "memory": 1024 * int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "handles": len(list(Path("/proc/self/fd").iterdir())),
        "tensors": sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects()),
    }


def growth_per_fit(values, n_methods):
    """Return the mean growth per fit of values measured after each turn, and its 95 % interval."""
    growths = np.diff(values) / n_methods
    mean, error = growths.mean(), growths.std(ddof=1) / np.sqrt(len(growths))
    return [mean, *(mean + error * stats.t.ppf([0.025, 0.975], len(growths) - 1))]


def measure(n_fits):
    with tempfile.TemporaryDirectory() as folder:
        functions = fits(folder)
        turns = []
        for _ in range(WARM_UP_TURNS + -(-n_fits // len(functions))):
            for function in functions:
                function()
            turns.append(measured())
    turns = turns[WARM_UP_TURNS - 1 :]
    return {
        "n_fits": (len(turns) - 1) * len(functions),
        "n_methods": len(functions),
        "turns": {name: [turn[name] for turn in turns] for name in FIGURES},
    }


def summarize(results):
    rows = []
    for name, shown in FIGURES.items():
        values = results["turns"][name]
        mean, low, high = growth_per_fit(values, results["n_methods"])
        interval = f"{low:,.2f} to {high:,.2f}"
        rows.append([shown, f"{values[0]:,}", f"{values[-1]:,}", f"{mean:,.2f}", interval])
    header = ["", "Before", "After", "Growth per fit", "95 % interval"]
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    about = (
        f"{results['n_fits']} fits and predictions in one process, after "
        f"{WARM_UP_TURNS * results['n_methods']} that count as warm-up, of "
        f"{results['n_methods']} kinds by turns. {shown}."
    )
    return f"## Growth\n\n{about}\n\n{markdown_table(header, rows)}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-fits", type=int, default=200)
    parser.add_argument("--output", type=Path, default=RESULTS / "leaks.json")
    parser.add_argument("--document", default=DOCUMENT, help="the table is written here")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    results = {"versions": environment()} | measure(options.n_fits)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    write_section(options.document, "leaks", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
