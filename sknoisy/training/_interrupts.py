"""Ctrl-C, told apart from a callback that ends the training."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def noticed_interrupts():
    """Run a block in which each KeyboardInterrupt of a signal is remembered.

    skorch's callbacks end a training by the exception that Ctrl-C raises too, so what was raised
    doesn't tell who did it. Signals reach the main thread only; in others nothing is remembered.

    Yields
    ------
    came_by_signal : callable
        `came_by_signal(error)` returns whether a signal raised the error, or the one that it was
        raised in the handling of.
    """
    seen: list[BaseException] = []

    def came_by_signal(error):
        while error is not None and not any(error is each for each in seen):
            error = error.__cause__ or error.__context__
        return error is not None

    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield came_by_signal
        return

    def remember(number, frame):
        try:
            handler(number, frame)
        except KeyboardInterrupt as error:
            seen.append(error)
            raise

    try:
        signal.signal(signal.SIGINT, remember)
        yield came_by_signal
    finally:
        # Whoever put in another handler meanwhile wants to keep it.
        if signal.getsignal(signal.SIGINT) is remember:
            signal.signal(signal.SIGINT, handler)
