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


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Keep libraries and tests, a million objects that stay, out of all garbage collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Mark more as slow, as others say.

    These are the docstring examples of the estimators and methods, each of which trains on digits,
    and all cases but the first of what is marked so.
    """
    begun = set()
    for item in items:
        if item.get_closest_marker("first_case_is_quick"):
            test = item.nodeid.split("[")[0]
            if test in begun:
                item.add_marker(pytest.mark.slow)
            begun.add(test)
        if isinstance(item, pytest.DoctestItem):
            if any(item.path.is_relative_to(place) for place in TRAINING):
                item.add_marker(pytest.mark.slow)
