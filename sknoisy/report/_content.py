"""What the rows of X hold, of whatever kind they are: values, texts and pictures for the page."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from torch.utils.data import Dataset

from .._arrays import as_array
from .._features import take_rows
from .._typing import IntArray
from ..tables._reading import as_frame
from ..training import seeded_global_state
from ._thumbnails import PICTURE_SUFFIXES, is_pictures, thumbnail_of_file, thumbnails
from ._words import cell_text, short_text

MAX_COLUMNS = 40
MAX_CELLS = 200_000
MAX_ROWS = 10_000
MAX_TEXTS = 4_000
MAX_PICTURES = 1_000
MAX_LETTERS_OF_TEXT = 1_200


@dataclass
class RowContent:
    """What some rows hold.

    Parameters
    ----------
    n_columns : int
        Columns of X; more than `columns` where not all are shown.
    columns : list of str
    cells : list of list of (str or None)
        Texts by column, then by row; None: missing.
    texts : list of str or None
    pictures : list of (str or None), or None
        Addresses that hold a small picture each; None: it couldn't be read.
    files : list of str or None
        Names of the picture files.
    """

    n_columns: int = 0
    columns: list[str] = field(default_factory=list)
    cells: list[list[str | None]] = field(default_factory=list)
    texts: list[str] | None = None
    pictures: list[str | None] | None = None
    files: list[str] | None = None

    def joined_by(self, other: "RowContent") -> "RowContent":
        """Return the content of both."""
        return RowContent(
            self.n_columns + other.n_columns,
            (self.columns + other.columns)[:MAX_COLUMNS],
            (self.cells + other.cells)[:MAX_COLUMNS],
            self.texts if other.texts is None else other.texts,
            self.pictures if other.pictures is None else other.pictures,
            self.files if other.files is None else other.files,
        )


def check_n_rows(X: Any, n_rows: int) -> None:
    """Raise an error unless X has one row for each row of fit."""
    named = X.items() if _is_named(X) else [(None, X)]
    for name, values in named:
        found = _n_rows(values)
        if found != n_rows:
            called = "X" if name is None else f"X[{name!r}]"
            raise ValueError(
                f"{called} must hold the rows of fit, in their order: {n_rows} rows. Got {found}."
            )


def most_rows(X: Any) -> int:
    """Return how many rows of X a page can hold."""
    if X is None:
        return 0
    if _is_named(X):
        return min(most_rows(values) for values in X.values())
    if isinstance(X, Dataset):
        return MAX_PICTURES
    if _is_texts(X):
        return MAX_PICTURES if _is_files(X) else MAX_TEXTS
    if is_pictures(as_array(X, "X")):
        return MAX_PICTURES
    n_columns = np.shape(X)[1] if len(np.shape(X)) > 1 else 1
    return min(MAX_ROWS, MAX_CELLS // max(1, min(n_columns, MAX_COLUMNS)))


def row_content(X: Any, rows: IntArray) -> RowContent:
    """Return what some rows of X hold.

    Parameters
    ----------
    X : anything that fit takes, or a list or Series of texts or of paths of images
    rows : ndarray of int
    """
    if X is None or not len(rows):
        return RowContent()
    if _is_named(X):
        content = RowContent()
        for name, values in X.items():
            content = content.joined_by(_named(row_content(values, rows), name))
        return content
    if isinstance(X, Dataset):
        # It may draw random views from the global generators.
        with seeded_global_state(0):
            return _of_array(np.stack([np.asarray(X[int(row)][0]) for row in rows]))
    if _is_texts(X):
        return _of_texts(X, rows)
    return _of_array(take_rows(as_frame(as_array(X, "X")), rows))


def _of_array(values: Any) -> RowContent:
    if isinstance(values, list | tuple):
        # numpy would turn numbers beside texts into texts.
        values = np.array(values, dtype=None if isinstance(values[0], np.ndarray) else object)
    if is_pictures(values):
        return RowContent(pictures=thumbnails(np.asarray(values)))
    if sparse.issparse(values):
        n_columns = values.shape[1]
        frame = pd.DataFrame(values.tocsr()[:, :MAX_COLUMNS].toarray())
    elif isinstance(values, pd.DataFrame):
        n_columns, frame = values.shape[1], values.iloc[:, :MAX_COLUMNS]
    else:
        values = np.asarray(values)
        values = values.reshape(len(values), -1)
        n_columns, frame = values.shape[1], pd.DataFrame(values[:, :MAX_COLUMNS])
    return RowContent(
        n_columns,
        [short_text(name, 80) for name in frame.columns],
        [
            [cell_text(value) for value in frame.iloc[:, number].tolist()]
            for number in range(frame.shape[1])
        ],
    )


def _of_texts(X: Any, rows: IntArray) -> RowContent:
    values = list(X)
    chosen = [values[row] for row in rows.tolist()]
    if not _is_files(X):
        return RowContent(texts=[cell_text(each, MAX_LETTERS_OF_TEXT) or "" for each in chosen])
    return RowContent(
        pictures=[thumbnail_of_file(each) for each in chosen],
        files=[short_text(os.path.basename(os.fspath(each))) for each in chosen],
    )


def _named(content: RowContent, name: str) -> RowContent:
    if len(content.columns) == 1 and content.n_columns == 1:
        content.columns = [short_text(name, 80)]
    else:
        content.columns = [short_text(f"{name}: {each}", 80) for each in content.columns]
    return content


def _is_named(X: Any) -> bool:
    return isinstance(X, Mapping) and not sparse.issparse(X)


def _n_rows(X: Any) -> int:
    if isinstance(X, Dataset) or not hasattr(X, "shape"):
        return len(X)
    return int(X.shape[0])


def _is_texts(X: Any) -> bool:
    """Return whether rows are single texts or paths, not rows of several columns."""
    if isinstance(X, np.ndarray | pd.Series):
        is_flat = X.ndim == 1 and X.dtype.kind not in "biufcmM"
        return is_flat and isinstance(_first(X), str | os.PathLike)
    return isinstance(X, list | tuple) and isinstance(_first(X), str | os.PathLike)


def _is_files(X: Any) -> bool:
    first = _first(X)
    if isinstance(first, os.PathLike):
        return True
    return isinstance(first, str) and first.lower().endswith(PICTURE_SUFFIXES)


def _first(X: Any) -> Any:
    """Return the first row that isn't missing."""
    return next((each for each in X if np.ndim(each) or not pd.isna(each)), None)
