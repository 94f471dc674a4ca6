"""What the benchmarks share: data, stopwatch, resumable results and Markdown tables."""

import json
import platform
import re
import sys
import textwrap
import time
import traceback
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import fetch_table
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_instance_dependent, flip_pair, flip_symmetric

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results"
DOCUMENTS = FOLDER.parent / "docs" / "benchmarks"
TEST_SHARE = 0.3
# Leaves seven rows for training and three for the test.
MIN_ROWS_PER_CLASS = 10
MAX_TRAIN_ROWS = 10_000
PROSE_WIDTH = 120
PACKAGES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy", "cleanlab")

NOISES = {
    "none": lambda X, y, seed: (y.copy(), np.zeros(len(y), dtype=bool)),
    "symmetric": lambda X, y, seed: flip_symmetric(y, 0.4, random_state=seed),
    "pair": lambda X, y, seed: flip_pair(y, 0.3, random_state=seed),
    "instance": lambda X, y, seed: flip_instance_dependent(X, y, 0.4, random_state=seed),
}
"""Functions (X, y, seed) -> (y_noisy, flipped)."""


# -- data ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One table with one kind of noise and one seed.

    Classes are coded 0, ..., n_classes - 1; `y_noisy` and `flipped` belong to the training rows.
    """

    X: np.ndarray
    y_clean: np.ndarray
    y_noisy: np.ndarray
    flipped: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    seed: int


def load_cell(table, noise, seed, *, max_rows=MAX_TRAIN_ROWS):
    """Fetch a table, split it, and flip labels of the training rows.

    At most `max_rows` rows train; classes with fewer than `MIN_ROWS_PER_CLASS` rows are dropped.
    """
    data, target = fetch_table(table, return_X_y=True)
    return make_cell(data.to_numpy(dtype=np.float64), target, noise, seed, max_rows)


def make_cell(X, y, noise, seed, max_rows, preparation=None):
    """Split rows, prepare them by a transformer fitted to the training rows, and flip labels."""
    X, y = limit_rows(X, y, max_rows, seed)
    X, X_test, y_clean, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, stratify=y, random_state=seed
    )
    if preparation is not None:
        X = preparation.fit_transform(X)
        X_test = preparation.transform(X_test)
    y_noisy, flipped = NOISES[noise](X, y_clean, seed)
    return Cell(X, y_clean, y_noisy, flipped, X_test, y_test, seed)


def limit_rows(X, y, max_rows, seed):
    """Return a stratified part of the rows without rare classes, and classes as codes."""
    n_rows = int(max_rows / (1 - TEST_SHARE))
    if n_rows < len(y):
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
    _, codes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    kept = sizes[codes] >= MIN_ROWS_PER_CLASS
    return X[kept], np.unique(codes[kept], return_inverse=True)[1]


# -- figures ---------------------------------------------------------------------------------


class Stopwatch:
    """Measures the wall and CPU seconds of a block."""

    def __enter__(self):
        self._starts = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self._starts[0]
        self.cpu_seconds = time.process_time() - self._starts[1]


def detection_figures(flipped, noise_mask, label_quality):
    """Return AUC, F1, FDR and recall, and the share of rows flagged."""
    report = noise_detection_report(flipped, noise_mask, label_quality)
    figures = {name: report[name] for name in ("auc", "f1", "fdr", "recall")}
    return figures | {"flagged": float(np.mean(noise_mask))}


# -- results ---------------------------------------------------------------------------------


def read_results(path, key_names):
    """Return the records of a file of JSON lines by key; of equal keys the last one counts."""
    path = Path(path)
    if not path.exists():
        return {}
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {tuple(record[name] for name in key_names): record for record in records}


def append_record(path, record):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(_without_nan(record)) + "\n")


def _without_nan(value):
    """Replace NaN, which is no JSON, by None."""
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def run_missing(evaluate, jobs, path, *, n_jobs=1, force=False):
    """Evaluate the jobs that the file doesn't hold yet, and append each result as it comes.

    Parameters
    ----------
    evaluate : callable
        `evaluate(**job)` returns a dict of figures.
    jobs : list of dict
        All with the same names; the values are the key of the result.
    path : path-like
        File of JSON lines.
    n_jobs : int, default=1
        Processes, each with one thread.
    force : bool, default=False
        True: evaluate all jobs anew.

    Returns
    -------
    int
        Number of jobs that failed; their errors are printed and the others go on.
    """
    known = {} if force or not jobs else read_results(path, tuple(jobs[0]))
    missing = [job for job in jobs if tuple(job.values()) not in known]
    print(f"{len(jobs) - len(missing)} of {len(jobs)} results known, {len(missing)} to do")
    n_failed = 0
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        results = parallel(delayed(_evaluate_alone)(evaluate, job) for job in missing)
        for n_done, (job, figures, error) in enumerate(results, start=1):
            n_failed += error is not None
            if error is None:
                append_record(path, job | {"figures": figures})
            _print_progress(n_done, len(missing), job, figures, error)
    return n_failed


def _evaluate_alone(evaluate, job):
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        warm_up()
        return job, evaluate(**job), None
    except Exception:
        return job, None, traceback.format_exc()
    finally:
        torch.set_num_threads(n_threads)


def warm_up():
    """Train once for nothing, so that the first measured training loads no libraries."""
    if not getattr(warm_up, "is_done", False):
        X = np.random.RandomState(0).rand(40, 2)
        NoisyLabelDetector(max_epochs=1, device="cpu", random_state=0).fit(X, X[:, 0] > 0.5)
        warm_up.is_done = True


def _print_progress(n_done, n_jobs, job, figures, error):
    name = " ".join(str(value) for value in job.values() if value is not None)
    if error is not None:
        print(f"[{n_done}/{n_jobs}] {name} failed\n{error}", file=sys.stderr, flush=True)
        return
    shown = " ".join(
        f"{figure} {value:.3f}" for figure, value in figures.items() if isinstance(value, float)
    )
    print(f"[{n_done}/{n_jobs}] {name}: {shown}", flush=True)


def environment():
    """Return the versions that the figures depend on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


# -- Markdown --------------------------------------------------------------------------------


def markdown_table(header, rows):
    """Return a table whose first column is aligned left and the others right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_section(document, name, text):
    """Put a text between two marks of a document; without marks it goes to the end."""
    document = Path(document)
    old = document.read_text() if document.exists() else "# Benchmarks\n"
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n\n{_wrap_prose(text.strip())}\n\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), flags=re.DOTALL)
    if pattern.search(old):
        new = pattern.sub(lambda match: section, old)
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(new)


def _wrap_prose(text):
    """Break the lines that are too long, but not those of tables, which can't be broken."""
    wrapper = textwrap.TextWrapper(PROSE_WIDTH, break_long_words=False, break_on_hyphens=False)
    lines = text.split("\n")
    return "\n".join(line if line.startswith("|") else wrapper.fill(line) for line in lines)


def mean_and_spread(values, digits=3):
    """Return the mean over seeds and, from two seeds on, the standard deviation."""
    values = [value for value in values if value is not None and np.isfinite(value)]
    if not values:
        return ""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def verdict(is_met):
    return "met" if is_met else "**missed**"
