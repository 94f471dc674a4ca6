"""How much memory a process takes, on Linux."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SAMPLING_SECONDS = 0.005


class MemoryWatch:
    """Samples the process's own memory; pages of mapped files aren't its own."""

    def __enter__(self):
        self.before = self.peak = own_bytes()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ends.set()
        self._thread.join()

    def _sample(self):
        while not self._ends.wait(SAMPLING_SECONDS):
            self.peak = max(self.peak, own_bytes())


def own_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise OSError("This system doesn't say how much memory is a process's own.")


def call_apart(function, *arguments, imported=("sknoisy",)):
    """Return what a function returns in a new process of its own.

    Each is forked from a server that has imported these modules once and done nothing since.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(imported))
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


@contextmanager
def separate_blocks():
    """Let processes started meanwhile give each large block back as soon as it is free.

    glibc keeps freed blocks for later ones, and may need more pages for the same tensors
    depending on their order; so its peak isn't that of what is in use.
    """
    name, before = "MALLOC_MMAP_THRESHOLD_", os.environ.get("MALLOC_MMAP_THRESHOLD_")
    os.environ[name] = str(128 * 1024)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
