"""A folder of images with one subfolder per class."""

import os
from os import PathLike
from pathlib import Path

import pandas as pd

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def load_image_folder(path: str | PathLike[str]) -> tuple[pd.Series, pd.Series]:
    """List the images of a folder that has one subfolder per class.

    No image is opened: `sknoisy.features.PretrainedFeatures` reads the files when their turn comes.
    Both Series have the files' places below `path` as index, which `train_test_split` and
    `get_label_issues` keep.

    Parameters
    ----------
    path : path-like
        The folder. Images may lie deeper within the folder of their class; what isn't an image by
        its suffix, and what is hidden, is left out.

    Returns
    -------
    paths : pandas.Series of str
        The files, in the order of their names.
    labels : pandas.Series of str
        Of each file the class, which is the name of the subfolder that it lies in.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If no subfolder has images.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.datasets import load_image_folder
    >>> from sknoisy.features import PretrainedFeatures
    >>> paths, labels = load_image_folder("photos")  # doctest: +SKIP
    >>> model = make_pipeline(PretrainedFeatures(), NoisyLabelDetector())
    >>> issues = model.fit(paths, labels)[-1].get_label_issues()  # doctest: +SKIP
    >>> issues.index.name  # doctest: +SKIP
    'path'
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    places = sorted(place for place in image_files(folder) if len(place.parts) > 1)
    if not places:
        raise ValueError(
            f"{folder} must have subfolders, one per class, with images "
            f"({', '.join(IMAGE_SUFFIXES)}). Found none."
        )
    index = pd.Index([place.as_posix() for place in places], name="path")
    paths = pd.Series([str(folder / place) for place in places], index=index, name="path")
    labels = pd.Series([place.parts[0] for place in places], index=index, name="label")
    return paths, labels


def image_files(folder: Path) -> list[Path]:
    """Return the places, below a folder, of all images that aren't hidden."""
    places = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith("."):
                places.append(Path(parent, name).relative_to(folder))
    return places
