"""ANIMAL-10N: photos of five pairs of animals that people confuse."""

import os
from os import PathLike
from pathlib import Path

import pandas as pd
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

HOW = (
    "Ask for ANIMAL-10N at https://dm.kaist.ac.kr/datasets/animal-10n, take the raw image version "
    "(raw_image_ver.zip), and unpack it and the archive in it there, so that the images lie in "
    "training/ and testing/."
)


def fetch_animal10n(*, data_home: str | PathLike[str] | None = None) -> Bunch:
    """List ANIMAL-10N: 55,000 photos of animals, labelled by people who mixed some of them up.

    The animals come in pairs that look alike, such as cat and lynx. About 8 % of the training
    labels are wrong, and it isn't known which. Test labels agree with the word that the photo was
    searched by.

    The authors hand the set out on request. No image is opened:
    `sknoisy.features.PretrainedFeatures` reads the files when their turn comes.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder with the folder ``animal10n``, which has ``training/`` and ``testing/`` with images
        named ``LABEL_NUMBER.jpg``. None: the environment variable ``SKNOISY_DATA``, else
        scikit-learn's data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (Series of paths, in the order of their names; 50,000 in the full set),
        ``target`` (Series of int, the given labels), ``test_data`` and ``test_target`` (5,000), and
        ``target_names``, whose entry i names class i. The index of the Series is the file's place
        in the folder.

    Raises
    ------
    FileNotFoundError
        If the set is not there; the message says how to obtain it.
    ValueError
        If the name of an image does not start with a class.

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
    folder = find_data_home(data_home) / "animal10n"
    check_layout(folder, ("training", "testing"), HOW)
    data, target = list_part(folder, "training")
    test_data, test_target = list_part(folder, "testing")
    return Bunch(
        data=data,
        target=target,
        test_data=test_data,
        test_target=test_target,
        target_names=list(CLASS_NAMES),
    )


def list_part(folder: Path, part: str) -> tuple[pd.Series, pd.Series]:
    """Return the paths of the images of a part and the labels that their names start with."""
    names = sorted(
        name for name in os.listdir(folder / part) if name.lower().endswith(IMAGE_SUFFIXES)
    )
    if not names:
        raise FileNotFoundError(f"{folder / part} has no images. {HOW}")
    return as_series(folder, {f"{part}/{name}": label_of(folder / part / name) for name in names})


def label_of(path: Path) -> int:
    """Return the class that the name of an image starts with."""
    start = path.name.partition("_")[0]
    if not start.isdecimal() or int(start) >= len(CLASS_NAMES):
        raise ValueError(f"{path} must be named LABEL_NUMBER.jpg with a label in 0 to 9.")
    return int(start)
