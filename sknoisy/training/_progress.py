"""What is told of a fit while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


def percent(share: float, digits: int = 1) -> str:
    """Return a share as people write it.

    Examples
    --------
    >>> percent(0.1234)
    '12.3 %'
    """
    return f"{100 * share:.{digits}f} %"


# What figures are called in front of people, and how they look.
SHOWN_FIGURES = {
    "train_loss": ("loss", "{:.3g}".format),
    "wrong_events": ("contradicted", percent),
}


class Listener(Protocol):
    """Hears of each part of a fit."""

    def begin(self, task: Task) -> None:
        """A part of the fit begins."""

    def advance(self, task: Task) -> bool | None:
        """One epoch, round or fold of it is done; True asks for the end of this part."""

    def go_on(self, task: Task) -> None:
        """Something of an epoch is done."""

    def end(self, task: Task) -> None:
        """The part is over, and hasn't failed."""

    def close(self, summary: str | None) -> None:
        """The fit is over; without a summary it failed. An empty one isn't shown."""


class Task:
    """A part of a fit: a training of some epochs, some rounds of boosting, some folds.

    Parameters
    ----------
    name : str
    total : int or None
        How many epochs, rounds or folds it has at most; None: not known.
    unit : str
        What they are called.
    listeners : sequence of Listener

    Attributes
    ----------
    n_done : int
    share_of_next : float
        How much of the next one is done.
    figures : mapping
        What was found out in the last one.
    """

    def __init__(
        self, name: str, total: int | None, unit: str, listeners: Sequence[Listener]
    ) -> None:
        self.name = name
        self.total = total
        self.unit = unit
        self.n_done = 0
        self.share_of_next = 0.0
        self.figures: Mapping[str, Any] = {}
        self._listeners = listeners
        self._start = time.monotonic()

    def advance(self, figures: Mapping[str, Any] | None = None, n: int = 1) -> bool:
        """Tell that one epoch, round or fold is done; return whether the task shall end."""
        self.n_done += n
        if not self._listeners:
            return False
        self.share_of_next = 0.0
        self.figures = {} if figures is None else figures
        # All of them hear of it, whatever the first ones want.
        answers = [each.advance(self) for each in self._listeners]
        return any(answers)

    def go_on(self, share: float) -> None:
        """Tell how much of the next epoch is done."""
        if self._listeners:
            self.share_of_next = share
            for each in self._listeners:
                each.go_on(self)

    def title(self) -> str:
        return str(self.figures.get("stage", self.name)).replace("_", " ")

    def position(self) -> str:
        """Return "epoch 3 of 30"; the one that is under way, if something of it is done."""
        if not self.unit:
            return ""
        number = self.n_done + (self.share_of_next > 0 or self.n_done == 0)
        if self.total is None:
            return f"{self.unit} {number}"
        return f"{self.unit} {min(number, self.total)} of {self.total}"

    def found(self) -> list[str]:
        """Return the figures in words, "loss 0.41" for instance."""
        return [
            f"{word} {written(self.figures[name])}"
            for name, (word, written) in SHOWN_FIGURES.items()
            if name in self.figures
        ]

    def seconds(self) -> float:
        return time.monotonic() - self._start

    def seconds_left(self) -> float | None:
        """Return how long the rest will take if it goes on like this; None if nobody can know."""
        done = self.n_done + self.share_of_next
        if self.total is None or done <= 0:
            return None
        return self.seconds() * (self.total - done) / done


class FitProgress:
    """Hands on what the parts of a fit tell to those who listen.

    Parameters
    ----------
    listeners : sequence of Listener, default=()

    Attributes
    ----------
    notes : list of str
        What the summary is to mention.
    n_epochs : int
        Of all trainings of nets so far.
    is_cached : bool
        Whether the training of the method is done and kept.
    """

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self.listeners = tuple(listeners)
        self.notes: list[str] = []
        self.n_epochs = 0
        self.is_cached = False
        self._start = time.monotonic()

    @contextmanager
    def task(self, name: str, total: int | None, unit: str) -> Iterator[Task]:
        task = Task(name, total, unit, self.listeners)
        for each in self.listeners:
            each.begin(task)
        yield task
        for each in self.listeners:
            each.end(task)
        if unit == "epoch":
            self.n_epochs += task.n_done

    def close(self, summary: str | None = None) -> None:
        """Tell all that the fit is over."""
        for each in self.listeners:
            each.close(summary)

    def seconds(self) -> float:
        return time.monotonic() - self._start


# A fit within a fit, and one in another thread, must not speak for the outer one. None: nothing is
# under way.
_CURRENT: ContextVar[FitProgress | None] = ContextVar("sknoisy_progress", default=None)
_SILENT = FitProgress()


class showing:
    """Make a progress that of the block; blocks in it find it by `current_progress`."""

    def __init__(self, progress: FitProgress) -> None:
        self._progress = progress

    def __enter__(self) -> FitProgress:
        self._token = _CURRENT.set(self._progress)
        return self._progress

    def __exit__(self, *error: object) -> None:
        _CURRENT.reset(self._token)


def current_progress() -> FitProgress:
    """Return the progress of the fit that is under way; a silent one if there is none."""
    return _CURRENT.get() or _SILENT


def is_under_way() -> bool:
    """Return whether a fit is under way that this one is part of."""
    return _CURRENT.get() is not None


def progress_task(name: str, total: int | None = None, unit: str = "") -> Any:
    """Begin a part of the fit that is under way; a context manager that gives the `Task`."""
    return current_progress().task(name, total, unit)


def display_for(title: str, verbose: int, *, live: bool = True) -> tuple[Listener, ...]:
    """Return who shows a fit to a person.

    Parameters
    ----------
    title : str
        Who is fitted.
    verbose : int
        0: nobody; 1: a bar or, where there is no terminal, a line now and then; 2 and more: a line
        for each epoch.
    live : bool, default=True
        False: lines only, since something else draws on the screen.
    """
    if not verbose:
        return ()
    from ._progress_displays import choose_display

    return (choose_display(title, verbose, live=live),)


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.34, 12.4, 75, 4000)]
    ['0.3 s', '12 s', '1 min 15 s', '1 h 7 min']
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours} h {minutes} min"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
