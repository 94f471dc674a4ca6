"""Rows to be judged: features, labels, and what else the columns of a table say."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .._typing import BoolArray, IntArray
from ..tables._values import kind_of, plain_values
from ._errors import UserError
from ._options import ColumnRoles
from ._reading import Table, did_you_mean, labels_of
from ._screen import Screen, counted, listed, shown

YES = {"1", "1.0", "true", "yes", "y", "t", "x"}
NO = {"0", "0.0", "false", "no", "n", "f", "", "nan", "none", "<na>"}
MIN_ROWS = 10
# A target with more classes than this share of the rows isn't one of classes.
MOST_CLASSES = 0.5
# Numbers that aren't whole may be classes, but not many.
MOST_FRACTIONS = 30
# A table of few rows may have different numbers by chance.
MIN_ROWS_OF_IDENTIFIERS = 20


@dataclass
class Rows:
    """Rows with labels.

    Attributes
    ----------
    features : DataFrame, Series of paths or ndarray
        What is learnt from.
    labels : ndarray of shape (n_rows,)
    names : Index of length n_all
        Of all rows of the source, also of those that are left out.
    positions : ndarray of shape (n_rows,)
        Of the rows in the source.
    left_out : dict of int to str
        By position, why a row isn't judged.
    given_labels : Series of length n_all
    cells : DataFrame of length n_all
        What cleaned.csv holds, by number of the column.
    cell_names : list of str
        Names of these columns; that of the labels is number `target_place`.
    shown_values : DataFrame or Series
        What the report shows of the rows, with their names as index.
    """

    features: Any
    labels: np.ndarray
    names: pd.Index
    positions: IntArray
    given_labels: pd.Series
    cells: pd.DataFrame
    cell_names: list[str]
    target_place: int
    shown_values: Any
    left_out: dict[int, str] = field(default_factory=dict)
    trusted: BoolArray | None = None
    groups: np.ndarray | None = None
    id_name: str | None = None


def features_of(table: Table, places: list[int]) -> pd.DataFrame:
    """Return columns under names that are all different."""
    names: list[str] = []
    for place in places:
        name, number = table.names[place], 1
        while name in names:
            number += 1
            name = f"{table.names[place]} ({number})"
        names.append(name)
    return table.values.iloc[:, places].set_axis(names, axis=1)


def rows_of_table(table: Table, roles: ColumnRoles, screen: Screen) -> Rows:
    """Return the rows that can be judged, and tell what is left out."""
    if roles.target is None:
        raise UserError(
            f"--target is missing: the column that holds the labels. There are: "
            f"{listed(table.names, 20)}.",
            exit_code=2,
        )
    target = table.place_of(roles.target, "--target")
    places = {
        option: table.place_of(name, f"--{option}")
        for option in ("trusted", "groups", "id")
        if (name := getattr(roles, option)) is not None
    }
    if target in places.values():
        raise UserError("--target: the labels can't be trusted rows, groups or names as well.")
    dropped = {table.place_of(name, "--drop") for name in roles.drop}
    kept = {table.place_of(name, "--keep") for name in roles.keep}
    labels, spellings = labels_of(table, target)
    names = _row_names(table, places.get("id"), screen)
    left_out = _rows_left_out(labels, spellings, roles.target, names, screen)
    positions = np.array([p for p in range(len(labels)) if p not in left_out], dtype=np.int64)
    _check_classes(labels.iloc[positions], roles.target)
    others = [p for p in range(len(table.names)) if p not in {target, *places.values(), *dropped}]
    features = features_of(table, others).iloc[positions].set_axis(names[positions])
    not_target = [p for p in range(len(table.names)) if p != target]
    shown_values = features_of(table, not_target).iloc[positions].set_axis(names[positions])
    by_name = dict(zip(features.columns, others, strict=True))
    identifiers = [name for name in identifier_columns(features) if by_name[name] not in kept]
    _tell_of_identifiers(identifiers, screen)
    if len(identifiers) == features.shape[1]:
        raise UserError(
            f"no column is left to learn from: beside {roles.target!r} there "
            + (f"are identifiers only: {listed(identifiers)}." if identifiers else "is none.")
        )
    features = features.drop(columns=identifiers)
    rows = Rows(
        features=features,
        labels=_label_array(labels.iloc[positions]),
        names=names,
        positions=positions,
        given_labels=labels,
        cells=table.cells,
        cell_names=table.names,
        target_place=target,
        shown_values=shown_values,
        left_out=left_out,
        id_name=roles.id,
    )
    if "trusted" in places:
        rows.trusted = _truth_values(table, places["trusted"])[positions]
    if "groups" in places:
        groups = table.values.iloc[positions, places["groups"]].astype(object)
        rows.groups = groups.map(
            lambda group: "(none)" if pd.isna(group) else str(group)
        ).to_numpy()
    return rows


def _row_names(table: Table, place: int | None, screen: Screen) -> pd.Index:
    n_rows = len(table.values)
    if place is None:
        return pd.RangeIndex(n_rows, name="row")
    names = table.cells.iloc[:, place]
    if names.isna().any() or not names.is_unique:
        twice = names[names.duplicated()]
        example = f", such as {shown(twice.iloc[0], 60)!r}" if len(twice) else ""
        screen.note(
            f"--id: values of {table.names[place]!r} are missing or not unique{example}; "
            "rows are named by their number, counted from 0."
        )
        return pd.RangeIndex(n_rows, name="row")
    return pd.Index(names, name=table.names[place])


def _rows_left_out(
    labels: pd.Series, spellings: dict[str, int], target: str, names: pd.Index, screen: Screen
) -> dict[int, str]:
    is_missing = labels.isna().to_numpy()
    left_out = {int(p): "left out: it has no label" for p in np.flatnonzero(is_missing)}
    if is_missing.any():
        written = {text: n for text, n in spellings.items() if text}
        how = ", ".join(f"{text!r} in {n:,}" for text, n in list(written.items())[:5])
        screen.note(
            f"left out: {len(left_out):,} of {counted(len(labels), 'row')}, without a label in "
            f"{target!r}{f' (taken for missing: {how})' if how else ''}."
        )
    counts = labels.value_counts()
    if len(counts) > MOST_CLASSES * counts.sum():
        return left_out
    single = labels.isin(counts.index[counts == 1]).to_numpy() & ~is_missing
    if single.any():
        which = [f"{labels.iloc[p]!r} (row {shown(names[p], 40)})" for p in np.flatnonzero(single)]
        screen.note(
            f"left out: {counted(int(single.sum()), 'row')} with a label that no other row has: "
            f"{listed(which, 5)}. Typing errors?"
        )
        left_out |= {
            int(p): "left out: no other row has this label" for p in np.flatnonzero(single)
        }
    return left_out


def _check_classes(labels: pd.Series, target: str) -> None:
    """Raise an error unless the labels are classes that can be told apart."""
    n_rows, n_classes = len(labels), labels.nunique()
    if n_rows == 0:
        raise UserError(f"--target: no row has a label in {target!r}.")
    examples = listed(list(labels.unique()), 5)
    if n_classes == 1:
        raise UserError(
            f"--target: all labels in {target!r} are {examples}. There must be two classes or "
            "more, of two rows or more each."
        )
    are_fractions = any(isinstance(label, float) and not label.is_integer() for label in labels)
    if n_classes > MOST_CLASSES * n_rows or (are_fractions and n_classes > MOST_FRACTIONS):
        raise UserError(
            f"--target: {target!r} has {n_classes:,} different values in {n_rows:,} rows "
            f"({examples}). That is a quantity or a name, and sknoisy judges classes: take another "
            "column, or sort the values into a few classes first."
        )
    if n_rows < MIN_ROWS:
        raise UserError(
            f"there are {n_rows} rows with a label, which is too few to learn from: at least "
            f"{MIN_ROWS} are needed, and some hundreds make sense."
        )


def _label_array(labels: pd.Series) -> np.ndarray:
    """Return labels as an array of their own type."""
    if any(isinstance(label, str) for label in labels):
        return labels.map(str).to_numpy(dtype=object)
    return np.array(labels.tolist())


def _truth_values(table: Table, place: int) -> BoolArray:
    texts = table.values.iloc[:, place].astype(object).map(lambda cell: str(cell).strip().lower())
    unknown = sorted(set(texts) - YES - NO)
    if unknown:
        raise UserError(
            f"--trusted: {table.names[place]!r} must say of each row whether its label is known to "
            f"be right: 1, yes, true or x; 0, no, false or nothing. Got {listed(unknown, 3)}."
        )
    return texts.isin(YES).to_numpy()


# -- identifiers ---------------------------------------------------------------------------------


def identifier_columns(features: pd.DataFrame) -> list[str]:
    """Return the columns that name or number the rows.

    Those are texts without sentences of which every row has its own, and whole numbers that
    count the rows, in any order.
    """
    return [name for name in features if _is_identifier(features[name], name)]


def _is_identifier(values: pd.Series, name: Any) -> bool:
    if len(values) < MIN_ROWS_OF_IDENTIFIERS:
        return False
    if values.dtype.kind in "iu":
        return values.is_unique and int(values.max()) - int(values.min()) < 2 * len(values)
    if values.dtype.kind in "bfcmM" or values.isna().all():
        return False
    # What a column means is told when it is encoded.
    return _quiet_kind(values, name) == "identifier"


def _quiet_kind(values: pd.Series, name: Any) -> str:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind_of(plain_values(values), name)


def _tell_of_identifiers(identifiers: list[str], screen: Screen) -> None:
    for name in identifiers:
        screen.note(
            f"column {shown(name, 60)!r} names or numbers the rows: every row has a value of its "
            "own. It is left out of the features. --id names the rows by it; --keep learns from it."
        )


def check_names(names: list[str], table: Table, option: str) -> None:
    """Raise an error unless a table has all columns."""
    missing = [name for name in names if name not in table.names]
    if missing:
        raise UserError(
            f"{option}: columns are missing that the model learnt from: {listed(missing)}."
            + (did_you_mean(missing[0], table.names) if len(missing) == 1 else "")
        )
