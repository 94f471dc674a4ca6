"""Findings, and what the error is like that a fit may end in."""

import contextlib
import io
import linecache
import os
import re
import signal
import traceback
import warnings
from dataclasses import dataclass

from skorch.exceptions import SkorchException

from sknoisy import exceptions
from sknoisy.methods import METHODS

from .brought import OwnError
from .method_parameters import method_parameters
from .observed import PACKAGE


@dataclass(frozen=True)
class Finding:
    """What broke the contract, and where."""

    kind: str
    where: str
    detail: str
    report: str = ""

    def headline(self):
        return f"{self.kind} | {self.where} | {self.detail[:200]}"

    def cause(self):
        """Return what findings that have one reason have in common."""
        words = re.sub(r"/tmp/\S+|[\d.]+(e[+-]\d+)?", "#", self.detail)[:90]
        return self.kind, self.where, words


class TookTooLong(BaseException):
    """Raised by the alarm."""


@contextlib.contextmanager
def alarm(seconds):
    def raise_it(number, stack):
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def quiet():
    """Collect warnings, and swallow what is printed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield caught


def package_frames(error):
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if frame.filename.startswith(PACKAGE + os.sep)]


def place(error):
    frames = package_frames(error)
    if not frames:
        return "outside of the package"
    last = frames[-1]
    return f"{os.path.relpath(last.filename, PACKAGE)}:{last.name}"


def described(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def full(error):
    return "".join(traceback.format_exception(error))


def known_names(estimator):
    """Return what a message may name: parameters, and the arguments of fit."""
    method_names = {name for method in METHODS for name in method_parameters(method)}
    names = {*type(estimator)._get_param_names(), *method_names, "X", "y", "trusted", "row", "rows"}
    return {*names, "sample_weight", "groups", "Dataset", "labels", "label"}


def names_something(message, estimator):
    return any(re.search(rf"\b{re.escape(name)}\b", message) for name in known_names(estimator))


def is_raised_on_purpose(error):
    """Whether the package itself raised it by a statement."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(last.filename, last.lineno).strip()
    return last.filename.startswith(PACKAGE + os.sep) and line.startswith("raise")


def is_of_the_users_objects(error, estimator):
    """Whether it comes out of what the user brought: callbacks, a split, a final estimator."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, OwnError | SkorchException):
        return True
    if any(os.path.join("skorch", "callbacks") in frame.filename for frame in frames):
        return True
    if not isinstance(error, ValueError | TypeError):
        return False
    given = {
        type(getattr(estimator, name, None)) for name in ("estimator", "final_estimator", "cv")
    }
    given = tuple(kind for kind in given if kind.__module__.partition(".")[0] != "builtins")
    for step, _ in traceback.walk_tb(error.__traceback__):
        name, code = step.f_code.co_name, step.f_code.co_filename
        if "skorch" in code and name.startswith(("initialize", "set_params", "_set_params")):
            return True
        if code.endswith(os.path.join("skorch", "dataset.py")):
            return True
        if type(step.f_locals.get("self")) in given:
            return True
    return False


def happened_in_training(error):
    """Whether the error came out of the costly part, beyond the head of fit."""
    names = {frame.name for frame in package_frames(error)}
    return bool(names & {"detect", "train_classifier", "train_batch", "_judge"})


def judge_error(error, estimator):
    """Yield what is wrong with the error that a fit ended in."""
    if is_of_the_users_objects(error, estimator):
        return
    documented = tuple(getattr(exceptions, name) for name in exceptions.__all__)
    is_internal = type(error) not in (ValueError, TypeError, *documented) and not (
        type(error).__name__ == "InvalidParameterError"
    )
    if not is_internal and not is_raised_on_purpose(error):
        is_internal = happened_in_training(error) or "ambiguous" in str(error)
    if is_internal:
        yield Finding("internal exception", place(error), described(error), full(error))
    elif not names_something(str(error), estimator):
        yield Finding("error that names nothing", place(error), described(error), full(error))
