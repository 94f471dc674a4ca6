"""Fits that are stopped, and gone on with by the next equal fit."""

import os
import random
import shutil
import time

import numpy as np
import pytest
from checkpointed_fits import CASES, answers, are_equal, fit_apart, fit_here, fit_under_way
from filelock import FileLock
from skorch.callbacks import Callback
from small_data import BOTH, SHORT, easy_table

from sknoisy import RobustClassifier, _checkpoints
from sknoisy.exceptions import CheckpointError, CheckpointWarning
from sknoisy.nets import TabularNet

resource = pytest.importorskip("resource") if os.name == "posix" else None
posix = pytest.mark.skipif(os.name != "posix", reason="Only POSIX systems have SIGKILL.")


class Interrupt(Callback):
    """Stops the training that comes to an epoch, once."""

    at = None
    error = KeyboardInterrupt

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == type(self).at:
            type(self).at = None
            raise type(self).error


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(_checkpoints, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(_checkpoints, "TIMES_OF_WRITING", 0)
    monkeypatch.setattr(Interrupt, "at", None)


def model_of(checkpoint_dir, kind=RobustClassifier, **params):
    net = TabularNet(module__n_units=8, module__dropout=0.2, callbacks=[Interrupt])
    defaults = {"method": "cross_entropy", "net": net, "checkpoint_dir": checkpoint_dir, **SHORT}
    return kind(**defaults | params)


def stopped(model, X, y, at=4, **metadata):
    """Fit until the epoch of a number; return what the interruption says."""
    Interrupt.at = at
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(X, y, **metadata)
    return str(caught.value)


def table():
    X, y, _ = easy_table(80)
    return X, y


@pytest.mark.first_case_is_quick
@posix
@pytest.mark.parametrize("kill_at", [0, 3])
def test_a_process_killed_in_the_midst_of_writing_is_gone_on_with(tmp_path, kill_at):
    case = "plain training"
    assert fit_apart(case, tmp_path, kill_at=kill_at) is None
    assert are_equal(fit_apart(case, tmp_path), fit_here(case))
    assert os.listdir(tmp_path) == [_checkpoints.LOCK]


@posix
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_process_killed_at_a_random_moment_is_gone_on_with_to_the_bit(tmp_path, case):
    wanted = fit_here(case)
    start = time.monotonic()
    assert are_equal(fit_apart(case, tmp_path), wanted)
    longest = time.monotonic() - start
    generator = random.Random(case)
    for _ in range(2):
        fit_apart(case, tmp_path, kill_after=generator.uniform(0, longest))
        assert are_equal(fit_apart(case, tmp_path), wanted)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("method", ["cross_entropy", "dividemix"])
def test_epochs_that_were_kept_are_not_trained_again(tmp_path, method):
    X, y = table()
    model = model_of(tmp_path, method=method)
    wanted = answers(model_of(None, method=method).fit(X, y), X)
    stopped(model, X, y, at=4)
    Interrupt.at = 2
    assert are_equal(answers(model.fit(X, y), X), wanted)
    # Nothing came by that epoch again.
    assert Interrupt.at == 2


@pytest.mark.first_case_is_quick
@BOTH
def test_both_estimators_end_as_without_an_interruption(tmp_path, estimator_class):
    X, y = table()
    wanted = model_of(None, estimator_class).fit(X, y).predict_proba(X)
    model = model_of(tmp_path, estimator_class)
    stopped(model, X, y)
    assert np.array_equal(model.fit(X, y).predict_proba(X), wanted)


def test_history_tells_of_all_epochs(tmp_path):
    X, y = table()
    model = model_of(tmp_path)
    stopped(model, X, y)
    model.fit(X, y)
    losses = [epoch["train_loss"] for epoch in model.history_]
    assert losses == [epoch["train_loss"] for epoch in model_of(None).fit(X, y).history_]


def test_without_a_random_state_the_first_draw_is_gone_on_with(tmp_path):
    X, y = table()
    model = model_of(tmp_path, random_state=None)
    stopped(model, X, y, at=4)
    Interrupt.at = 3
    model.fit(X, y)
    assert Interrupt.at == 3


def test_the_interruption_names_the_checkpoint(tmp_path):
    X, y = table()
    said = stopped(model_of(tmp_path / "place"), X, y, at=4)
    assert str(tmp_path / "place") in said
    assert "epoch 3 of the training 'method_1'" in said
    assert "Nothing of this fit" in stopped(model_of(tmp_path / "other"), X, y, at=1)


def test_between_two_checkpoints_a_minute_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoints, "SECONDS_BETWEEN", 60)
    X, y = table()
    assert "Nothing of this fit" in stopped(model_of(tmp_path), X, y, at=5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"lr": 0.02}, "'lr'"),
        ({"random_state": 1}, "'random_state'"),
        ({"method": "wrong_event"}, "'method'"),
        ({"threshold": 0.3}, "'threshold'"),
    ],
)
def test_a_checkpoint_of_other_parameters_is_refused_by_name(tmp_path, change, name):
    X, y = table()
    stopped(model_of(tmp_path), X, y)
    with pytest.raises(CheckpointError, match=f"of another fit: {name} differs"):
        model_of(tmp_path, **change).fit(X, y)


