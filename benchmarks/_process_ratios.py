"""What `speed.py` measures in processes of their own: the import, and the number of threads."""

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
from _ratios import Ratio
from _table_ratios import make_table

from sknoisy import NoisyLabelDetector
from sknoisy.nets import VisionNet

LIBRARIES = "import torch, sklearn, pandas"
CHOSEN_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


# -- the import ---------------------------------------------------------------------------------


def time_import(statement):
    """Seconds of CPU time of a process that runs a statement."""
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    subprocess.run([sys.executable, "-c", statement], env=variables, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


# -- threads ------------------------------------------------------------------------------------


@contextmanager
def environment(n_threads):
    """Let processes started meanwhile have so many threads; None: as many as torch takes."""
    before = {name: os.environ.pop(name, None) for name in CHOSEN_BY}
    if n_threads is not None:
        os.environ[CHOSEN_BY[0]] = str(n_threads)
    try:
        yield
    finally:
        for name in CHOSEN_BY:
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


def time_fit_in_process(fit, *arguments):
    """Seconds of a second fit by the clock on the wall, for which threads may wait."""
    fit(*arguments)
    start = time.perf_counter()
    fit(*arguments)
    return time.perf_counter() - start


class Processes:
    """One process for each number of threads, kept from one fit to the next."""

    def __init__(self):
        self._executors = {}

    def time(self, n_threads, fit, *arguments):
        if n_threads not in self._executors:
            context = multiprocessing.get_context("spawn")
            with environment(n_threads):
                executor = ProcessPoolExecutor(1, mp_context=context)
                executor.submit(os.getpid).result()
            self._executors[n_threads] = executor
        call = self._executors[n_threads].submit(time_fit_in_process, fit, *arguments)
        return call.result()


def fit_table(n_rows, n_features):
    NoisyLabelDetector(device="cpu", random_state=0).fit(*make_table(n_rows, n_features))


def fit_images(n_images, size, width):
    X = np.random.default_rng(0).random((n_images, 3, size, size), dtype=np.float32)
    net = VisionNet(module__depth=10, module__width=width)
    detector = NoisyLabelDetector("cross_entropy", net=net, max_epochs=2, device="cpu")
    detector.fit(X, np.arange(n_images) % 2)


@contextmanager
def busy_process():
    """Keep a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def beside_another(time_it):
    with busy_process():
        return time_it()


# -- the ratios ---------------------------------------------------------------------------------


def process_ratios(sizes):
    processes = Processes()
    table = fit_table, sizes.threads_rows, sizes.threads_features
    images = fit_images, 2 * 128, sizes.image_size, sizes.image_width
    by_default, by_one = (partial(processes.time, n, *table) for n in (None, 1))
    rows = f"{sizes.threads_rows:,} x {sizes.threads_features}"
    return {
        "import": Ratio(
            "importing both estimators / importing torch, scikit-learn and pandas",
            partial(time_import, f"{LIBRARIES}; from sknoisy import *"),
            partial(time_import, LIBRARIES),
            1.15,
            wall_clock=True,
        ),
        # First, since it starts the processes that both take.
        "threads_idle": Ratio(
            f"threads as they come / one, table of {rows}", by_default, by_one, 1.1, wall_clock=True
        ),
        "threads_busy": Ratio(
            f"threads as they come / one, table of {rows}, beside a busy process",
            partial(beside_another, by_default),
            partial(beside_another, by_one),
            1.2,
            wall_clock=True,
        ),
        "threads_images": Ratio(
            f"threads as they come / one, images {sizes.image_size} x {sizes.image_size}",
            partial(processes.time, None, *images),
            partial(processes.time, 1, *images),
            None,
            wall_clock=True,
        ),
    }
