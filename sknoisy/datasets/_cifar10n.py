"""CIFAR-10N: what people answered who were asked to label CIFAR-10."""

import io
import pickle
import zipfile
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._home import RemoteFile, find_data_home, obtain

OFFICIAL_FILE = RemoteFile(
    path="noisy_labels/CIFAR-10_human.pt",
    url=(
        "https://github.com/UCSC-REAL/cifar-10-100n/raw/"
        "49df7d8a69e355470c77c1c2f2424916325a394b/data/CIFAR-10_human.pt"
    ),
    sha256="873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310",
)

KEYS = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worse": "worse_label",
    "clean": "clean_label",
}


def fetch_cifar10n(
    *,
    label: Literal["worse", "random1", "random2", "random3", "aggregate", "clean"] = "worse",
    data_home: str | PathLike[str] | None = None,
) -> NDArray[np.int64]:
    """Load human labels of the 50,000 training images of CIFAR-10.

    Three people labelled every image, so the mistakes are real: they depend on the picture, and
    mix up cat and dog far more often than cat and ship.

    The labels are under a non-commercial licence (CC BY-NC 4.0): research is free, other uses need
    the authors' consent.

    Parameters
    ----------
    label : {"worse", "random1", "random2", "random3", "aggregate", "clean"}, default="worse"
        "random1" to "random3": the answer of the first, second or third person (17.2 %, 18.1 % and
        17.6 % wrong); "aggregate": their majority (9.0 % wrong); "worse": a wrong answer where any
        of the three is wrong (40.2 % wrong); "clean": the official label of CIFAR-10.
    data_home : path-like or None, default=None
        Folder that has, or will get, ``noisy_labels/CIFAR-10_human.pt`` (the authors' file), or has
        ``noisy_labels/cifar10n.npz`` (arrays under the authors' keys: ``worse_label``,
        ``aggre_label``, ``random_label1``, ..., ``clean_label``). None: the environment variable
        ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    ndarray of int64, shape (50000,)
        A class in 0 to 9 for each row of ``fetch_cifar10().data``.

    Raises
    ------
    ValueError
        If `label` is not one of the six names.
    OSError
        If the file is neither in the data home nor to be had from the network.

    References
    ----------
    J. Wei, Z. Zhu, H. Cheng, T. Liu, G. Niu, Y. Liu (2022). Learning with noisy labels revisited:
    a study using real-world human annotations. ICLR.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_cifar10n
    >>> y_noisy, y_true = fetch_cifar10n(), fetch_cifar10n(label="clean")  # doctest: +SKIP
    >>> round((y_noisy != y_true).mean(), 3)  # doctest: +SKIP
    0.402
    """
    if label not in KEYS:
        raise ValueError(f"label must be one of {', '.join(KEYS)}, got {label!r}.")
    labels = read_own_copy(KEYS[label], data_home)
    if labels is None:
        labels = read_official_file(obtain(OFFICIAL_FILE, data_home))[KEYS[label]]
    return labels.astype(np.int64)


def read_own_copy(key: str, data_home: str | PathLike[str] | None) -> NDArray[Any] | None:
    """Read labels from the npz file of the data home; None where it has none of this name."""
    path = find_data_home(data_home) / "noisy_labels" / "cifar10n.npz"
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        return arrays[key] if key in arrays else None


def read_official_file(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read the authors' file, a pickled dict of arrays in a zip archive.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    pickle.UnpicklingError
        If the pickle asks for anything but arrays.
    """
    with zipfile.ZipFile(path) as archive:
        return ArrayUnpickler(io.BytesIO(archive.read("archive/data.pkl"))).load()


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
