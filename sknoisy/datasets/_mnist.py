"""Fashion-MNIST and MNIST: 28 x 28 grey images in ten classes."""

import gzip
import math
import struct
from collections.abc import Iterable, Mapping
from os import PathLike

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._home import RemoteFile, obtain

MNIST_SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist"
FASHION_SOURCE = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"

# Of the unpacked files, since copies of these sets differ in how they were packed.
MNIST_HASHES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_HASHES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

DIGIT_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

UNSIGNED_BYTE_CODE = 8


def fetch_fashion_mnist(*, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load Fashion-MNIST: 70,000 small grey pictures of clothes.

    As easy to train on as MNIST, but with classes that look alike (shirt, coat, pullover), which
    makes wrong labels harder to tell from difficult pictures.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder that has, or will get, ``fashion_mnist/train-images-idx3-ubyte.gz`` and the other
        three official files. None: the environment variable ``SKNOISY_DATA``, else scikit-learn's
        data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (uint8 array of shape (60000, 28, 28)), ``target`` (int array of shape
        (60000,)), ``test_data`` (10000, 28, 28), ``test_target`` (10000,) and ``target_names``,
        whose entry i names class i.

    Raises
    ------
    OSError
        If a file is neither in the data home nor to be had from the network, or if it is not
        the published one.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms. arXiv:1708.07747.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_fashion_mnist
    >>> fashion = fetch_fashion_mnist()  # doctest: +SKIP
    >>> fashion.target_names[fashion.target[0]]  # doctest: +SKIP
    'Ankle boot'
    """
    files = idx_files("fashion_mnist", FASHION_SOURCE, FASHION_HASHES)
    return load_idx_files(files, data_home, target_names=list(FASHION_NAMES))


def fetch_mnist(*, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load MNIST: 70,000 handwritten digits.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder that has, or will get, ``mnist/train-images-idx3-ubyte.gz`` and the other three
        official files. None: the environment variable ``SKNOISY_DATA``, else scikit-learn's data
        home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (uint8 array of shape (60000, 28, 28)), ``target`` (int array of shape
        (60000,)), ``test_data`` (10000, 28, 28), ``test_target`` (10000,) and ``target_names``.

    Raises
    ------
    OSError
        If a file is neither in the data home nor to be had from the network, or if it is not
        the published one.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning applied to document
    recognition. Proceedings of the IEEE 86(11).

    Examples
    --------
    >>> from sknoisy.datasets import fetch_mnist
    >>> fetch_mnist().data.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    files = idx_files("mnist", MNIST_SOURCE, MNIST_HASHES)
    return load_idx_files(files, data_home, target_names=list(DIGIT_NAMES))


def idx_files(folder: str, source: str, hashes: Mapping[str, str]) -> list[RemoteFile]:
    """Return the RemoteFiles of a set: training images and labels, test images and labels."""
    return [
        RemoteFile(f"{folder}/{name}.gz", f"{source}/{name}.gz", sha256, hash_unpacked=True)
        for name, sha256 in hashes.items()
    ]


def load_idx_files(
    files: Iterable[RemoteFile], data_home: str | PathLike[str] | None, *, target_names: list[str]
) -> Bunch:
    """Read the four files of a set into a Bunch."""
    arrays = [read_idx(obtain(remote, data_home)) for remote in files]
    data, target, test_data, test_target = arrays
    return Bunch(
        data=data,
        target=target.astype(np.int64),
        test_data=test_data,
        test_target=test_target.astype(np.int64),
        target_names=target_names,
    )


def read_idx(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Read an array of bytes from a gzip-packed idx file.

    The format: two zero bytes, a code for the type, the number of dimensions, then the length of
    each as a big-endian 32-bit number, then the values, last dimension fastest.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ndarray of uint8
        The values, writable, in the shape that the file tells.

    Raises
    ------
    ValueError
        If the file is not an idx file of unsigned bytes, or has too few or too many of them.
    """
    with gzip.open(path, "rb") as file:
        content = file.read()
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE_CODE]):
        raise ValueError(f"{path} must be an idx file of unsigned bytes, got {content[:4]!r}.")
    n_dimensions = content[3]
    n_header = 4 + 4 * n_dimensions
    if len(content) < n_header:
        raise ValueError(f"{path} must have a header of {n_header} bytes, got {len(content)}.")
    shape = struct.unpack(f">{n_dimensions}I", content[4:n_header])
    n_values = len(content) - n_header
    if n_values != math.prod(shape):
        raise ValueError(f"{path} must hold values of shape {shape}, got {n_values} values.")
    return np.frombuffer(content, dtype=np.uint8, offset=n_header).reshape(shape).copy()
