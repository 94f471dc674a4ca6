"""`sknoisy review`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer

from ..review import UNDECIDED, KnownValues, is_empty
from ._csv import guarded, write_csv
from ._earlier import check_same_rows, earlier_rows, load_model, read_answers
from ._errors import USAGE, UserError
from ._folder import REVIEW, Run, write_whole
from ._reading import did_you_mean
from ._rows import Rows
from ._screen import Screen, counted, safe_lines, shown

STRATEGIES = ("suspicious", "informative", "random")
FIELDS = ["row", "given_label", "suggested_label", "label_quality", "reason", "right_label"]
ROW_LABEL = "row_label"
# Columns of a row that are shown at once.
N_VALUES = 15
KEYS = (
    ("k", "the given label is right"),
    ("s", "the suggested one is right"),
    ("o", "another class"),
    ("u", "can't be decided"),
    ("n", "next, leave it open"),
    ("b", "back"),
    ("a", "all columns"),
    ("q", "quit"),
)


def review_rows(
    folder: Path, n: int, strategy: str, moved_to: Path | None, screen: Screen, kept: list[str]
) -> None:
    """Show rows one by one, and keep each answer at once."""
    if strategy not in STRATEGIES:
        raise UserError(
            f"--strategy: there is no {strategy!r}.{did_you_mean(strategy, STRATEGIES)}",
            exit_code=USAGE,
        )
    run = Run.load(folder)
    model = load_model(folder)
    rows = earlier_rows(run, moved_to, screen)
    check_same_rows(model, rows)
    answers = Answers(folder / REVIEW, model, rows)
    answers.draw(n, strategy)
    if not answers.is_open():
        screen.say("No row is left to look at.")
        return
    session = Session(answers, rows, list(model.classes_.tolist()), n, screen)
    try:
        session.run()
    finally:
        n_kept = answers.n_answered()
        if n_kept:
            kept.append(f"{counted(n_kept, 'answer')} in {answers.path}")
    left = "" if answers.is_open() else " No row of the queue is left open."
    are = "is" if n_kept == 1 else "are"
    screen.say(f"\n{counted(n_kept, 'answer')} {are} kept in {safe_lines(answers.path)}.{left}")
    if n_kept:
        screen.say("Settle the verdict by them: ", (f"sknoisy apply {safe_lines(folder)}", "bold"))


class Answers:
    """A queue with the answers so far, and the file that holds them.

    Parameters
    ----------
    path : Path
        Of a file as `sknoisy.review.read_review` takes it.
    model : fitted estimator
    rows : Rows
    """

    def __init__(self, path: Path, model: Any, rows: Rows) -> None:
        self.path = path
        self._model = model
        self._labels = rows.names[rows.positions]
        self._positions = rows.positions
        self.queue = self._earlier() if path.exists() else self._drawn(1, "suspicious").iloc[:0]

    def _earlier(self) -> pd.DataFrame:
        answers = read_answers(self.path, self._model.classes_)
        known = KnownValues(self._labels)
        found = [known.position(label) for label in answers.index]
        if None in found:
            stranger = answers.index[found.index(None)]
            raise UserError(
                f"{self.path} has a row {shown(stranger, 60)!r} that isn't one of the data."
            )
        queue = self._of_all().iloc[found].copy()
        queue["right_label"] = answers.to_numpy(dtype=object)
        return queue

    def _of_all(self) -> pd.DataFrame:
        """Return the queue of all rows, in the order of the data."""
        model = self._model
        n_rows = len(self._labels)
        verdict = model.get_label_issues()
        queue = pd.DataFrame(
            {
                "row": self._positions,
                "given_label": verdict["given_label"].to_numpy(),
                "suggested_label": verdict["suggested_label"].to_numpy(),
                "label_quality": verdict["label_quality"].to_numpy(),
                "reason": np.full(n_rows, "", dtype=object),
                "right_label": np.full(n_rows, None, dtype=object),
            },
            index=self._labels,
        )
        drawn = model.review_queue(n_rows)
        at = drawn["row"].to_numpy()
        for name in ("suggested_label", "reason"):
            column = queue[name].to_numpy(dtype=object, copy=True)
            column[at] = drawn[name].to_numpy(dtype=object)
            queue[name] = column
        return queue

    def _drawn(self, n: int, strategy: str) -> pd.DataFrame:
        queue = self._model.review_queue(n, strategy=strategy)
        at = queue["row"].to_numpy()
        return queue.assign(row=self._positions[at]).set_axis(self._labels[at])

    def draw(self, n: int, strategy: str) -> None:
        """Fill the queue up to `n` rows without an answer."""
        n_missing = n - int(self._are_open().sum())
        if n_missing <= 0:
            return
        drawn = self._drawn(n_missing + len(self.queue), strategy)
        new = drawn[~drawn.index.isin(self.queue.index)].iloc[:n_missing]
        self.queue = pd.concat([self.queue, new]) if len(self.queue) else new

    def _are_open(self) -> pd.Series:
        return self.queue["right_label"].map(is_empty).astype(bool)

    def is_open(self) -> bool:
        """Return whether a row has no answer yet."""
        return bool(self._are_open().any())

    def n_answered(self) -> int:
        """Return how many rows have an answer."""
        return int((~self._are_open()).sum())

    def open_places(self) -> list[int]:
        """Return the places in the queue of rows without an answer."""
        return np.flatnonzero(self._are_open().to_numpy()).tolist()

    def set(self, place: int, answer: Any) -> None:
        """Note an answer, and write all of them."""
        self.queue.iloc[place, self.queue.columns.get_loc("right_label")] = answer
        table = self.queue[FIELDS].copy()
        table.insert(0, ROW_LABEL, self.queue.index.map(guarded))
        write_whole(self.path, lambda path: write_csv(table, path))


class Session:
    """A look at the open rows of a queue."""

    def __init__(
        self, answers: Answers, rows: Rows, classes: list[Any], n: int, screen: Screen
    ) -> None:
        self._answers = answers
        # As they stand in the file.
        self._cells = rows.cells.drop(columns=rows.target_place)
        self._names = [shown(rows.cell_names[place], 30) for place in self._cells]
        self._classes = classes
        self._screen = screen
        self._places = answers.open_places()[:n]

    def run(self) -> None:
        """Ask for every row, until all are answered or the person leaves."""
        number, keys = 0, _keys()
        self._show_keys()
        while number < len(self._places):
            place = self._places[number]
            self._show(place, number)
            step = self._ask(place, keys)
            if step is None:
                return
            number = max(0, number + step)

    def _ask(self, place: int, keys: Iterator[str]) -> int | None:
        """Take one decision; return how many rows to go on, or None to leave."""
        row = self._answers.queue.iloc[place]
        while True:
            self._screen.say(("Decision: ", "bold"), end="")
            key = next(keys, "q")
            self._screen.say(shown(key))
            if key in ("q", "\x04"):
                return None
            if key == "n":
                return 1
            if key == "b":
                return -1
            if key == "a":
                self._show_values(place, None)
                continue
            if key == "o":
                answer = self._ask_class(keys)
            else:
                choices = {"k": "given_label", "s": "suggested_label"}
                answer = row[choices[key]] if key in choices else UNDECIDED if key == "u" else None
            if answer is not None:
                self._answers.set(place, answer)
                return 1
            if key != "o":
                self._show_keys()

    def _ask_class(self, keys: Iterator[str]) -> Any:
        """Return the class whose name or number a person types; None for none."""
        for number, label in enumerate(self._classes, start=1):
            self._screen.say(f"  {number:>3}  {shown(label, 60)}")
        self._screen.say("Name or number of the class (nothing: back): ", end="")
        text = _line()
        position = KnownValues(self._classes).position(text) if text else None
        if position is None and text.isdecimal() and 1 <= int(text) <= len(self._classes):
            position = int(text) - 1
        if position is None and text:
            self._screen.say(f"There is no class {shown(text)!r}.")
        return None if position is None else self._classes[position]

    # -- what is shown ---------------------------------------------------------------------------

    def _show_keys(self) -> None:
        self._screen.say()
        for key, meaning in KEYS:
            self._screen.say("  ", (key, "bold cyan"), f"  {meaning}")

    def _show(self, place: int, number: int) -> None:
        row = self._answers.queue.iloc[place]
        screen = self._screen
        screen.out.rule(characters="-")
        name = shown(self._answers.queue.index[place], 60)
        screen.say((f"{number + 1} of {len(self._places)}: row {name}", "bold"))
        self._show_values(place, N_VALUES)
        screen.say("  given      ", (shown(row["given_label"], 60), "bold red"))
        screen.say(
            "  suggested  ",
            (shown(row["suggested_label"], 60), "bold green"),
            f"  (the given label is right with a probability of {row['label_quality']:.2f})",
        )
        screen.say(f"  reason     {shown(row['reason'])}")
        if not is_empty(row["right_label"]):
            screen.say("  answered   ", (shown(row["right_label"], 60), "bold"))
        screen.say()

    def _show_values(self, place: int, n: int | None) -> None:
        cells = self._cells.iloc[int(self._answers.queue["row"].iloc[place])]
        width = max(map(len, self._names))
        for name, cell in list(zip(self._names, cells, strict=True))[:n]:
            self._screen.say(f"  {name:<{width}}  {shown(cell, 120)}")
        if n is not None and len(cells) > n:
            self._screen.say(f"  ... and {counted(len(cells) - n, 'more column')} (a shows all)")
        self._screen.say()


def _keys() -> Iterator[str]:
    """Yield keys as they are pressed in a terminal; the first letters of lines otherwise."""
    while True:
        if sys.stdin.isatty():
            yield typer.getchar().lower()
            continue
        line = sys.stdin.readline()
        if not line:
            return
        yield line.strip()[:1].lower() or "n"


def _line() -> str:
    line = sys.stdin.readline()
    return line.strip()
