"""CIFAR-10: 32 x 32 colour images in ten classes."""

import tarfile
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._home import RemoteFile, check_own_content, check_own_size, find_data_home, obtain

# The binary version and not the python version: the latter is a pickle, which can run code.
ARCHIVE = RemoteFile(
    path="cifar10/cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
FOLDER_IN_ARCHIVE = "cifar-10-batches-bin"
TRAIN_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_BATCH = "test_batch.bin"

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

SIDE = 32
N_BYTES_OF_RECORD = 1 + 3 * SIDE * SIDE
N_RECORDS_OF_BATCH = 10000
# Of the labels of all training images, one byte each.
TRAIN_LABELS_SHA256 = "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253"


def fetch_cifar10(*, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load CIFAR-10, the set on which most methods against wrong labels were published.

    The folder ``cifar10`` of the data home is searched in this order:

    1. ``cifar-10-batches-bin``: the unpacked official archive, binary version;
    2. ``cifar-10-binary.tar.gz``: that archive, read without unpacking it to disk;
    3. ``train_00.webp``, ..., with ``labels.npz`` (``train``, ``test``): pictures that hold many
       images side by side, without loss. Test images are those of ``test1000_00.webp``: the first
       1,000 only.

    If none is there, the archive (170 MB) is downloaded.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder that has, or will get, the folder ``cifar10``. None: the environment variable
        ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (uint8 array of shape (50000, 32, 32, 3), in the official order), ``target``
        (int array of shape (50000,)), ``test_data`` (10000, 32, 32, 3), ``test_target`` (10000,)
        and ``target_names``, whose entry i names class i.

    Raises
    ------
    OSError
        If the set is neither in the data home nor to be had from the network, or if a file in the
        data home is not the published one.
    ValueError
        If a file in the data home is damaged.

    References
    ----------
    A. Krizhevsky (2009). Learning multiple layers of features from tiny images. Technical report,
    University of Toronto.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_cifar10
    >>> cifar = fetch_cifar10()  # doctest: +SKIP
    >>> cifar.target_names[cifar.target[0]]  # doctest: +SKIP
    'frog'
    """
    folder = find_data_home(data_home) / "cifar10"
    batches_folder = folder / FOLDER_IN_ARCHIVE
    has_archive = (folder / "cifar-10-binary.tar.gz").is_file()
    if batches_folder.is_dir():
        parts = load_batches(read_folder(batches_folder))
    elif has_tiles(folder) and not has_archive:
        parts = load_tiles(folder)
    else:
        parts = load_batches(read_archive(obtain(ARCHIVE, data_home)))
    return Bunch(**parts, target_names=list(CLASS_NAMES))


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the content of the six official batches, by name."""
    names = (*TRAIN_BATCHES, TEST_BATCH)
    for name in names:
        check_own_size(folder / name, N_RECORDS_OF_BATCH * N_BYTES_OF_RECORD)
    return {name: (folder / name).read_bytes() for name in names}


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the content of the six official batches, by name, from the packed archive."""
    contents = {}
    with tarfile.open(path) as archive:
        # In the archive's own order: going back in a packed file means to unpack it again.
        for member in archive:
            place = PurePosixPath(member.name)
            if place.parent.name != FOLDER_IN_ARCHIVE or not member.isfile():
                continue
            if (file := archive.extractfile(member)) is not None:
                contents[place.name] = file.read()
    missing = {*TRAIN_BATCHES, TEST_BATCH} - set(contents)
    if missing:
        raise ValueError(f"{path} must contain {', '.join(sorted(missing))}.")
    return contents


def load_batches(contents: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    """Turn the content of the six official batches into images and labels."""
    data, target = decode_records(b"".join(contents[name] for name in TRAIN_BATCHES))
    test_data, test_target = decode_records(contents[TEST_BATCH])
    return {"data": data, "target": target, "test_data": test_data, "test_target": test_target}


def decode_records(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Split the binary format of CIFAR-10 into images and labels.

    Parameters
    ----------
    content : bytes
        Records of 3,073 bytes: the label, then all red, all green and all blue values, row by row.

    Returns
    -------
    images : ndarray of uint8, shape (n_records, 32, 32, 3)
    labels : ndarray of int64, shape (n_records,)

    Raises
    ------
    ValueError
        If the content does not end with a record, or a label is not in 0 to 9.
    """
    if len(content) % N_BYTES_OF_RECORD:
        raise ValueError(
            f"content must be records of {N_BYTES_OF_RECORD} bytes, got {len(content)} bytes."
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, N_BYTES_OF_RECORD)
    labels = records[:, 0].astype(np.int64)
    if len(labels) and labels.max() >= len(CLASS_NAMES):
        raise ValueError(f"Labels must be in 0 to 9, got {labels.max()}.")
    images = records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels


def has_tiles(folder: Path) -> bool:
    """Tell whether a folder holds CIFAR-10 as pictures of many images and their labels."""
    return (folder / "train_00.webp").is_file() and (folder / "labels.npz").is_file()


def load_tiles(folder: Path) -> dict[str, NDArray[Any]]:
    """Read CIFAR-10 from pictures of many images and their labels."""
    with np.load(folder / "labels.npz") as labels:
        target = labels["train"].astype(np.int64)
        test_target = labels["test"].astype(np.int64)
    content = target.astype(np.uint8).tobytes()
    check_own_content(folder / "labels.npz", content, TRAIN_LABELS_SHA256)
    data = read_pictures(sorted(folder.glob("train_[0-9][0-9].webp")))
    if len(data) != len(target):
        raise ValueError(f"{folder} must have {len(target)} training images, got {len(data)}.")
    test_data = read_pictures(sorted(folder.glob("test1000_[0-9][0-9].webp")))
    test_target = test_target[: len(test_data)]
    return {"data": data, "target": target, "test_data": test_data, "test_target": test_target}


def read_pictures(paths: Iterable[Path]) -> NDArray[np.uint8]:
    """Read the images of several pictures, in order."""
    from PIL import Image

    images = [np.empty((0, SIDE, SIDE, 3), dtype=np.uint8)]
    for path in paths:
        with Image.open(path) as picture:
            images.append(split_picture(np.asarray(picture.convert("RGB"))))
    return np.concatenate(images)


def split_picture(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut a picture of many 32 x 32 images into these, row by row.

    Parameters
    ----------
    picture : ndarray of shape (n_rows * 32, n_columns * 32, 3)

    Returns
    -------
    ndarray of shape (n_rows * n_columns, 32, 32, 3)
    """
    height, width, n_channels = picture.shape
    if height % SIDE or width % SIDE:
        raise ValueError(f"picture must have sides that 32 divides, got {height} x {width}.")
    grid = picture.reshape(height // SIDE, SIDE, width // SIDE, SIDE, n_channels)
    return grid.swapaxes(1, 2).reshape(-1, SIDE, SIDE, n_channels)
