"""Arrays out of pickles, without running what else a pickle may hold."""

import io
import pickle
import zipfile
from os import PathLike
from typing import Any

import numpy as np


def read_pickled_arrays(content: bytes) -> Any:
    """Return what a pickle holds, if that is arrays of numbers and Python's basic types.

    Parameters
    ----------
    content : bytes
        The pickle; one of Python 2 has its texts read as latin-1.

    Returns
    -------
    object

    Raises
    ------
    pickle.UnpicklingError
        If the pickle asks for anything else.
    """
    return ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()


def read_zipped_arrays(path: str | PathLike[str]) -> Any:
    """Return what the pickle in a file of torch.save holds; see `read_pickled_arrays`."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError(f"{path} must hold one file data.pkl, got {len(names)}.")
        return read_pickled_arrays(archive.read(names[0]))


def encode_latin1(text: str, encoding: str) -> bytes:
    """Return the bytes that a pickle of protocol 2 keeps as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"The encoding must be latin1, got {encoding!r}.")
    return text.encode("latin1")


class ArrayUnpickler(pickle.Unpickler):
    """Unpickler that admits arrays of numbers and Python's basic types, and refuses all else."""

    # By the names that the file has; NumPy 2 moved the first, so it is taken from an array.
    admitted = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): encode_latin1,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return an admitted global; anything else could run code."""
        if (module, name) not in self.admitted:
            raise pickle.UnpicklingError(f"Only arrays are admitted, got {module}.{name}.")
        return self.admitted[module, name]
