"""One training per entry of a cache, among processes that want the same one."""

import os
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .exceptions import CacheWarning

NOTICE_AFTER = 5.0
PATIENCE = 60.0
PULSE = 5.0


@contextmanager
def entry_lock(path, *, notice_after=NOTICE_AFTER, patience=PATIENCE, pulse=PULSE):
    """Hold the lock of an entry, unless its holder seems dead or it can't be made.

    A training may take hours, so the wait for it has no limit. But its process touches a file
    beside the lock again and again; where it no longer does, because it was stopped or its
    machine is gone, nobody waits longer. Without the lock the worst is that two processes train.

    Parameters
    ----------
    path : str
        Of the lock file, in a folder that is made if need be.
    notice_after : float, default=5
        Seconds after which the wait is made known by a warning.
    patience : float, default=60
        Seconds without a sign of life of the holder after which the lock isn't waited for.
    pulse : float, default=5
        Seconds between two signs of life.
    """
    lock = FileLock(path)
    if not _acquire(lock, notice_after, patience):
        yield
        return
    try:
        with _signs_of_life(_pulse_file(path), pulse):
            yield
    finally:
        lock.release()


def _acquire(lock, notice_after, patience):
    """Wait for a lock; return whether it is held."""
    path = lock.lock_file
    seconds = min(notice_after, patience, 1.0)
    wait = _Wait(_pulse_file(path))
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        while True:
            with suppress(Timeout):
                lock.acquire(timeout=seconds)
                return True
            wait.look()
            if wait.silence() >= patience:
                break
            if wait.is_due(notice_after):
                _warn(
                    f"Another process trains what this one needs. Waiting for it, by the lock "
                    f"{path}, for {notice_after:g} s so far; without a sign of life for "
                    f"{patience:g} s it is waited for no longer."
                )
    except OSError as error:
        _warn(f"Trains without the lock {path}, since it can't be made: {error}.")
        return False
    _warn(
        f"Trains without the lock {path}: the process that holds it has given no sign of life for "
        f"{patience:g} s. If there is no such process, remove the file."
    )
    return False


class _Wait:
    """How long a lock has been waited for, and when its holder last gave a sign of life.

    Times of the file are only compared with each other: clocks of machines differ.
    """

    def __init__(self, pulse_file):
        self._file = pulse_file
        self._start = self._seen = time.monotonic()
        self._latest = self._time()
        self._is_known = False

    def look(self):
        latest = self._time()
        if latest != self._latest:
            self._latest, self._seen = latest, time.monotonic()

    def silence(self):
        return time.monotonic() - self._seen

    def is_due(self, seconds):
        """Return whether the wait has been so long; True once."""
        if self._is_known or time.monotonic() - self._start < seconds:
            return False
        self._is_known = True
        return True

    def _time(self):
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return None


@contextmanager
def _signs_of_life(file, seconds):
    """Touch a file again and again, from a thread."""
    done = threading.Event()

    def touch():
        with suppress(OSError):
            file.touch()
        while not done.wait(seconds):
            with suppress(OSError):
                file.touch()

    thread = threading.Thread(target=touch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(OSError):
            file.unlink()


def _pulse_file(path):
    return Path(f"{path}.pulse")


def _warn(message):
    warnings.warn(message, CacheWarning, stacklevel=2)
