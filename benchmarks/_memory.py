"""How much memory a process takes, on Linux."""

import threading
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
