"""Answers of a person, as files and spreadsheets give them back, matched with known values."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._typing import LabelArray
from ._formulas import without_guard

# What a person writes where it can't be decided, and what stands for nothing written; without
# regard to case.
UNSURE = ("?", "unsure")
EMPTY = ("", "nan", "none", "<na>")
#: What a person writes who has looked, and couldn't decide.
UNDECIDED = UNSURE[0]


def is_unsure(answer: Any) -> bool:
    """Return whether a person has looked, and couldn't decide.

    Parameters
    ----------
    answer : object
        What stands in the column of answers.

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_unsure(answer) for answer in ("?", " Unsure ", None, "cat")]
    [True, True, False, False]
    """
    return isinstance(answer, str) and answer.strip().lower() in UNSURE


def is_empty(answer: Any) -> bool:
    """Return whether nothing was answered yet.

    Parameters
    ----------
    answer : object
        What stands in the column of answers.

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_empty(answer) for answer in (None, float("nan"), "", "?", 0)]
    [True, True, True, False, False]
    """
    if isinstance(answer, str):
        return answer.strip().lower() in EMPTY
    return answer is None or bool(np.ndim(answer) == 0 and pd.isna(answer))


class KnownValues:
    """Finds values among known ones, also where a file has turned them into text.

    A spreadsheet with gaps turns 3 into 3.0, and JSON knows texts only where Label Studio writes
    it. A value is the known one that equals it, or whose text it is, or whose number it is, or
    whose text it is but for case, or but for the quote that keeps a spreadsheet from running it as
    a formula: the first of these that one known value alone meets.

    Parameters
    ----------
    values : sequence
        Classes, or row labels.

    Examples
    --------
    >>> known = KnownValues([1, 2, 3])
    >>> [known.position(value) for value in (3, "3", 3.0, "3.0", "4")]
    [2, 2, 2, 2, None]
    >>> KnownValues(["A", "b"]).position("B ")
    1
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = [_plain(value) for value in values]
        # Those of type and value both, since True equals 1.
        self._forms = [_positions(form, self._values) for form in _FORMS]

    def position(self, value: Any) -> int | None:
        """Return the number of the known value that is meant; None if there isn't one."""
        value = _plain(value)
        if not isinstance(value, Hashable):
            return None
        for form, positions in zip(_FORMS, self._forms, strict=True):
            key = form(value)
            found = positions.get(key, ()) if key is not None else ()
            if len(found) == 1:
                return found[0]
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def _positions(form: Any, values: Sequence[Any]) -> dict[Any, list[int]]:
    positions: dict[Any, list[int]] = {}
    for position, value in enumerate(values):
        key = form(value)
        if key is not None:
            positions.setdefault(key, []).append(position)
    return positions


def _exact(value: Any) -> Any:
    return type(value), value


def _text(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_text(each) for each in value)
    if isinstance(value, pd.Timestamp):
        # As pandas writes it into files.
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    return str(value).strip()


def _number(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _folded_text(value: Any) -> Any:
    return _text(value).casefold() if not isinstance(value, tuple) else None


def _unguarded_text(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_unguarded_text(each) or _text(each) for each in value)
    return without_guard(str(value))


_FORMS = (_exact, _text, _number, _folded_text, _unguarded_text)


def match_answers(answers: Sequence[Any], classes: LabelArray) -> LabelArray:
    """Return answers as classes, in their own type.

    None stands for those that are empty, "?" where a person couldn't decide.

    Parameters
    ----------
    answers : sequence
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    ndarray of object of shape (n_answers,)

    Raises
    ------
    ValueError
        If an answer is none of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> match_answers(["3.0", "", "1", "unsure"], np.array([1, 2, 3]))
    array([3, None, 1, '?'], dtype=object)
    """
    known, labels = KnownValues(classes), classes.tolist()
    matched = np.empty(len(answers), dtype=object)
    for number, answer in enumerate(answers):
        # A class may be called "none".
        position = known.position(answer)
        if position is not None:
            matched[number] = labels[position]
        elif is_unsure(answer):
            matched[number] = UNDECIDED
        elif not is_empty(answer):
            shown = ", ".join(repr(label) for label in labels[:10])
            raise ValueError(
                f"The answer {answer!r} is none of the classes: {shown}"
                + (", ..." if len(labels) > 10 else "")
                + '. Leave it empty, or write "?", where it isn\'t known.'
            )
    return matched
