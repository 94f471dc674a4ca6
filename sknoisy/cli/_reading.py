"""Tables from files: what stands there, and what it means."""

import bz2
import csv
import gzip
import lzma
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from ._errors import UserError
from ._options import FileFormat
from ._screen import listed, shown

TEXT_SUFFIXES = {".csv": None, ".tsv": "\t", ".tab": "\t", ".txt": None, ".data": None}
EXCEL_SUFFIXES = (".xls", ".xlsb", ".xlsm", ".xlsx", ".ods")
PARQUET_SUFFIXES = (".parquet", ".pq")
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*OPENERS, ".zip", ".zst")
SEPARATORS = (",", ";", "\t", "|")
WRITTEN_SEPARATORS = {"\\t": "\t", "tab": "\t", "space": " "}
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
# Enough to tell a separator by.
HEAD = 65_536


@dataclass(frozen=True)
class Table:
    """A table as it stands in a file.

    Attributes
    ----------
    names : list of str
        Of the columns, as they stand in the file: two may be equal.
    cells : DataFrame
        Texts of a text file, as they stand there; values of others. Columns by number.
    values : DataFrame
        What the cells mean: numbers, truth values, texts, missing values. Columns by number.
    """

    names: list[str]
    cells: pd.DataFrame
    values: pd.DataFrame

    def place_of(self, name: str, option: str) -> int:
        """Return the number of a column, or raise an error that helps to find it."""
        places = [place for place, each in enumerate(self.names) if each == name]
        if len(places) == 1:
            return places[0]
        if places:
            raise UserError(
                f"{option}: {len(places)} columns are called {name!r}. Rename all but one."
            )
        raise UserError(f"{option}: there is no column {name!r}.{did_you_mean(name, self.names)}")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return which names may be meant, and all there are, as a text to follow an error.

    Examples
    --------
    >>> did_you_mean("Lable", ["label", "age"])
    " Did you mean 'label'? There are: label, age."
    """
    names = list(names)
    by_fold = {each.strip().casefold(): each for each in names}
    folded = name.strip().casefold()
    close = [by_fold[each] for each in get_close_matches(folded, by_fold, n=3, cutoff=0.6)]
    meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{meant} There are: {listed(names, 20)}."


def read_table(path: Path, file_format: FileFormat) -> Table:
    """Return the table that a file holds.

    Raises
    ------
    UserError
        If the file can't be read, or holds no rows.
    """
    if not path.exists():
        raise UserError(f"there is no file {path}.{_files_beside(path)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty.")
    suffix = _suffix(path)
    if suffix in TEXT_SUFFIXES:
        table = _read_text(path, suffix, file_format)
    elif suffix in EXCEL_SUFFIXES:
        table = _table_of(_read_excel(path, file_format))
    elif suffix in PARQUET_SUFFIXES:
        table = _table_of(_read(path, pd.read_parquet, path))
    else:
        known = ", ".join([*TEXT_SUFFIXES, *PARQUET_SUFFIXES, *EXCEL_SUFFIXES])
        raise UserError(
            f"{path.name}: can't tell what kind of file this is. Files may end in {known}; "
            f"text files may be compressed ({', '.join(COMPRESSED)})."
        )
    if len(table.values) == 0:
        raise UserError(f"{path} has no rows below its header ({listed(table.names)}).")
    return table


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _files_beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    names = [each.name for each in path.parent.iterdir()]
    close = get_close_matches(path.name, names, n=2, cutoff=0.7)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def _read(path: Path, reader: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a reader of pandas, and turn its errors into such that a person can act on."""
    try:
        return reader(*args, **options)
    except ImportError as error:
        package = getattr(error, "name", None) or "openpyxl"
        if _suffix(path) in PARQUET_SUFFIXES:
            package = "pyarrow"
        raise UserError(
            f"{path.name} takes a package that isn't installed: pip install {package}, or save the "
            f"table as CSV. ({error})"
        ) from error
    except UnicodeError as error:
        raise UserError(
            f"{path.name} can't be read as {getattr(error, 'encoding', 'UTF-8')} text: {error}. "
            "Say how it was saved, for instance --encoding cp1252 (Windows, Western Europe), "
            "--encoding latin-1 or --encoding utf-16; or save it as UTF-8."
        ) from error
    except LookupError as error:
        if "unknown encoding" not in str(error):
            raise
        raise UserError(
            f"--encoding: {error}. Encodings are, for instance, utf-8, cp1252, latin-1, utf-16."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{path} is empty.") from error
    except (pd.errors.ParserError, csv.Error) as error:
        message = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise UserError(
            f"{path.name} can't be read as a table: {message}. Does each line have as many cells "
            "as the header? --separator says what stands between them."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} can't be read: {error}") from error


# -- text files ----------------------------------------------------------------------------------


def _read_text(path: Path, suffix: str, file_format: FileFormat) -> Table:
    encoding = file_format.encoding or _encoding(path)
    separator = file_format.separator or TEXT_SUFFIXES[suffix] or _separator(path, encoding)
    separator = WRITTEN_SEPARATORS.get(separator.lower(), separator)
    if len(separator) > 1:
        raise UserError(f"--separator must be one character, or \\t for a tab. Got {separator!r}.")
    how = {"sep": separator, "encoding": encoding}
    as_texts = {"dtype": str, "na_filter": False, **how}
    header = _read(path, pd.read_csv, path, header=None, nrows=1, **as_texts)
    names = [str(name) for name in header.iloc[0]]
    cells = _read(path, pd.read_csv, path, **as_texts)
    if not isinstance(cells.index, pd.RangeIndex):
        raise UserError(
            f"{path.name}: the rows have more cells than the header, which has {len(names)} "
            f"({listed(names, 5)}). Give every column a name; or does --separator have to be set?"
        )
    values = _read(path, pd.read_csv, path, low_memory=False, **how)
    cells.columns = values.columns = range(len(names))
    return Table(names, cells, values)


def _encoding(path: Path) -> str:
    head = _head(path)
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")


def _head(path: Path) -> bytes:
    opener = OPENERS.get(path.suffix.lower(), open)
    if path.suffix.lower() in COMPRESSED and opener is open:
        return b""

    def read() -> bytes:
        with opener(path, "rb") as file:
            return file.read(HEAD)

    return _read(path, read)


def _separator(path: Path, encoding: str) -> str:
    """Return what parts the first lines into most cells, the same number in each."""
    lines = _read(path, _head(path).decode, encoding, "ignore").splitlines()[:20]
    lines = [line for line in lines if line.strip()]
    best, most = ",", 1
    for separator in SEPARATORS:
        try:
            counts = [len(cells) for cells in csv.reader(lines, delimiter=separator)]
        except csv.Error:
            continue
        # The last line may be cut.
        if counts and min(counts[:-1] or counts) == counts[0] > most:
            best, most = separator, counts[0]
    return best


# -- other files ---------------------------------------------------------------------------------


def _read_excel(path: Path, file_format: FileFormat) -> pd.DataFrame:
    sheets = _read(path, lambda: pd.ExcelFile(path).sheet_names)
    sheet = file_format.sheet
    if sheet is not None and sheet not in sheets:
        raise UserError(f"--sheet: there is no {sheet!r} in {path}.{did_you_mean(sheet, sheets)}")
    return _read(path, pd.read_excel, path, sheet_name=0 if sheet is None else sheet)


def _table_of(frame: pd.DataFrame) -> Table:
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=_index_names(frame))
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(range(len(names)), axis=1)
    return Table(names, frame, frame)


