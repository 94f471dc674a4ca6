"""What holds for all tests."""

import gc
import os
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sknoisy"
TRAINING = (PACKAGE / "methods", PACKAGE / "_classifier.py", PACKAGE / "_detector.py")

# Before torch is imported. One thread per process: small nets gain nothing from more, threads that
# wait for each other on a busy machine cost many times the work, and the last digits depend on
# their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_sessionstart():
    gc.disable()


def pytest_collection_finish():
    """Keep libraries and tests, a million objects that stay, out of all garbage collections."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    """Mark the docstring examples of the estimators and methods as slow: each trains on digits."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            if any(item.path.is_relative_to(place) for place in TRAINING):
                item.add_marker(pytest.mark.slow)
