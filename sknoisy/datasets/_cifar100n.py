"""CIFAR-100N: CIFAR-100 with the labels that people gave its images."""

import tarfile
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._home import RemoteFile, check_own_content, find_data_home, obtain
from ._pickled_arrays import read_pickled_arrays, read_zipped_arrays

# The python version: the human labels are in the order of its training images.
ARCHIVE = RemoteFile(
    path="cifar100/cifar-100-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)
FOLDER_IN_ARCHIVE = "cifar-100-python"
PARTS = ("train", "test", "meta")

HUMAN_LABELS = RemoteFile(
    path="noisy_labels/CIFAR-100_human.pt",
    url=(
        "https://github.com/UCSC-REAL/cifar-10-100n/raw/"
        "49df7d8a69e355470c77c1c2f2424916325a394b/data/CIFAR-100_human.pt"
    ),
    sha256="bd2d80409754d420292d622e15e25248ba21e37d27429efac49c8da723f44394",
)
# By the name of the official labels: the key of the human ones, and the SHA-256 of the labels
# alone, one byte each.
HUMAN_KEYS = {
    "fine_labels": (
        "noisy_label",
        "54050bc3f9441adc78f204c68915d49a7f86bfa72b8fba04751b961d5be4aa62",
    ),
    "coarse_labels": (
        "noisy_coarse_label",
        "72a87757e6d246ae0dd4cafd3f06505150fe09364d244e4cce2745153b5fad68",
    ),
}

# Of the official labels of the training images, one byte each.
FINE_LABELS_SHA256 = "9f11b9f97aad759ba6df0a33e3218b01d8deaf4ed3a14aa1185d69b9ad7ebcb3"

SIDE = 32


def fetch_cifar100n(*, coarse: bool = False, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load CIFAR-100 with human labels: 32 x 32 colour images in a hundred classes.

    One person labelled each training image. The mistakes are real: they depend on the picture.
    40.2 % of the labels are wrong, and 26.4 % of the superclasses.

    The human labels are under a non-commercial licence (CC BY-NC 4.0): research is free, other
    uses need the authors' consent.

    Parameters
    ----------
    coarse : bool, default=False
        True: labels are the 20 superclasses.
    data_home : path-like or None, default=None
        Folder that has, or will get, ``cifar100/cifar-100-python.tar.gz`` and
        ``noisy_labels/CIFAR-100_human.pt``, the authors' files. The archive may be unpacked
        (``cifar100/cifar-100-python``), and the labels may lie in ``noisy_labels/cifar100n.npz``
        (arrays under the authors' keys: ``noisy_label``, ``noisy_coarse_label``). None: the
        environment variable ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (uint8 array of shape (50000, 32, 32, 3)), ``target`` (int array of shape
        (50000,), the labels that people gave), ``clean_target`` (the official ones),
        ``test_data`` (10000, 32, 32, 3), ``test_target`` (10000,) and ``target_names``, whose
        entry i names class i.

    Raises
    ------
    OSError
        If a file is neither in the data home nor to be had from the network, or if it is not the
        published one.
    ValueError
        If a file in the data home is damaged.

    References
    ----------
    J. Wei, Z. Zhu, H. Cheng, T. Liu, G. Niu, Y. Liu (2022). Learning with noisy labels revisited:
    a study using real-world human annotations. ICLR.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_cifar100n
    >>> cifar = fetch_cifar100n()  # doctest: +SKIP
    >>> round((cifar.target != cifar.clean_target).mean(), 3)  # doctest: +SKIP
    0.402
    """
    kind = "coarse_labels" if coarse else "fine_labels"
    train, test, names = read_parts(data_home)
    clean_target = np.asarray(train[kind], dtype=np.int64)
    target = read_human_labels(kind, data_home)
    if target.shape != clean_target.shape:
        raise ValueError(
            f"There must be a human label for each of the {len(clean_target)} training images, "
            f"got {len(target)}."
        )
    return Bunch(
        data=as_images(train["data"]),
        target=target,
        clean_target=clean_target,
        test_data=as_images(test["data"]),
        test_target=np.asarray(test[kind], dtype=np.int64),
        target_names=list(names[kind.removesuffix("s") + "_names"]),
    )


def read_parts(data_home: str | PathLike[str] | None) -> tuple[dict[str, Any], ...]:
    """Return the training part of CIFAR-100, the test part and the names of the classes."""
    folder = find_data_home(data_home) / "cifar100" / FOLDER_IN_ARCHIVE
    if not folder.is_dir():
        contents = read_archive(obtain(ARCHIVE, data_home))
        return tuple(read_pickled_arrays(contents[part]) for part in PARTS)
    missing = [part for part in PARTS if not (folder / part).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} must have the files {', '.join(missing)}.")
    train, test, names = (read_pickled_arrays((folder / part).read_bytes()) for part in PARTS)
    labels = np.asarray(train["fine_labels"], dtype=np.uint8)
    check_own_content(folder / "train", labels.tobytes(), FINE_LABELS_SHA256)
    return train, test, names


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the content of the files of CIFAR-100, by name, from the packed archive."""
    contents = {}
    with tarfile.open(path) as archive:
        for member in archive:
            place = PurePosixPath(member.name)
            file = archive.extractfile(member) if place.name in PARTS else None
            if file is not None and place.parent.name == FOLDER_IN_ARCHIVE:
                contents[place.name] = file.read()
    missing = set(PARTS) - set(contents)
    if missing:
        raise ValueError(f"{path} must contain {', '.join(sorted(missing))}.")
    return contents


def read_human_labels(kind: str, data_home: str | PathLike[str] | None) -> NDArray[np.int64]:
    """Return the labels that people gave, from a file of arrays or the authors' file."""
    key, sha256 = HUMAN_KEYS[kind]
    own_copy = find_data_home(data_home) / "noisy_labels" / "cifar100n.npz"
    if own_copy.is_file():
        with np.load(own_copy) as arrays:
            if key in arrays:
                labels = arrays[key].astype(np.int64)
                check_own_content(own_copy, labels.astype(np.uint8).tobytes(), sha256)
                return labels
    return np.asarray(read_zipped_arrays(obtain(HUMAN_LABELS, data_home))[key], dtype=np.int64)


def as_images(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn rows of red, green and blue values into images."""
    images = np.asarray(rows, dtype=np.uint8).reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
