"""A fit shown to a person: in a terminal, in a notebook, in a log file."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from html import escape
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from ._progress import Task, duration, percent

# Seconds between two lines of a log, and between two pictures of a bar.
LOG_INTERVAL = 10.0
FRAME = 0.25
NOTEBOOK_FRAME = 0.3
# There are so many of these that a line for each would bury the rest.
SHORT_UNITS = ("round", "image")
SHORT_INTERVAL = 1.0
# A part of a fit that took less isn't worth a line.
WORTH_A_LINE = 1.0
SEPARATOR = " · "


def choose_display(title: str, verbose: int, *, live: bool = True) -> Lines | Bar | NotebookBar:
    """Return the display that suits where the output goes."""
    worker = _worker_name()
    if worker is not None:
        # Several fits write at once: whole lines only, and of each fit a single one.
        return Lines(f"{title} [{worker}]", each=verbose > 1, summary_only=verbose == 1)
    console = Console(stderr=True)
    if verbose > 1:
        return Lines(title, each=True, to_output=console.is_jupyter)
    if console.is_jupyter:
        return NotebookBar(title)
    if live and _is_terminal(console):
        return Bar(title, console)
    return Lines(title)


def _is_terminal(console: Console) -> bool:
    # What the environment forces, for colours in logs, doesn't make a file a terminal.
    is_tty = getattr(sys.stderr, "isatty", lambda: False)()
    return is_tty and console.is_interactive and not console.is_dumb_terminal


def _worker_name() -> str | None:
    """Return the name of the thread or process, if it is one of several at work."""
    thread = threading.current_thread()
    if thread is not threading.main_thread():
        # Workers of Dask compute in threads whose names hold the process, and share its own name.
        return thread.name
    if multiprocessing.parent_process() is not None:
        return multiprocessing.current_process().name
    return None


def _time_left(task: Task) -> list[str]:
    left = task.seconds_left()
    return [] if left is None or task.n_done == task.total else [f"{duration(left)} left"]


def describe(task: Task) -> str:
    """Return what is known of a task, in one line."""
    parts = [task.title(), task.position(), *task.found(), *_time_left(task)]
    return ", ".join(part for part in parts if part)


class Lines:
    """Whole lines of plain text: for log files, pipes, and people who want one per epoch.

    Parameters
    ----------
    title : str
    each : bool, default=False
        A line for each epoch; otherwise one every ten seconds, and one at the end of each part
        that took its time.
    summary_only : bool, default=False
        Nothing but the line at the end.
    to_output : bool, default=False
        Standard output takes them instead of standard error.
    """

    def __init__(
        self,
        title: str,
        *,
        each: bool = False,
        summary_only: bool = False,
        to_output: bool = False,
    ) -> None:
        self._title = title
        self._each = each
        self._summary_only = summary_only
        self._to_output = to_output
        self._latest = time.monotonic()
        self._last_line = ""

    def begin(self, task: Task) -> None:
        self._latest = time.monotonic()
        if self._each and not task.unit:
            self._write(describe(task))

    def advance(self, task: Task) -> None:
        if self._each and task.unit not in SHORT_UNITS:
            self._write(describe(task))
        elif self._is_due(SHORT_INTERVAL if self._each else LOG_INTERVAL):
            self._write(describe(task))

    def go_on(self, task: Task) -> None:
        if self._is_due(LOG_INTERVAL):
            self._write(f"{describe(task)}, {percent(task.share_of_next, 0)} of it done")

    def end(self, task: Task) -> None:
        is_short = task.seconds() < WORTH_A_LINE and not self._each
        line = describe(task)
        # The last epoch's own line says the same.
        if not (self._summary_only or is_short or line == self._last_line):
            self._write(f"{line}, {duration(task.seconds())}")

    def close(self, summary: str | None) -> None:
        if summary:
            self._write(summary)

    def _is_due(self, interval: float) -> bool:
        return not self._summary_only and time.monotonic() - self._latest >= interval

    def _write(self, line: str) -> None:
        self._latest, self._last_line = time.monotonic(), line
        stream = sys.stdout if self._to_output else sys.stderr
        if stream is None:
            return
        # At once, so that lines of several processes don't run into each other.
        stream.write(f"{self._title}: {line}\n")
        stream.flush()


class Bar:
    """A bar in a terminal for each part of the fit that is under way, and a line at the end.

    It is drawn from where the work is done, never by a thread: processes that are forked in the
    meantime would inherit its locks.

    Parameters
    ----------
    title : str
    console : rich.console.Console
    """

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._bars = Progress(
            _text("title", style="bold"),
            _text("position"),
            BarColumn(bar_width=20),
            _text("found"),
            console=console,
            auto_refresh=False,
            transient=True,
            # What the program prints stays where it was sent.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._numbers: dict[int, TaskID] = {}
        self._latest = 0.0
        self._bars.start()

    def begin(self, task: Task) -> None:
        self._numbers[id(task)] = self._bars.add_task(
            "", total=task.total, title=task.title(), position=task.position(), found=""
        )
        self._draw(at_once=True)

    def advance(self, task: Task) -> None:
        if self._is_due():
            self._update(task)
            self._draw()

    def go_on(self, task: Task) -> None:
        if self._is_due():
            self._update(task)
            self._draw()

    def end(self, task: Task) -> None:
        self._bars.remove_task(self._numbers.pop(id(task)))
        self._draw()

    def close(self, summary: str | None) -> None:
        self._bars.stop()
        if summary:
            self._console.print(
                f"{self._title}: {summary}", markup=False, highlight=False, soft_wrap=True
            )

    def _update(self, task: Task) -> None:
        self._bars.update(
            self._numbers[id(task)],
            completed=task.n_done + task.share_of_next,
            title=task.title(),
            position=task.position(),
            found=SEPARATOR.join([*task.found(), *_time_left(task)]),
        )

    def _is_due(self) -> bool:
        return time.monotonic() - self._latest >= FRAME

    def _draw(self, *, at_once: bool = False) -> None:
        if at_once or self._is_due():
            self._bars.refresh()
            self._latest = time.monotonic()


def _text(field: str, **settings: Any) -> TextColumn:
    column = Column(no_wrap=True, overflow="ellipsis")
    return TextColumn(f"{{task.fields[{field}]}}", markup=False, table_column=column, **settings)


class NotebookBar:
    """A bar in a notebook, which the summary replaces.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str) -> None:
        from IPython.display import display

        self._title = title
        self._tasks: list[Task] = []
        self._latest = 0.0
        self._handle = display(self._picture(), raw=True, display_id=True)

    def begin(self, task: Task) -> None:
        self._tasks.append(task)
        self._draw(at_once=True)

    def advance(self, task: Task) -> None:
        self._draw()

    def go_on(self, task: Task) -> None:
        self._draw()

    def end(self, task: Task) -> None:
        self._tasks.remove(task)

    def close(self, summary: str | None) -> None:
        text = f"{self._title}: {'stopped' if summary is None else summary}"
        self._show({"text/plain": text, "text/html": f"<div>{escape(text)}</div>"})

    def _draw(self, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._latest >= NOTEBOOK_FRAME:
            self._latest = time.monotonic()
            self._show(self._picture())

    def _show(self, picture: dict[str, str]) -> None:
        if self._handle is not None:
            self._handle.update(picture, raw=True)

    def _picture(self) -> dict[str, str]:
        lines = [f"{self._title}: {describe(task)}" for task in self._tasks] or [self._title]
        bars = [_html_bar(task) for task in self._tasks] or [""]
        rows = (f"<div>{bar}{escape(line)}</div>" for bar, line in zip(bars, lines, strict=True))
        return {"text/plain": "\n".join(lines), "text/html": "".join(rows)}


def _html_bar(task: Task) -> str:
    if task.total is None:
        return "<progress></progress> "
    return f'<progress value="{task.n_done + task.share_of_next:g}" max="{task.total}"></progress> '
