"""What ends a command early, in words and as an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ._screen import Screen

ERROR, USAGE, INTERRUPTED = 1, 2, 130
# Raised by the library with a text that tells what to do; anything else is a surprise.
IN_WORDS = (ValueError, TypeError, OSError, ImportError, MemoryError)


class UserError(Exception):
    """An error that a person can act on: its text says how.

    Parameters
    ----------
    message : str
    exit_code : int, default=1
    """

    def __init__(self, message: str, exit_code: int = ERROR) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def errors_in_words(screen: Screen, *, debug: bool) -> Iterator[list[str]]:
    """Show errors without a traceback, and leave with an exit code.

    Yields
    ------
    list of str
        What is kept already, to be filled by the command and told when it is cut short.
    """
    kept: list[str] = []
    try:
        yield kept
    except KeyboardInterrupt:
        screen.error("Interrupted.")
        screen.error(f"Kept: {', '.join(kept)}." if kept else "Nothing was written.")
        raise typer.Exit(INTERRUPTED) from None
    except UserError as error:
        if debug:
            raise
        _tell(screen, str(error), kept)
        raise typer.Exit(error.exit_code) from None
    except Exception as error:
        # A reader such as `head` may leave before the end.
        if debug or isinstance(error, typer.Exit | BrokenPipeError):
            raise
        _tell(screen, _in_words(error), kept)
        raise typer.Exit(ERROR) from None


def _tell(screen: Screen, message: str, kept: list[str]) -> None:
    screen.error(message, "Error: ")
    if kept:
        screen.error(f"Kept: {', '.join(kept)}.")


def _in_words(error: Exception) -> str:
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        message = f"there isn't enough memory ({message}): take fewer rows or columns."
    if isinstance(error, IN_WORDS):
        return message
    name = type(error).__name__
    return f"{name}: {message}\nThis wasn't foreseen. --debug shows where it happened."
