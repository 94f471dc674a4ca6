"""What a fit tells while it runs: on a terminal, in a notebook, in a file, to callbacks."""

import io
import os
import re
import sys
import threading
import time

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_array_equal
from rich.console import Console
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import TabularNet
from sknoisy.training import FitProgress, Task, current_progress, display_for, duration
from sknoisy.training import _progress_displays as displays

needs_callbacks = pytest.mark.skipif(
    not hasattr(RobustClassifier, "set_callbacks"), reason="scikit-learn has no callbacks yet"
)


def table(n_rows=80):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    return X, (X[:, 0] > 0).astype(int)


def estimator(kind=NoisyLabelDetector, method="wrong_event", **settings):
    defaults = {"net": TabularNet(batch_size=32), "max_epochs": 3, "random_state": 0}
    return kind(method, **defaults | settings)


def told(capsys):
    """Return the lines on standard error; nothing may be on standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


# -- files and pipes -----------------------------------------------------------------------------


def test_nothing_is_told_by_default(capsys):
    estimator(RobustClassifier).fit(*table())
    assert told(capsys) == []


def test_one_line_sums_a_short_fit_up(capsys, monkeypatch):
    monkeypatch.setattr(displays, "WORTH_A_LINE", 1e9)
    detector = estimator(verbose=1).fit(*table())
    (line,) = told(capsys)
    n_flagged = detector.noise_mask_.sum()
    assert line.startswith(f"NoisyLabelDetector: {n_flagged} of 80 labels judged wrong, ")
    assert "3 epochs, " in line


def test_a_file_gets_neither_carriage_returns_nor_escape_codes(capsys, monkeypatch):
    # Which some systems set, so that logs are coloured.
    monkeypatch.setenv("FORCE_COLOR", "1")
    for verbose in (1, 2):
        estimator(RobustClassifier, verbose=verbose).fit(*table())
    text = "\n".join(told(capsys))
    assert text and "\r" not in text and "\x1b" not in text


def test_a_line_for_each_epoch_tells_stage_loss_and_contradicted_labels(capsys):
    model = estimator(RobustClassifier, verbose=2).fit(*table())
    *lines, summary = told(capsys)
    assert len(lines) == len(model.history_) and "judged wrong" in summary
    totals = {"wrong_events": 3, "dynamic_loss": 2}
    for line, epoch in zip(lines, model.history_, strict=True):
        stage, number = epoch["stage"], epoch["epoch"]
        position = f"{stage.replace('_', ' ')}, epoch {number} of {totals[stage]}"
        figures = (
            f"loss {epoch['train_loss']:.3g}, contradicted {100 * epoch['wrong_events']:.1f} %"
        )
        assert line.startswith(f"RobustClassifier: {position}, {figures}")
        assert line.endswith(" left") == (number < totals[stage])


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"method": "nlnl"}, ["negative, epoch 1 of 9", "selective positive, epoch 9 of 9"]),
        ({"method": "ptd"}, ["warmup, epoch 1 of 1", "parts", "importance weights", "revision"]),
        ({"method": "simifeat"}, ["neighbours", "votes, round", "kept rows, epoch 3 of 3"]),
        ({"method": "deep_knn"}, ["first training, epoch 1 of 1", "neighbours"]),
        (
            {"estimator": LogisticRegression(), "cv": 3},
            ["cross validation, fold 1 of 3", "cross validation, fold 3 of 3"],
        ),
        (
            {"estimator": HistGradientBoostingClassifier(max_iter=5)},
            ["fitting the trees", "wrong events of the trees, round 5 of 5"],
        ),
    ],
)
def test_each_part_of_a_fit_is_told(capsys, settings, expected):
    if "estimator" in settings:
        settings = {"net": None, "max_epochs": None} | settings
    estimator(verbose=2, **settings).fit(*table())
    lines = iter(told(capsys))
    assert all(any(part in line for line in lines) for part in expected)


@pytest.mark.slow
def test_the_last_training_and_its_candidates_are_told(capsys):
    model = estimator(RobustClassifier, final_estimator=LogisticRegression(), verbose=2)
    model.fit(*table(600))
    lines = told(capsys)
    assert sum("comparing final forms, form" in line for line in lines) == 3
    assert lines[-2] == "RobustClassifier: final estimator"
    assert f"final {model.final_!r}" in lines[-1]
    estimator(RobustClassifier, "simifeat", verbose=2).fit(*table())
    assert "RobustClassifier: final, epoch 3 of 3" in "\n".join(told(capsys))


def test_stand_ins_for_trusted_rows_are_told(capsys):
    estimator(method="l2rw", verbose=2).set_params(method__self_trusted=0.3).fit(*table())
    stages = [line.split(": ")[1].split(",")[0] for line in told(capsys)[:-1]]
    assert stages == ["wrong events"] * 3 + ["reweighting"] * 3


def test_a_long_part_is_told_now_and_then_only(capsys, monkeypatch):
    monkeypatch.setattr(displays, "LOG_INTERVAL", 0.2)
    with FitProgress(display_for("Fit", 1)).task("training", 100, "epoch") as task:
        for _ in range(10):
            time.sleep(0.05)
            task.go_on(0.5)
            task.advance({"train_loss": 1.0})
    lines = told(capsys)
    # Nothing at the end, since so short a part isn't worth it.
    assert 1 <= len(lines) <= 3
    assert all(line.startswith("Fit: training, epoch") for line in lines)


def test_a_long_epoch_is_told_of_before_its_end(capsys, monkeypatch):
    monkeypatch.setattr(displays, "LOG_INTERVAL", 0.0)
    with FitProgress(display_for("Fit", 1)).task("training", 4, "epoch") as task:
        task.go_on(0.25)
    (line,) = told(capsys)
    assert line.startswith("Fit: training, epoch 1 of 4, ")
    assert line.endswith("left, 25 % of it done")


def test_results_are_the_same_whether_they_are_told_or_not(capsys):
    X, y = table()
    quiet, loud = (estimator(RobustClassifier, verbose=v).fit(X, y) for v in (0, 2))
    assert_array_equal(quiet.label_quality_, loud.label_quality_)
    assert_array_equal(quiet.predict_proba(X), loud.predict_proba(X))


@pytest.mark.slow
def test_a_training_from_the_cache_is_said_to_be(capsys, tmp_path):
    for _ in range(2):
        estimator(verbose=1, memory=str(tmp_path)).fit(*table())
    first, second = (line for line in told(capsys) if "judged wrong" in line)
    assert "taken from the cache" not in first and "taken from the cache" in second


# -- several fits at once ------------------------------------------------------------------------


def test_a_fit_within_a_fit_is_silent(capsys):
    inner = estimator(RobustClassifier, "cross_entropy", verbose=2)
    estimator(RobustClassifier, final="filter", final_estimator=inner, verbose=1).fit(*table())
    assert sum("judged wrong" in line for line in told(capsys)) == 1
    assert current_progress().listeners == ()


def test_a_silent_fit_is_not_told_by_the_fit_that_it_is_part_of(capsys):
    inner = estimator(RobustClassifier, "cross_entropy")
    estimator(RobustClassifier, final="filter", final_estimator=inner, verbose=2).fit(*table())
    assert not any("training, epoch" in line for line in told(capsys))


def test_each_of_several_fits_at_once_has_one_line_that_names_its_worker(capsys):
    fits = [estimator(verbose=1) for _ in range(2)]
    threads = [
        threading.Thread(target=f.fit, args=table(), name=f"w{i}") for i, f in enumerate(fits)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = sorted(line.partition(":")[0] for line in told(capsys))
    assert names == ["NoisyLabelDetector [w0]", "NoisyLabelDetector [w1]"]


@pytest.mark.slow
def test_processes_of_a_grid_search_write_whole_lines(capfd):
    # Their standard error is the program's own, as it was when they began.
    get_reusable_executor().shutdown()
    search = GridSearchCV(estimator(verbose=1), {"threshold": [0.3, 0.5]}, cv=2, n_jobs=2)
    search.fit(*table())
    lines = capfd.readouterr().err.splitlines()
    of_workers = [line for line in lines if line.startswith("NoisyLabelDetector [Loky")]
    assert len(of_workers) == 4 and all("judged wrong" in line for line in of_workers)


# -- terminals and notebooks ---------------------------------------------------------------------


class Terminal:
    """A terminal of 80 columns in place of standard error; `text` is what it was sent."""

    def __enter__(self):
        self._main, worker = os.openpty()
        self._before, sys.stderr = sys.stderr, open(worker, "w", encoding="utf8")
        self._parts = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self):
        try:
            while part := os.read(self._main, 4096):
                self._parts.append(part)
        except OSError:
            pass

    def __exit__(self, *error):
        sys.stderr.close()
        sys.stderr = self._before
        self._reader.join()
        os.close(self._main)
        self.text = b"".join(self._parts).decode()


@pytest.fixture
def terminal(monkeypatch):
    pytest.importorskip("pty")
    for name in ("TTY_INTERACTIVE", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def test_a_terminal_shows_a_bar_which_the_summary_replaces(terminal):
    with terminal:
        estimator(verbose=1).fit(*table())
    assert "wrong events" in terminal.text and "━" in terminal.text
    assert "NoisyLabelDetector: " in terminal.text.strip().splitlines()[-1]
    # The cursor is shown again.
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_a_terminal_gets_whole_lines_where_each_epoch_is_told(terminal):
    with terminal:
        estimator(verbose=2).fit(*table())
    assert "\x1b" not in terminal.text
    assert len(terminal.text.splitlines()) == 3 + 1


def test_a_terminal_is_left_in_order_by_a_fit_that_fails(terminal):
    X, y = table()
    with terminal, pytest.raises(ValueError):
        estimator(verbose=1).fit(X, y[:-1])
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


class Prints(Callback):
    def on_epoch_end(self, net, **kwargs):
        print("printed")


def test_what_a_callback_prints_goes_where_it_went(terminal, capsys):
    net = TabularNet(callbacks=[("prints", Prints())])
    with terminal:
        estimator(method="cross_entropy", net=net, verbose=1).fit(*table())
    assert capsys.readouterr().out == "printed\n" * 3


def test_a_bar_fits_in_eighty_columns():
    output = io.StringIO()
    bar = displays.Bar("Fit", Console(file=output, force_terminal=True, width=80, no_color=True))
    with FitProgress([bar]).task("selective_negative", 120, "epoch") as task:
        task.advance({"train_loss": 0.123, "wrong_events": 0.25})
        bar._update(task)
        bar._draw(at_once=True)
    (frame,) = (each for each in output.getvalue().split("\r") if "loss" in each)
    frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
    for part in (
        "selective negative",
        "epoch 1 of 120",
        "loss 0.123",
        "contradicted 25.0 %",
        "left",
    ):
        assert part in frame
    assert len(frame) <= 80


def test_a_notebook_shows_one_picture_that_the_summary_replaces(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture, raw):
            shown.append(picture)

    def display(picture, raw, display_id):
        shown.append(picture)
        return Handle()

    module = type(sys)("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", type(sys)("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(displays, "NOTEBOOK_FRAME", 0.0)
    bar = displays.NotebookBar("<b>Fit</b>")
    progress = FitProgress([bar])
    with progress.task("training", 3, "epoch") as task:
        task.advance({"train_loss": 0.5})
    progress.close("done")
    assert 'value="1" max="3"' in shown[-2]["text/html"]
    assert "training, epoch 1 of 3, loss 0.5" in shown[-2]["text/plain"]
    assert shown[-1]["text/plain"] == "<b>Fit</b>: done"
    assert all("<b>" not in picture["text/html"] for picture in shown)


# -- times ---------------------------------------------------------------------------------------


def test_the_time_left_follows_from_what_is_done(monkeypatch):
    task = Task("training", 10, "epoch", [displays.Lines("Fit", summary_only=True)])
    assert task.seconds_left() is None
    task._start -= 6
    task.advance()
    task.go_on(0.5)
    assert task.seconds_left() == pytest.approx(6 / 1.5 * 8.5, rel=0.01)
    assert task.position() == "epoch 2 of 10"


def test_durations_are_rounded_to_what_people_say():
    said = [duration(seconds) for seconds in (0.04, 9.96, 59.6, 3599.7, 7230)]
    assert said == ["0.0 s", "10 s", "1 min 0 s", "1 h 0 min", "2 h 0 min"]


def test_nobody_listens_without_verbose():
    assert display_for("Fit", 0) == ()


# -- scikit-learn's callbacks --------------------------------------------------------------------


class Recording:
    """A callback that notes the tasks that end, and may end a training early."""

    def __init__(self, last_epoch=None):
        self.tasks, self.calls, self.last_epoch = [], [], last_epoch

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        parent = context.parent.task_name if context.parent else None
        self.tasks.append((parent, context.task_name))
        if parent is None:
            self.is_fitted = hasattr(fitted_estimator, "noise_mask_")
        return context.task_name == "epoch" and context.task_id == self.last_epoch


@needs_callbacks
def test_callbacks_hear_of_each_stage_and_epoch():
    callback = Recording()
    estimator(RobustClassifier).set_callbacks(callback).fit(*table())
    assert callback.tasks == (
        [("wrong events", "epoch")] * 3
        + [("fit", "wrong events")]
        + [("dynamic loss", "epoch")] * 2
        + [("fit", "dynamic loss"), (None, "fit")]
    )
    assert callback.is_fitted and callback.calls == ["setup", "teardown"]


@needs_callbacks
def test_a_callback_ends_a_training():
    detector = estimator().set_callbacks(Recording(last_epoch=1)).fit(*table())
    assert len(detector.history_) == 2


@needs_callbacks
def test_callbacks_are_torn_down_where_a_fit_fails():
    callback = Recording()
    detector = estimator().set_callbacks(callback).fit(*table())
    before = dict(vars(detector))
    X, y = table()
    with pytest.raises(ValueError):
        detector.fit(X, y[:-1])
    assert callback.calls == ["setup", "teardown"] * 2
    assert vars(detector) == before


@needs_callbacks
def test_a_score_is_monitored_and_callbacks_survive_a_clone():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    X, y = table()
    model = clone(estimator(RobustClassifier).set_callbacks(monitor)).fit(X, y)
    (score,) = [row["accuracy"] for row in monitor.get_logs().data]
    assert score == model.score(X, y)


@needs_callbacks
def test_a_bar_of_scikit_learn_leaves_no_room_for_another_one(terminal):
    with terminal:
        estimator(verbose=1).set_callbacks(Recording()).fit(*table())
    assert "\x1b" not in terminal.text and "judged wrong" in terminal.text


# -- Ctrl-C --------------------------------------------------------------------------------------


class Interrupts(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt("asked to end")


class Interrupted(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise KeyboardInterrupt


def test_an_interrupted_training_names_the_cache_and_what_is_not_there_yet(tmp_path):
    net = TabularNet(callbacks=[("interrupts", Interrupts())])
    with pytest.raises(KeyboardInterrupt) as caught:
        estimator(net=net, memory=str(tmp_path)).fit(*table())
    message = str(caught.value)
    assert (
        message.startswith("asked to end. Nothing of this fit") and repr(str(tmp_path)) in message
    )


def test_an_interrupted_last_training_says_that_the_method_is_done_with(tmp_path, capsys):
    model = estimator(RobustClassifier, memory=str(tmp_path), final="filter", verbose=2)
    with pytest.raises(KeyboardInterrupt, match="of the method is done and lies in the cache"):
        clone(model).set_params(final_estimator=Interrupted()).fit(*table())
    assert "taken from the cache" not in "".join(told(capsys))
    model.set_params(final_estimator=LogisticRegression()).fit(*table())
    assert "taken from the cache" in told(capsys)[-1]


def test_an_interrupt_says_nothing_of_a_cache_that_nobody_asked_for():
    net = TabularNet(callbacks=[("interrupts", Interrupts())])
    with pytest.raises(KeyboardInterrupt) as caught:
        estimator(net=net).fit(*table())
    assert str(caught.value) == "asked to end"
