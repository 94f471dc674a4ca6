"""A fit of a case, and what breaks the contract in it."""

import inspect
import os
import tempfile
from contextlib import contextmanager

import numpy as np
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier
from torch.optim.optimizer import register_optimizer_step_post_hook

from sknoisy import RobustClassifier, _checkpoints, exceptions

from .brought import Linear
from .errors import (
    Finding,
    TookTooLong,
    alarm,
    described,
    full,
    is_of_the_users_objects,
    judge_error,
    place,
    quiet,
)
from .material import frame
from .observed import (
    PACKAGE,
    fingerprint,
    fitted_state,
    parameter_fingerprints,
    surroundings,
)
from .results import Result

MAX_SECONDS = 60
# What can be told from the arguments alone.
TOLD_BY_ARGUMENTS = {
    *("n_rows", "y", "trusted", "sample_weight", "groups", "verdict", "method", "random_state"),
    *("max_epochs", "batch_size", "lr", "device", "memory", "checkpoint_dir", "verbose"),
}


def first_fit(estimator_class, first):
    """Return an estimator fitted on something else, what it was fitted on, and its predictions."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 3)), np.arange(24) % 2
    params = {"net": Linear, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    if first == "DataFrame":
        X = frame(X)
    if first == "images":
        X = rng.random((24, 1, 8, 8))
    if first == "final_estimator" and estimator_class is RobustClassifier:
        params["final_estimator"] = DecisionTreeClassifier(max_depth=1, random_state=0)
    with quiet():
        estimator = estimator_class("cross_entropy", **params).fit(X, y)
        return estimator, X, estimator.predict_proba(X)


def defaults_of(estimator_class):
    signature = inspect.signature(estimator_class.__init__).parameters
    return {name: value.default for name, value in signature.items() if name != "self"}


def examine(case):
    """Return the examination of a case."""
    with tempfile.TemporaryDirectory() as folder:
        examination = Examination(case, folder)
        examination.run()
        return examination


@contextmanager
def counted_steps():
    """Count the steps that optimisers take."""
    steps = []
    handle = register_optimizer_step_post_hook(lambda *args, **kwargs: steps.append(1))
    try:
        yield steps
    finally:
        handle.remove()


@contextmanager
def checkpoints_of_every_epoch():
    limits = _checkpoints.SECONDS_BETWEEN, _checkpoints.TIMES_OF_WRITING
    _checkpoints.SECONDS_BETWEEN = _checkpoints.TIMES_OF_WRITING = 0
    try:
        yield
    finally:
        _checkpoints.SECONDS_BETWEEN, _checkpoints.TIMES_OF_WRITING = limits


class Examination:
    """Fits a case, and collects what breaks the contract.

    Attributes
    ----------
    findings : list of Finding
    error : Exception or None
        What the fit ended in.
    n_steps : int
        Steps of optimisers before it ended.
    """

    def __init__(self, case, folder):
        self.case = case
        self.values = case.make(folder)
        self.findings = []
        self.error = None
        self.n_steps = 0
        self._folder = folder
        self._earlier = None
        params, first = self.values.params, case.ways["fitted before"]
        if first is None:
            self.estimator = case.estimator_class(**params)
            # Modules such as numpy.random are accepted as random_state, but can't be copied.
            if case.ways["cloned"] and not inspect.ismodule(params["random_state"]):
                self.estimator = clone(self.estimator)
        else:
            self.estimator, *self._earlier = first_fit(case.estimator_class, first)
            for name, value in (defaults_of(case.estimator_class) | params).items():
                setattr(self.estimator, name, value)
            self._compare_predictions("after a change of parameters")

    def add(self, kind, where, detail="", report=""):
        self.findings.append(Finding(kind, where, detail, report))

    def run(self):
        values, estimator = self.values, self.estimator
        uses_numpy = estimator.random_state is None or estimator.random_state is np.random
        inputs = {"X": values.X, "y": values.y, **values.fit_params}
        before = (
            {name: fingerprint(value) for name, value in inputs.items()},
            parameter_fingerprints(estimator),
            surroundings(with_numpy=not uses_numpy),
            fitted_state(estimator),
        )
        try:
            with quiet() as caught, checkpoints_of_every_epoch(), counted_steps() as steps:
                with alarm(MAX_SECONDS):
                    returned = self._fit()
        except TookTooLong as late:
            self.add("took too long", place(late), f"over {MAX_SECONDS} s", full(late))
            return
        self.n_steps = len(steps)
        if self.error is None:
            self._judge_result(returned, caught)
        else:
            self.findings += judge_error(self.error, estimator)
            self._compare_with_before(before[3], self.error)
            self._require_an_early_error()
        self._compare_surroundings(inputs, *before[:3], uses_numpy)
        self._require_a_result(self.error)

    def _fit(self):
        values = self.values
        try:
            return getattr(self.estimator, self.case.entry)(values.X, values.y, **values.fit_params)
        except Exception as raised:
            self.error = raised

    def _require_an_early_error(self):
        """What can be told from the arguments has to be told before a net is trained."""
        error = self.error
        is_of_arguments = bool(self.case.odd) and self.case.odd <= TOLD_BY_ARGUMENTS
        is_refusal = isinstance(error, ValueError | TypeError)
        if not is_of_arguments or not is_refusal or not self.n_steps or self.findings:
            return
        # How many rows are left to be split is known once the labels are judged.
        if "'train_split'" in str(error):
            return
        if not is_of_the_users_objects(error, self.estimator):
            self.add("refused after training", place(error), described(error), full(error))

    def _require_a_result(self, error):
        """A case without anything odd has to end in a result."""
        if error is None or self.case.odd or self.findings:
            return
        # What an ordinary net, final estimator or method can't do with few rows or with weights.
        limits = ("'train_split'", "'trusted_batch_size'", "whose fit takes")
        # Nor what they can't do with a dict.
        limits += ("mixes rows with each other", "features='input' needs X")
        if isinstance(error, exceptions.TrustedRowsRequiredError):
            return
        if isinstance(error, ValueError) and any(limit in str(error) for limit in limits):
            return
        self.add("an ordinary case is refused", place(error), described(error), full(error))

    def _compare_surroundings(self, inputs, inputs_before, params_before, state_before, uses_numpy):
        for name, value in inputs.items():
            if fingerprint(value) != inputs_before[name]:
                self.add("changed input", name)
        params = parameter_fingerprints(self.estimator)
        for name in params.keys() | params_before.keys():
            if params.get(name) != params_before.get(name):
                self.add("changed parameter", name)
        state = surroundings(with_numpy=not uses_numpy)
        for name in state:
            if state[name] != state_before[name]:
                self.add("changed global state", name)

    def _compare_with_before(self, before, error):
        """Check that a failed fit left the estimator as it was."""
        after = fitted_state(self.estimator)
        changed = sorted(n for n in after.keys() | before.keys() if after.get(n) != before.get(n))
        if changed:
            kind = (
                "half-fitted" if self._earlier is None else "failed fit changed a fitted estimator"
            )
            self.add(kind, ", ".join(changed), "", full(error))
        if self._earlier is None or changed:
            return
        self._compare_predictions("after a failed fit", error)

    def _compare_predictions(self, when, error=None):
        """Compare what a fitted estimator predicts with what it did."""
        if self.findings:
            return
        X, probabilities = self._earlier
        try:
            with quiet():
                again = self.estimator.predict_proba(X)
        except Exception as refused:
            self.add(f"no predictions {when}", place(refused), described(refused), full(refused))
            return
        if not np.array_equal(again, probabilities):
            self.add(f"other predictions {when}", "", "", full(error) if error else "")

    def _judge_result(self, returned, caught):
        self._warnings(caught, "fit")
        result = self._guard("result", lambda: self._result(returned))
        if result is None:
            return
        checks = [result.problems, result.prediction_problems]
        if self.case.ways["pickled"]:
            checks.append(result.pickle_problems)
        if self.case.ways["saved"]:
            checks.append(result.save_problems)
        for check in checks:
            with quiet() as caught:
                self._guard(check.__name__, lambda check=check: self._problems(check))
            self._warnings(caught, check.__name__)

    def _result(self, returned):
        return Result(self.case, self.values, self.estimator, returned, self._folder)

    def _problems(self, check):
        for kind, detail in check():
            self.add(kind, _words_of_method(self.case.method), detail)

    def _guard(self, name, call):
        try:
            return call()
        except Exception as error:
            kind = f"{name} after a fit without error fails"
            self.add(kind, place(error), described(error), full(error))

    def _warnings(self, caught, name):
        for warning in caught:
            if issubclass(warning.category, RuntimeWarning):
                where = os.path.relpath(warning.filename, os.path.dirname(PACKAGE))
                self.add(f"RuntimeWarning in {name}", where[-60:], str(warning.message)[:200])


def _words_of_method(method):
    return method if isinstance(method, str) else type(method).__name__
