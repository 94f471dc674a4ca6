"""ANIMAL-10N: photos of five pairs of animals that people confuse."""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._home import find_data_home
from ._image_folder import IMAGE_SUFFIXES
from ._listed_images import as_series, check_layout

CLASS_NAMES = (
    "cat",
    "lynx",
    "wolf",
    "coyote",
    "cheetah",
    "jaguar",
    "chimpanzee",
    "orangutan",
    "hamster",
    "guinea pig",
)

VERSIONS = ("images", "binary")
WHERE = "Ask for ANIMAL-10N at https://dm.kaist.ac.kr/datasets/animal-10n, take the "
HOW = {
    "images": (
        f"{WHERE}raw image version (raw_image_ver.zip), and unpack it and the archive in it there, "
        "so that the images lie in training/ and testing/."
    ),
    "binary": (
        f"{WHERE}binary version, and unpack it there, so that data_batch_1.bin, data_batch_2.bin, "
        "... and test_batch.bin lie side by side."
    ),
}

SIDE = 64
# The number of the image, its label, and its pixels: all red ones, then green, then blue.
RECORD = np.dtype([("number", ">u4"), ("label", ">u4"), ("pixels", "u1", (3, SIDE, SIDE))])


def fetch_animal10n(
    *,
    version: Literal["images", "binary"] = "images",
    data_home: str | PathLike[str] | None = None,
) -> Bunch:
    """Read ANIMAL-10N: 55,000 photos of animals, labelled by people who mixed some of them up.

    The animals come in pairs that look alike, such as cat and lynx. About 8 % of the training
    labels are wrong, and it isn't known which. Test labels agree with the word that the photo was
    searched by.

    The authors hand the set out on request, as files of images or as binary files with the pixels.
    Of files of images none is opened: `sknoisy.features.PretrainedFeatures` reads them when their
    turn comes. Binary files are read as a whole: the full set takes 0.7 GB of memory.

    Parameters
    ----------
    version : {"images", "binary"}, default="images"
        What the authors have handed out: files of images ("raw image version"), or binary files.
    data_home : path-like or None, default=None
        Folder with the folder ``animal10n``. For "images" this has ``training/`` and ``testing/``
        with images named ``LABEL_NUMBER.jpg``; for "binary", ``data_batch_1.bin``,
        ``data_batch_2.bin``, ... and ``test_batch.bin``. None: the environment variable
        ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (50,000 images in the full set), ``target`` (the given labels, int),
        ``test_data`` and ``test_target`` (5,000), and ``target_names``, whose entry i names class
        i. For "images" the data are Series of paths in the order of their names, and the index of
        all Series is the file's place in the folder. For "binary" they are arrays of uint8 of shape
        (n_samples, 64, 64, 3), in the order of the files.

    Raises
    ------
    FileNotFoundError
        If the set is not there; the message says how to obtain it.
    ValueError
        If `version` is neither of the two, the name of an image does not start with a class, or a
        binary file holds anything but whole images of the ten classes.

    References
    ----------
    H. Song, M. Kim, J.-G. Lee (2019). SELFIE: refurbishing unclean samples for robust deep
    learning. ICML.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_animal10n
    >>> animals = fetch_animal10n()  # doctest: +SKIP
    >>> animals.data.shape  # doctest: +SKIP
    (50000,)
    """
    if version not in VERSIONS:
        raise ValueError(f"version must be one of {VERSIONS}, got {version!r}.")
    folder = find_data_home(data_home) / "animal10n"
    read = list_images if version == "images" else read_binary
    data, target, test_data, test_target = read(folder)
    return Bunch(
        data=data,
        target=target,
        test_data=test_data,
        test_target=test_target,
        target_names=list(CLASS_NAMES),
    )


def list_images(folder: Path) -> tuple[pd.Series, ...]:
    """Return paths and labels of the images to learn from, and of those to test on."""
    check_layout(folder, ("training", "testing"), HOW["images"])
    return *list_part(folder, "training"), *list_part(folder, "testing")


def list_part(folder: Path, part: str) -> tuple[pd.Series, pd.Series]:
    """Return the paths of the images of a part and the labels that their names start with."""
    names = sorted(
        name for name in os.listdir(folder / part) if name.lower().endswith(IMAGE_SUFFIXES)
    )
    if not names:
        raise FileNotFoundError(f"{folder / part} has no images. {HOW['images']}")
    return as_series(folder, {f"{part}/{name}": label_of(folder / part / name) for name in names})


def label_of(path: Path) -> int:
    """Return the class that the name of an image starts with."""
    start = path.name.partition("_")[0]
    if not start.isdecimal() or int(start) >= len(CLASS_NAMES):
        raise ValueError(f"{path} must be named LABEL_NUMBER.jpg with a label in 0 to 9.")
    return int(start)


def read_binary(folder: Path) -> tuple[NDArray[Any], ...]:
    """Return pixels and labels of the images to learn from, and of those to test on."""
    check_layout(folder, ("data_batch_1.bin", "test_batch.bin"), HOW["binary"])
    batches = sorted(folder.glob("data_batch_*.bin"), key=lambda path: (len(path.name), path.name))
    return *read_batches(batches), *read_batches([folder / "test_batch.bin"])


def read_batches(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pixels, the channels last, and labels of all images in binary files."""
    counts = [count_records(path) for path in paths]
    ends = np.cumsum(counts)
    pixels = np.empty((sum(counts), SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.empty(sum(counts), dtype=np.int64)
    for path, count, end in zip(paths, counts, ends, strict=True):
        records = np.fromfile(path, dtype=RECORD)
        if (records["label"] >= len(CLASS_NAMES)).any():
            raise ValueError(
                f"{path} must have labels in 0 to 9, got {int(records['label'].max())}."
            )
        pixels[end - count : end] = np.moveaxis(records["pixels"], 1, -1)
        labels[end - count : end] = records["label"]
    return pixels, labels


def count_records(path: Path) -> int:
    """Return how many images a binary file holds; raise unless it holds whole ones."""
    count, rest = divmod(path.stat().st_size, RECORD.itemsize)
    if rest or not count:
        raise ValueError(
            f"{path} must hold images of {RECORD.itemsize:,} bytes each, got "
            f"{path.stat().st_size:,} bytes in all."
        )
    return count
