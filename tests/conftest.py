"""What holds for all tests."""

import os
from pathlib import Path

import pytest

METHODS = Path(__file__).parents[1] / "sknoisy" / "methods"

# Before torch is imported. One thread per process: small nets gain nothing from more, threads that
# wait for each other on a busy machine cost many times the work, and the last digits depend on
# their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Mark the docstring examples of the methods as slow: each trains a net on all digits."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and METHODS in item.path.parents:
            item.add_marker(pytest.mark.slow)