def test_a_checkpoint_of_other_data_is_refused_by_name(tmp_path):
    X, y = table()
    stopped(model_of(tmp_path), X, y)
    other = X.copy()
    other[5, 1] += 1
    with pytest.raises(CheckpointError, match="'X' differs"):
        model_of(tmp_path).fit(other, y)
    with pytest.raises(CheckpointError, match="'y' differs"):
        model_of(tmp_path).fit(X, np.roll(y, 1))
    with pytest.raises(CheckpointError, match="'sample_weight' differs"):
        model_of(tmp_path).fit(X, y, sample_weight=np.arange(1, len(y) + 1))


def test_verbosity_and_cache_may_change(tmp_path):
    X, y = table()
    wanted = model_of(None).fit(X, y).predict_proba(X)
    stopped(model_of(tmp_path / "checkpoints"), X, y)
    model = model_of(tmp_path / "checkpoints", memory=tmp_path / "cache")
    model.set_params(memory=str(tmp_path / "cache"))
    assert np.array_equal(model.fit(X, y).predict_proba(X), wanted)


def test_a_last_training_is_gone_on_with_after_one_taken_from_the_cache(tmp_path):
    X, y = table()
    wanted = answers(model_of(None, final="filter").fit(X, y), X)
    both = {"final": "filter", "memory": str(tmp_path / "cache")}
    model_of(None, **both).fit(X, y)
    model = model_of(tmp_path / "checkpoints", **both)
    stopped(model, X, y)
    assert are_equal(answers(model.fit(X, y), X), wanted)


def test_two_fits_at_once_need_two_folders(tmp_path):
    X, y = table()
    with FileLock(tmp_path / _checkpoints.LOCK):
        with pytest.raises(CheckpointError, match="Another fit uses"):
            model_of(tmp_path).fit(X, y)
    model_of(tmp_path).fit(X, y)


def test_a_fit_in_another_process_needs_another_folder(tmp_path):
    X, y = table()
    with fit_under_way(tmp_path):
        with pytest.raises(CheckpointError, match="Another fit uses"):
            model_of(tmp_path).fit(X, y)
    model_of(tmp_path).fit(X, y)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("where", ["cut", "bit", "empty"])
@pytest.mark.parametrize("file", [f"*{_checkpoints.SUFFIX}", _checkpoints.FIT])
def test_a_damaged_checkpoint_is_trained_anew_with_a_warning(tmp_path, where, file):
    X, y = table()
    wanted = model_of(None).fit(X, y).predict_proba(X)
    stopped(model_of(tmp_path), X, y)
    (path,) = tmp_path.glob(file)
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "bit": flipped, "empty": b""}[where])
    with pytest.warns(CheckpointWarning, match="isn't used"):
        model = model_of(tmp_path).fit(X, y)
    assert np.array_equal(model.predict_proba(X), wanted)


class FilesStaySmall(Callback):
    """Lets the system refuse larger files from an epoch on, as a full disk would."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == Interrupt.at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


@posix
def test_a_full_disk_is_a_clear_error_and_leaves_the_last_checkpoint(tmp_path):
    X, y = table()
    net = TabularNet(module__n_units=8, callbacks=[FilesStaySmall])
    wanted = model_of(None, net=net).fit(X, y).predict_proba(X)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    Interrupt.at = 4
    try:
        with pytest.raises(CheckpointError, match=r"too large.*epoch 3 of the training"):
            model_of(tmp_path, net=net).fit(X, y)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.glob(".*.tmp"))
    # Were these epochs trained again, files would have to be small once more.
    Interrupt.at = 2
    assert np.array_equal(model_of(tmp_path, net=net).fit(X, y).predict_proba(X), wanted)


class Keeps(Callback):
    def on_train_begin(self, net, **kwargs):
        self.place_ = iter(range(10))


def test_a_training_that_cannot_be_told_starts_again_and_says_so(tmp_path):
    X, y = table()
    net = TabularNet(module__n_units=8, callbacks=[Interrupt, Keeps])
    wanted = model_of(None, net=net).fit(X, y).predict_proba(X)
    with pytest.warns(CheckpointWarning, match="range_iterator"):
        said = stopped(model_of(tmp_path, net=net), X, y)
    assert "Nothing of this fit" in said
    with pytest.warns(CheckpointWarning, match="range_iterator"):
        model = model_of(tmp_path, net=net).fit(X, y)
    assert np.array_equal(model.predict_proba(X), wanted)


def test_a_finished_fit_leaves_only_the_lock(tmp_path):
    X, y = table()
    shutil.rmtree(tmp_path)
    model_of(str(tmp_path)).fit(X, y)
    assert os.listdir(tmp_path) == [_checkpoints.LOCK]


def test_files_of_others_in_the_folder_stay(tmp_path):
    X, y = table()
    (tmp_path / "mine.txt").write_text("mine")
    model_of(tmp_path).fit(X, y)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    X, y = table()
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", "name\0"):
        with pytest.raises(CheckpointError, match="'checkpoint_dir' parameter must be a folder"):
            model_of(folder).fit(X, y)
    with pytest.raises(TypeError, match="'checkpoint_dir' parameter of RobustClassifier"):
        model_of(3).fit(X, y)