def _index_names(frame: pd.DataFrame) -> list[Any]:
    """Return the names of the index; of a level without one, one that no column has."""
    return [
        f"index_{level}" if name is None or name in frame.columns else name
        for level, name in enumerate(frame.index.names)
    ]


def labels_of(table: Table, place: int) -> tuple[pd.Series, dict[str, int]]:
    """Return the labels of a column, and how often each text was taken for a missing one.

    Whole numbers and truth values are those where they stand in the file as Python writes them;
    otherwise labels are the texts, such as "01" or "TRUE". "None" may well be a class.

    Returns
    -------
    Series
        None where there is no label.
    dict of str to int
    """
    cells, values = table.cells.iloc[:, place], table.values.iloc[:, place]
    if table.cells is table.values:
        return _natural(values), {}
    texts = cells.astype(object).map(lambda cell: str(cell).strip())
    is_missing = ((values.isna() & (texts != "None")) | (texts == "")).astype(bool)
    spellings = texts[is_missing].map(shown).value_counts().to_dict()
    typed = _natural(values.where(~is_missing, other=None))
    same = typed.notna() & (typed.map(str) == texts)
    labels = (typed if bool(same[~is_missing].all()) else texts).astype(object)
    return labels.where(~is_missing, None), spellings


def _natural(values: pd.Series) -> pd.Series:
    """Return labels as Python's own, None for missing ones; integers where all are whole."""
    labels = [None if pd.isna(value) else _plain(value) for value in values]
    if all(label is None or (isinstance(label, float) and label.is_integer()) for label in labels):
        labels = [None if label is None else int(label) for label in labels]
    return pd.Series(labels, index=values.index, dtype=object)


def _plain(label: Any) -> Any:
    label = label.item() if hasattr(label, "item") else label
    return label if isinstance(label, str | int | float | bool) else str(label)
