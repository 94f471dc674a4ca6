"""What a checkpoint costs, and what becomes of a fit whose disk is full.

    OMP_NUM_THREADS=1 python benchmarks/checkpoints.py
    OMP_NUM_THREADS=1 python benchmarks/checkpoints.py --parts full_disk --n-fits 30

The second part mounts small tmpfs, which needs Linux and root.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from _common import DOCUMENTS, FOLDER, RESULTS, environment, markdown_table, write_section

sys.path.insert(0, str(FOLDER.parent / "tests"))

from checkpointed_fits import CASES, are_equal, fit_here, keep_every_epoch

from sknoisy import NoisyLabelDetector, _checkpoints
from sknoisy.exceptions import CheckpointError
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.training._checkpoints import TrainingCheckpoints

DOCUMENT = DOCUMENTS / "reliability.md"
INTERVAL = 60.0
KILOBYTES_OF_DISK = 16_384

# -- cost ------------------------------------------------------------------------------------


def table(n_rows, n_features):
    X = np.random.default_rng(0).random((n_rows, n_features), dtype=np.float32)
    return X, (X[:, 0] > 0.5).astype(int)


def images(n_images):
    X = np.random.default_rng(0).random((n_images, 3, 8, 8), dtype=np.float32)
    return X, np.arange(n_images) % 2


COSTS = {
    "net of a table, 54 features, 2,000 rows": (
        lambda: table(2_000, 54),
        lambda: TabularNet(max_epochs=6),
    ),
    "ResNet-18, 11 million weights, 32 images": (
        lambda: images(32),
        lambda: VisionNet(max_epochs=4, batch_size=16),
    ),
    "net of a table, 4 features, 1,000,000 rows": (
        lambda: table(1_000_000, 4),
        lambda: TabularNet(module__n_units=16, max_epochs=6, batch_size=16_384),
    ),
}


class TimedCheckpoints:
    """Measures each checkpoint of the trainings in a block."""

    def __enter__(self):
        self.cpu_seconds, self.seconds = [], []
        self._end_epoch = end_epoch = TrainingCheckpoints.end_epoch

        def timed(checkpoints, *arguments, **named):
            starts = time.process_time(), time.perf_counter()
            end_epoch(checkpoints, *arguments, **named)
            self.cpu_seconds.append(time.process_time() - starts[0])
            self.seconds.append(time.perf_counter() - starts[1])

        TrainingCheckpoints.end_epoch = timed
        return self

    def __exit__(self, *error):
        TrainingCheckpoints.end_epoch = self._end_epoch


class SizedFolder(_checkpoints.CheckpointFolder):
    """Remembers the size of the largest file."""

    largest = 0

    def store(self, name, training):
        super().store(name, training)
        SizedFolder.largest = max(SizedFolder.largest, self._path(name).stat().st_size)


def measure_cost(case):
    """Return the time that one checkpoint takes, and its size."""
    make_data, make_net = COSTS[case]
    X, y = make_data()
    SizedFolder.largest, folder_class = 0, _checkpoints.CheckpointFolder
    _checkpoints.CheckpointFolder = SizedFolder
    try:
        with tempfile.TemporaryDirectory() as folder, TimedCheckpoints() as timed:
            model = NoisyLabelDetector(
                net=make_net(), device="cpu", random_state=0, checkpoint_dir=folder
            )
            model.fit(X, y)
    finally:
        _checkpoints.CheckpointFolder = folder_class
    return {
        "n_checkpoints": len(timed.seconds),
        "cpu_seconds": statistics.median(timed.cpu_seconds),
        "seconds": statistics.median(timed.seconds),
        "n_bytes": SizedFolder.largest,
    }


# -- a full disk -------------------------------------------------------------------------------


@contextmanager
def small_disk():
    with tempfile.TemporaryDirectory() as place:
        size = f"size={KILOBYTES_OF_DISK}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def fill(place, n_free):
    """Leave so many bytes of a disk free; return the file that takes the others."""
    ballast = place / "ballast"
    ballast.write_bytes(bytes(KILOBYTES_OF_DISK * 1024 - n_free))
    return ballast


def full_disks(case, n_fits, seed):
    """Return how often a fit met a full disk, said so, and ended equal when there was room."""
    wanted, generator = fit_here(case), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        needed = bytes_needed(case, folder)
    counts = {"full": 0, "clear_error": 0, "kept": 0, "equal": 0}
    while counts["full"] < n_fits:
        with small_disk() as place:
            ballast = fill(place, 4096 + int(generator.uniform(0, needed)))
            try:
                fit_here(case, place)
                continue
            except CheckpointError as error:
                counts["clear_error"] += "No space left" in str(error)
            counts["full"] += 1
            counts["kept"] += any(place.glob(f"*{_checkpoints.SUFFIX}"))
            ballast.unlink()
            counts["equal"] += are_equal(fit_here(case, place), wanted)
    return counts


def bytes_needed(case, folder):
    """Return the room that a fit takes at most: its checkpoints, and once more the largest."""
    sizes, folder_class = {}, _checkpoints.CheckpointFolder

    class Watched(folder_class):
        def store(self, name, training):
            super().store(name, training)
            sizes[name] = self._path(name).stat().st_size

    _checkpoints.CheckpointFolder = Watched
    try:
        fit_here(case, folder)
    finally:
        _checkpoints.CheckpointFolder = folder_class
    return sum(sizes.values()) + max(sizes.values(), default=0)


# -- the program -----------------------------------------------------------------------------


def summarize(results):
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    texts = [f"## Checkpoints\n\nOne CPU thread. {shown}."]
    rows = [
        [
            case,
            f"{run['n_bytes'] / 1e6:,.1f} MB",
            f"{1e3 * run['cpu_seconds']:,.0f} ms",
            f"{1e3 * run['seconds']:,.0f} ms",
            f"{100 * run['cpu_seconds'] / INTERVAL:.2f} %",
        ]
        for case, run in results["cost"].items()
    ]
    header = ["One checkpoint", "Size", "CPU time", "Wall time", "CPU time of a minute"]
    if rows:
        texts.append(markdown_table(header, rows))
    names = ("full", "clear_error", "kept", "equal")
    rows = [[case, *(str(run[name]) for name in names)] for case, run in results["disk"].items()]
    header = ["Disk full in a fit", "Fits", "Clear error", "Had a checkpoint", "Then equal"]
    if rows:
        texts.append(markdown_table(header, rows))
    return "\n\n".join(texts)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = ("cost", "full_disk")
    parser.add_argument("--parts", nargs="+", choices=every, default=every)
    parser.add_argument("--n-fits", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "checkpoints.json")
    parser.add_argument("--document", default=DOCUMENT, help="the tables are written here")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    keep_every_epoch()
    results = {"cost": {}, "disk": {}}
    if options.output.exists():
        results = json.loads(options.output.read_text())
    results["versions"] = environment()
    for case in COSTS if "cost" in options.parts else ():
        results["cost"][case] = measure_cost(case)
        print(case, results["cost"][case], flush=True)
    # Boosted trees alone keep no checkpoints.
    cases = [case for case in CASES if case != "boosted trees"]
    for case in cases if "full_disk" in options.parts else ():
        results["disk"][case] = full_disks(case, options.n_fits, options.seed)
        print(case, results["disk"][case], flush=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    write_section(options.document, "checkpoints", summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
