"""Fits that are stopped in processes of their own, as a machine that goes down stops them."""

import os
import signal
from contextlib import contextmanager

import numpy as np
from script_runner import CONTEXT
from sklearn.ensemble import HistGradientBoostingClassifier
from skorch.callbacks import Callback
from small_data import SHORT, easy_table, tiny_images

from sknoisy import RobustClassifier, _checkpoints
from sknoisy.nets import TabularNet, VisionNet

LONGEST = 300


def _with_table(method, checkpoint_dir, **params):
    net = TabularNet(module__n_units=16, module__dropout=0.2, weak_view="noise")
    return RobustClassifier(
        method, **{"net": net, "checkpoint_dir": checkpoint_dir, **SHORT, **params}
    )


def _with_images(method, checkpoint_dir):
    net = VisionNet(module__depth=10, module__width=4, max_epochs=6, batch_size=16)
    return RobustClassifier(
        method, net=net, device="cpu", random_state=0, checkpoint_dir=checkpoint_dir
    )


def _table():
    X, y, _ = easy_table(120)
    return X, y, {}


def _table_with_trusted():
    X, y, truth = easy_table(120)
    return X, y, {"trusted": (np.arange(len(y)) % 3 == 0) & (y == truth)}


def _images():
    return *tiny_images(), {}


CASES = {
    "plain training": (_table, lambda place: _with_table("cross_entropy", place)),
    "wrong event, both stages": (
        _table,
        lambda place: _with_table("wrong_event", place, final="method"),
    ),
    "wrong event and a last training": (
        _table,
        lambda place: _with_table("wrong_event", place, final="filter"),
    ),
    "LSW": (_table_with_trusted, lambda place: _with_table("lsw", place)),
    "DivideMix": (_table, lambda place: _with_table("dividemix", place)),
    "boosted trees": (
        _table,
        lambda place: RobustClassifier(
            estimator=HistGradientBoostingClassifier(), checkpoint_dir=place, random_state=0
        ),
    ),
    "net and boosted trees": (_table, lambda place: _with_table("wrong_event", place, net=None)),
    "images": (_images, lambda place: _with_images("wrong_event", place)),
}


def answers(model, X):
    """Return what a fit found, to be compared to the bit."""
    return [
        model.predict_proba(X),
        model.label_quality_,
        model.sample_weights_,
        model.transition_matrix_,
        model.evidence_.margin,
    ]


def are_equal(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def fit_here(case, checkpoint_dir=None):
    """Fit a case in this process; return what it found."""
    make_data, make_model = CASES[case]
    X, y, metadata = make_data()
    return answers(make_model(checkpoint_dir).fit(X, y, **metadata), X)


def keep_every_epoch():
    """Let each epoch be kept, however short it is."""
    _checkpoints.SECONDS_BETWEEN = _checkpoints.TIMES_OF_WRITING = 0


def fit_apart(case, checkpoint_dir, *, kill_after=None, kill_at=None):
    """Fit a case in a process of its own, and kill it meanwhile.

    Parameters
    ----------
    case : str
    checkpoint_dir : path
    kill_after : float, default=None
        Seconds after the fit has begun.
    kill_at : int, default=None
        Number of checkpoints after which it kills itself, in the midst of writing the next.

    Returns
    -------
    list of ndarray
        What it found; None: it was killed.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_fit, args=(sender, case, str(checkpoint_dir), kill_at))
    process.start()
    sender.close()
    try:
        assert receiver.recv() == "begun"
        if kill_after is not None and not receiver.poll(kill_after):
            os.kill(process.pid, signal.SIGKILL)
        return receiver.recv()
    except EOFError:
        process.join(LONGEST)
        assert process.exitcode == -signal.SIGKILL
        return None
    finally:
        process.join(LONGEST)


@contextmanager
def fit_under_way(checkpoint_dir):
    """Let a process of its own be in the midst of a fit as long as the block lasts."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_fit_until_told, args=(theirs, str(checkpoint_dir)))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "in its second epoch"
        yield
        ours.send("go on")
        assert ours.recv() == "done"
    finally:
        ours.close()
        process.join(LONGEST)


class WaitsInItsSecondEpoch(Callback):
    connection = None

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            self.connection.send("in its second epoch")
            self.connection.recv()


def _fit_until_told(connection, checkpoint_dir):
    keep_every_epoch()
    WaitsInItsSecondEpoch.connection = connection
    X, y, _ = _table()
    net = TabularNet(module__n_units=8, callbacks=[WaitsInItsSecondEpoch])
    _with_table("cross_entropy", checkpoint_dir, net=net).fit(X, y)
    connection.send("done")


def _fit(sender, case, checkpoint_dir, kill_at):
    keep_every_epoch()
    if kill_at is not None:
        _kill_in_writing(kill_at)
    sender.send("begun")
    sender.send(fit_here(case, checkpoint_dir))


def _kill_in_writing(number):
    """Let the process kill itself once a file is written and hasn't taken its name."""
    from pathlib import Path

    replace, seen = os.replace, []

    def replace_or_die(source, target):
        if Path(target).suffix == _checkpoints.SUFFIX:
            seen.append(target)
            if len(seen) > number:
                os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replace_or_die
