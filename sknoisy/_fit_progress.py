"""A fit told to people and to scikit-learn's callbacks, and what Ctrl-C leaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from joblib import Memory

from ._parameters import check_verbose
from .training import (
    FitProgress,
    Task,
    current_ranks,
    display_for,
    duration,
    is_under_way,
    percent,
    showing,
)

try:
    # Since scikit-learn 1.9.
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's where it has no callbacks yet."""

    def _with_callbacks(method):
        return method


__all__ = ["CallbackSupportMixin", "fit_progress", "summed_up_elsewhere", "with_callbacks"]

MethodT = TypeVar("MethodT", bound=Callable[..., Any])

_SUMS_UP: ContextVar[bool] = ContextVar("sknoisy_sums_up", default=True)


def with_callbacks(method: MethodT) -> MethodT:
    """Have a fit's callbacks torn down at its end; typed, unlike scikit-learn's decorator."""
    return _with_callbacks(method)


@contextmanager
def fit_progress(estimator: Any, X: Any, y: Any) -> Iterator[None]:
    """Show a fit, tell its callbacks, and sum it up.

    A fit that is part of another one is silent, lest two bars are drawn; so are all but the first
    of several processes that train together.
    """
    check_verbose(estimator)
    callbacks = _callback_listeners(estimator, X, y)
    is_silent = is_under_way() or current_ranks().rank > 0
    verbose = 0 if is_silent else int(estimator.verbose)
    display = display_for(type(estimator).__name__, verbose, live=not callbacks)
    progress = FitProgress(display + callbacks)
    summary = None
    try:
        with showing(progress):
            yield
        summary = _summary(estimator, progress) if display and _SUMS_UP.get() else ""
    except KeyboardInterrupt as error:
        _name_cache(error, estimator.memory, progress)
        raise
    finally:
        progress.close(summary)


@contextmanager
def summed_up_elsewhere() -> Iterator[None]:
    """Have fits in the block show no line at their end, for a caller that tells more itself."""
    token = _SUMS_UP.set(False)
    try:
        yield
    finally:
        _SUMS_UP.reset(token)


def _summary(estimator: Any, progress: FitProgress) -> str:
    mask = estimator.noise_mask_
    low, high = estimator.noise_rate_interval_
    parts = [
        f"{mask.sum():,} of {len(mask):,} labels judged wrong",
        f"estimated share {percent(estimator.noise_rate_)} ({percent(low)} to {percent(high)})",
        *progress.notes,
    ]
    if hasattr(estimator, "final_"):
        parts.append(f"final {estimator.final_!r}")
    if progress.n_epochs:
        parts.append(f"{progress.n_epochs} epochs")
    return ", ".join([*parts, duration(progress.seconds())])


def _name_cache(
    error: KeyboardInterrupt, memory: str | Memory | None, progress: FitProgress
) -> None:
    """Say in the error where the cache lies, and what of the fit is in it."""
    location = getattr(memory, "location", memory)
    if location is None:
        return
    if progress.is_cached:
        found = (
            f"The training of the method is done and lies in the cache {str(location)!r}: an equal "
            "fit goes on from there."
        )
    else:
        found = (
            f"Nothing of this fit lies in the cache {str(location)!r} yet, which keeps whole "
            "trainings only. Those of earlier fits are still there."
        )
    say_in_interrupt(error, found)


def say_in_interrupt(error: KeyboardInterrupt, found: str) -> None:
    """Add to the error what of the fit is kept."""
    said = str(error).rstrip(".")
    error.args = (f"{said}. {found}" if said else found,)


class CallbackListener:
    """Tells scikit-learn's callbacks: each part of the fit is a task, and its epochs below it.

    Parameters
    ----------
    estimator : estimator in its fit
    X, y : as they were given to fit
    """

    def __init__(self, estimator: Any, X: Any, y: Any) -> None:
        self._estimator = estimator
        self._data = {"X": X, "y": y}
        # How many parts there will be depends on what the first ones find.
        root = estimator._init_callback_context(max_subtasks=None)
        self._contexts = [root.call_on_fit_task_begin(estimator=estimator, **self._data)]

    def begin(self, task: Task) -> None:
        context = self._contexts[-1].subcontext(
            task_name=task.title(), max_subtasks=task.total if task.unit else 0
        )
        self._contexts.append(context.call_on_fit_task_begin(estimator=self._estimator))

    def advance(self, task: Task) -> bool:
        context = self._contexts[-1].subcontext(task_name=task.unit)
        context.call_on_fit_task_begin(estimator=self._estimator)
        return context.call_on_fit_task_end(estimator=self._estimator)

    def go_on(self, task: Task) -> None:
        """Callbacks have no word for a part of a task."""

    def end(self, task: Task) -> None:
        self._contexts.pop().call_on_fit_task_end(estimator=self._estimator)

    def close(self, summary: str | None) -> None:
        if summary is not None:
            # The estimator is fitted, so it is itself what can predict.
            self._contexts.pop().call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes={}, **self._data
            )


def _callback_listeners(estimator: Any, X: Any, y: Any) -> tuple[CallbackListener, ...]:
    has_some = bool(getattr(estimator, "_skl_callbacks", ()))
    return (CallbackListener(estimator, X, y),) if has_some else ()
