"""Sets of images that are handed out on request, and what their lists of files say."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd


def check_layout(folder: Path, places: Iterable[str], how: str) -> None:
    """Raise FileNotFoundError, which tells how to obtain the set, where parts of it are missing."""
    missing = [place for place in places if not (folder / place).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} must have {', '.join(missing)}. {how}")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that aren't empty."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def read_labels(path: Path) -> dict[str, int]:
    """Return the class number of each image from lines of a place and a number."""
    labels = {}
    for number, line in enumerate(read_lines(path), start=1):
        place, _, code = line.rpartition(" ")
        if not place or not code.isdecimal():
            raise ValueError(
                f"{path}, line {number}: expected the place of an image and the number of its "
                f"class, got {line!r}."
            )
        labels[place.strip()] = int(code)
    return labels


def as_series(folder: Path, labels: Mapping[str, int]) -> tuple[pd.Series, pd.Series]:
    """Return the paths of images and their class numbers, with their places as index.

    Parameters
    ----------
    folder : Path
        What the places are relative to.
    labels : mapping of str to int
        The class number by place.

    Raises
    ------
    FileNotFoundError
        If the first image is not there. The others aren't looked for: there may be a million.
    """
    index = pd.Index(list(labels), name="path", dtype=object)
    if len(index) and not (folder / index[0]).is_file():
        raise FileNotFoundError(
            f"There is no image {folder / index[0]}, which the lists name. Are the images unpacked?"
        )
    start = f"{folder}/"
    paths = pd.Series([start + place for place in labels], index=index, name="path", dtype=object)
    codes = pd.Series(list(labels.values()), index=index, name="label", dtype="int64")
    return paths, codes
