"""Folders that the package makes for itself: nobody else can look or write into them."""

import os
from pathlib import Path

from joblib import Memory
from sklearn.utils.validation import check_memory


def make_private_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder that only its owner can enter; one that is there stays as it is.

    What lies in caches and checkpoints tells of data and labels, and entries of joblib's caches
    are pickles: whoever can write them can run code.
    """
    Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)


def open_private_memory(memory: str | Memory | None) -> Memory:
    """Return a joblib Memory of a folder, which is made if need be, or the one given."""
    if isinstance(memory, str):
        make_private_folder(memory)
    return check_memory(memory)
