"""What goes wrong in a training is an error that says so, never a result that looks valid."""

import _thread
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback, EarlyStopping

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import TabularNet

BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])


def table(n_rows=40):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    return X, (X[:, 0] > 0).astype(int)


# -- Ctrl-C --------------------------------------------------------------------------------------


class AtEndOfEpoch(Callback):
    """Does something at the end of the second epoch."""

    def __init__(self, action):
        self.action = action

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            self.action()


def send_signal():
    os.kill(os.getpid(), signal.SIGINT)
    # The signal comes in the midst of these.
    for _ in range(10**6):
        pass


def tidy_up_and_go_on():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise


def raise_another():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None


def stop_early():
    raise KeyboardInterrupt


def stop_early_with_a_message():
    error = KeyboardInterrupt("enough")
    raise error


def swallow_a_signal_and_stop_early():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pass
    raise KeyboardInterrupt


CTRL_C = {
    "raised": lambda: signal.raise_signal(signal.SIGINT),
    "interrupt_main": lambda: [_thread.interrupt_main(), sum(range(10))],
    "sent": send_signal,
    "tidied up": tidy_up_and_go_on,
    "raised anew": raise_another,
}


def interrupted_by(action, estimator_class=NoisyLabelDetector, **params):
    net = TabularNet(callbacks=[("action", AtEndOfEpoch(action))])
    return estimator_class("cross_entropy", net=net, max_epochs=5, random_state=0, **params)


@BOTH
@pytest.mark.parametrize("action", CTRL_C.values(), ids=CTRL_C)
def test_ctrl_c_at_the_end_of_an_epoch_is_no_early_stop(estimator_class, action):
    estimator = interrupted_by(action, estimator_class)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*table())
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_ctrl_c_by_a_handler_of_the_program_is_no_early_stop():
    def handle(number, frame):
        raise KeyboardInterrupt("The program is asked to end.")

    before = signal.signal(signal.SIGINT, handle)
    try:
        with pytest.raises(KeyboardInterrupt, match="asked to end"):
            interrupted_by(CTRL_C["raised"]).fit(*table())
        assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, before)


@BOTH
@pytest.mark.parametrize(
    "action", [stop_early, stop_early_with_a_message, swallow_a_signal_and_stop_early]
)
def test_a_callback_that_raises_keyboard_interrupt_ends_the_training(estimator_class, action):
    estimator = interrupted_by(action, estimator_class).fit(*table())
    assert len(estimator.history_) == 2


def test_a_callback_ends_a_training_in_another_thread():
    estimator = interrupted_by(stop_early)
    thread = threading.Thread(target=estimator.fit, args=table())
    thread.start()
    thread.join()
    assert len(estimator.history_) == 2


def test_early_stopping_of_skorch_ends_a_training_after_an_interrupted_one():
    with pytest.raises(KeyboardInterrupt):
        interrupted_by(CTRL_C["raised"]).fit(*table())
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = TabularNet(callbacks=[("stopping", stopping)])
    estimator = NoisyLabelDetector("cross_entropy", net=net, max_epochs=9).fit(*table())
    assert len(estimator.history_) < 9


def test_the_handler_of_ctrl_c_is_the_programs_own_after_a_fit():
    before = signal.getsignal(signal.SIGINT)
    interrupted_by(stop_early).fit(*table())
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_training_leaves_nothing_in_the_cache(tmp_path):
    # The second fit has the same key: had the first one left anything, it would be taken.
    estimator = interrupted_by(sometimes_interrupted, memory=str(tmp_path))
    os.environ["SKNOISY_TEST_INTERRUPT"] = "yes"
    try:
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(*table())
    finally:
        del os.environ["SKNOISY_TEST_INTERRUPT"]
    assert len(estimator.fit(*table()).history_) == 5


def sometimes_interrupted():
    if "SKNOISY_TEST_INTERRUPT" in os.environ:
        signal.raise_signal(signal.SIGINT)


PROGRAM = """
import time
import numpy as np
from skorch.callbacks import Callback
from sknoisy import RobustClassifier
from sknoisy.nets import TabularNet


class Sleep(Callback):
    def on_epoch_end(self, net, **kwargs):
        print("epoch", flush=True)
        time.sleep(60)


X = np.random.default_rng(0).normal(size=(40, 3))
RobustClassifier(net=TabularNet(callbacks=[Sleep()])).fit(X, X[:, 0] > 0)
print("fitted")
"""


def test_ctrl_c_ends_a_program():
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "epoch\n"
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=50)
    assert output == ""
    assert errors.rstrip().endswith("KeyboardInterrupt")
