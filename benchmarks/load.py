"""Memory under load: a million rows and 100,000 images predicted, a table of 20 GB trained on.

Each case runs in a process of its own, which reports its own memory beyond data and results;
pages of a mapped file aren't its own, the system takes them back when it needs them.

    OMP_NUM_THREADS=1 python benchmarks/load.py
    OMP_NUM_THREADS=1 python benchmarks/load.py --cases table trees --quick
    OMP_NUM_THREADS=1 python benchmarks/load.py --cases mapped --folder /path/with/a/file/system
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import DOCUMENTS, RESULTS, environment, markdown_table, write_section
from _memory import MemoryWatch, call_apart

from sknoisy import NoisyLabelDetector
from sknoisy.nets import TabularNet, VisionNet

DOCUMENT = DOCUMENTS / "reliability.md"
IMPORTED = ("sknoisy._detector", "sklearn.ensemble", "torchvision", "torch._dynamo")
N_CLASSES = 10
FITTED_ROWS = 2_000
PREDICTED = {
    "table": ("table, 50 features, float32, net", (250_000, 1_000_000)),
    "trees": ("the same, net and trees", (250_000, 1_000_000)),
    "images": ("images, 3 x 32 x 32 bytes, small ResNet", (25_000, 100_000)),
}
"""What is predicted, and two numbers of rows."""
QUICK_ROWS = (2_000, 4_000)
# 20 GB each.
MAPPED = {
    "mapped": ("float32, no layer", np.float32, 100_000, 50_000),
    "mapped_float64": ("float64, some rows of weight 0", np.float64, 50_000, 50_000),
}
"""What the table is of, its type, rows and columns."""
QUICK_SHARE = 0.01
# Every so many rows of the file have numbers; the others are a hole, which reads as zeros.
WRITTEN_EVERY = 100


# -- prediction ------------------------------------------------------------------------------


def fitted_model(name):
    generator = np.random.default_rng(0)
    y = generator.integers(0, N_CLASSES, FITTED_ROWS)
    if name == "images":
        X = generator.integers(0, 256, (FITTED_ROWS // 10, 3, 32, 32), dtype=np.uint8)
        net = VisionNet(module__depth=10, module__width=4, max_epochs=1)
        return NoisyLabelDetector(net=net, device="cpu", random_state=0).fit(X, y[: len(X)])
    X = generator.normal(size=(FITTED_ROWS, 50)).astype(np.float32)
    X[:, 0] += y
    net = TabularNet(max_epochs=2) if name == "table" else None
    max_epochs = None if name == "table" else 2
    model = NoisyLabelDetector(net=net, max_epochs=max_epochs, device="cpu", random_state=0)
    return model.fit(X, y)


def rows_to_predict(name, n_rows):
    generator = np.random.default_rng(1)
    if name == "images":
        return generator.integers(0, 256, (n_rows, 3, 32, 32), dtype=np.uint8)
    return generator.random((n_rows, 50), dtype=np.float32)


def measure_prediction(name, n_rows):
    """Return the size of data and results, and what predicting and scoring takes beyond them."""
    model, X = fitted_model(name), rows_to_predict(name, n_rows)
    y = np.arange(n_rows) % N_CLASSES
    model.score_labels(X[:500], y[:500])
    found = {"n_rows": n_rows, "data": X.nbytes}
    calls = {
        "predict_proba": lambda: model.predict_proba(X),
        "score_labels": lambda: model.score_labels(X, y),
    }
    start = time.process_time()
    for call, predict in calls.items():
        with MemoryWatch() as memory:
            result = predict()
        found[call] = {
            "result": result.nbytes,
            "beyond": memory.peak - memory.before - result.nbytes,
        }
        del result
    return found | {"cpu_seconds": time.process_time() - start}


# -- a table larger than the memory ------------------------------------------------------------


def sparse_table(folder, dtype, n_rows, n_features):
    """Return the path of a mapped table, most of which is a hole, and labels."""
    path = Path(folder) / "X.npy"
    X = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(n_rows, n_features))
    generator = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    for row in range(0, n_rows, WRITTEN_EVERY):
        X[row] = generator.normal(size=n_features) + 3 * y[row]
    X.flush()
    return path, y


def measure_mapped(name, share, folder):
    """Return the size of a table, what a whole fit takes beyond it, and how much it reads."""
    _, dtype, n_rows, n_features = MAPPED[name]
    n_rows = round(share * n_rows)
    net = TabularNet(module__n_layers=0, max_epochs=1)
    model = NoisyLabelDetector("wrong_event", net=net, device="cpu", random_state=0)
    model.fit(np.eye(40, 5, dtype=np.float32), np.arange(40) % 2)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path, y = sparse_table(place, dtype, n_rows, n_features)
        X = np.load(path, mmap_mode="r")
        weights = np.where(np.arange(n_rows) % 10 == 1, 0.0, 1.0)
        start, bytes_before = time.process_time(), mapped_bytes()
        with MemoryWatch() as memory:
            model.fit(X, y, sample_weight=weights if name == "mapped_float64" else None)
        return {
            "n_rows": n_rows,
            "n_features": n_features,
            "data": X.nbytes,
            "beyond": memory.peak - memory.before,
            "mapped": mapped_bytes() - bytes_before,
            "n_epochs": len(model.history_),
            "cpu_seconds": time.process_time() - start,
        }


def mapped_bytes():
    """Return how much of mapped files has been looked at, if it is still in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssFile:"):
            return 1024 * int(line.split()[1])
    raise OSError("This system doesn't say how much of files a process has in memory.")


