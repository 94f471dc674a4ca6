"""What a person sees: results on standard output, notes and errors on standard error."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Of terminals: cells of a file must not move the cursor or change colours.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LONGEST = 200


class Screen:
    """Prints results and notes, without taking the user's texts for anything else.

    Parameters
    ----------
    quiet : bool
        Errors only.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.out = Console(quiet=quiet, highlight=False, markup=False, emoji=False)
        self._notes = Console(stderr=True, quiet=quiet, highlight=False, markup=False, emoji=False)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def say(self, *parts: str | tuple[str, str], end: str = "\n") -> None:
        """Print a line of texts, or of pairs (text, style)."""
        _print(self.out, Text.assemble(*parts), end=end)

    def note(self, message: str) -> None:
        """Print what a person should know, though it doesn't stop the command."""
        _print(self._notes, Text.assemble(("Note: ", "yellow"), safe_lines(message)))

    def error(self, message: str, head: str = "") -> None:
        """Print an error, also when quiet."""
        _print(self._errors, Text.assemble((head, "bold red"), safe_lines(message)))

    def table(
        self, columns: Sequence[str | tuple[str, dict[str, Any]]], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Print a table; columns are names, or pairs of a name and options of rich's columns."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        for column in columns:
            name, options = (column, {}) if isinstance(column, str) else column
            table.add_column(Text(name), **options)
        for row in rows:
            table.add_row(*(Text(shown(value)) for value in row))
        self.out.print(table)

    @contextmanager
    def warnings_as_notes(self, *, debug: bool) -> Iterator[None]:
        """Show warnings to users as notes, each once, and leave out those to developers."""
        if debug:
            yield
            return
        seen: set[str] = set()

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, UserWarning) and str(message) not in seen:
                seen.add(str(message))
                self.note(str(message))

        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            for category in (FutureWarning, DeprecationWarning, PendingDeprecationWarning):
                warnings.simplefilter("ignore", category)
            warnings.showwarning = show
            yield


def _print(console: Console, text: Text, end: str = "\n") -> None:
    # Lines of a log aren't broken, so that paths can be searched and copied.
    console.print(text, soft_wrap=not console.is_terminal, end=end)


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return a value as one line of text that is safe in a terminal.

    Examples
    --------
    >>> shown("a\\x1b[31mb\\nc"), shown(0.25), shown("x" * 9, longest=5)
    ('a�[31mb�c', '0.25', 'xxxx…')
    """
    text = CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def safe_lines(text: Any) -> str:
    """Return a text of several lines, each safe in a terminal.

    Examples
    --------
    >>> safe_lines("a\\nb\\x07")
    'a\\nb�'
    """
    return "\n".join(
        CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) for line in str(text).split("\n")
    )


def share(value: float) -> str:
    """Return a share in percent.

    Examples
    --------
    >>> share(0.2134)
    '21.3 %'
    """
    return f"{100 * value:.1f} %"


def counted(n: int, name: str, plural: str | None = None) -> str:
    """Return a number with the name of what is counted.

    Examples
    --------
    >>> counted(1, "row"), counted(1234, "row"), counted(2, "class", "classes")
    ('1 row', '1,234 rows', '2 classes')
    """
    return f"{n:,} {name if n == 1 else plural or name + 's'}"


def listed(values: Sequence[Any], n: int = 10) -> str:
    """Return values in one line, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    head = ", ".join(shown(value, 60) for value in values[:n])
    return head if len(values) <= n else f"{head} and {len(values) - n:,} more"