# -- the program -----------------------------------------------------------------------------


def summarize(results):
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    texts = [f"## Memory under load\n\nOne CPU thread. {shown}."]
    predicted = [
        [
            PREDICTED[name][0],
            call,
            f"{run['n_rows']:,}",
            megabytes(run["data"]),
            megabytes(run[call]["result"]),
            megabytes(run[call]["beyond"]),
        ]
        for name in PREDICTED
        for call in ("predict_proba", "score_labels")
        for run in results["cases"].get(name, ())
    ]
    header = ["Predicted", "Call", "Rows", "Data", "Result", "Peak beyond both"]
    if predicted:
        texts.append(markdown_table(header, predicted))
    mapped = [
        [
            MAPPED[name][0],
            f"{run['n_rows']:,} x {run['n_features']:,}",
            f"{run['data'] / 1e9:.1f} GB",
            str(run["n_epochs"]),
            megabytes(run["beyond"]),
            f"{run['cpu_seconds']:,.0f} s",
        ]
        for name in MAPPED
        for run in results["cases"].get(name, ())
    ]
    header = [
        "Trained on, mapped from a file",
        "Table",
        "Size",
        "Epochs",
        "Own memory, peak",
        "CPU",
    ]
    if mapped:
        texts.append(markdown_table(header, mapped))
    return "\n\n".join(texts)


def megabytes(n_bytes):
    return f"{max(n_bytes, 0) / 1e6:,.0f} MB"


def measure_case(name, options):
    if name in PREDICTED:
        sizes = QUICK_ROWS if options.quick else PREDICTED[name][1]
        runs = [(measure_prediction, name, n_rows) for n_rows in sizes]
    else:
        share = QUICK_SHARE if options.quick else options.share
        runs = [(measure_mapped, name, share, options.folder)]
    return [call_apart(*run, imported=IMPORTED) for run in runs]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*PREDICTED, *MAPPED]
    parser.add_argument("--cases", nargs="+", choices=every, default=every)
    parser.add_argument("--folder", help="for the table of 20 GB, which takes little on the disk")
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of these tables")
    parser.add_argument("--quick", action="store_true", help="small data: finds errors only")
    parser.add_argument("--output", type=Path, default=RESULTS / "load.json")
    parser.add_argument("--document", default=DOCUMENT, help="the tables are written here")
    options = parser.parse_args(arguments)
    known = {}
    if options.output.exists() and not options.quick:
        known = json.loads(options.output.read_text())["cases"]
    results = {"versions": environment(), "cases": known}
    for name in options.cases:
        known[name] = measure_case(name, options)
        print(name, known[name], flush=True)
        if not options.quick:
            options.output.write_text(json.dumps(results, indent=1) + "\n")
            write_section(options.document, "load", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
