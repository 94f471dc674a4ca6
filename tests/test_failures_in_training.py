"""What goes wrong in a training is an error that says so, never a result that looks valid."""

import _thread
import os
import signal
import subprocess
import sys
import threading
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.utils.data import Dataset, Subset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import NonFiniteLossError
from sknoisy.methods import (
    L2RW,
    LSW,
    METHODS,
    NLNL,
    PTD,
    CrossEntropy,
    MetaWeightNet,
    SimiFeat,
    WrongEvent,
)
from sknoisy.nets import TabularNet


@pytest.fixture(autouse=True)
def heeds_interrupts():
    """A program started in the background ignores Ctrl-C, and so do the tests there otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
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


@pytest.mark.slow
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


# -- NaN and infinity ----------------------------------------------------------------------------


class Rows(Dataset):
    """A table as a Dataset, with one row replaced."""

    def __init__(self, X, y, row=None, value=np.nan):
        self.X, self.y = torch.from_numpy(X.copy()), y
        if row is not None:
            self.X[row, 1] = value

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        return self.X[row], int(self.y[row])


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", "cores", "nlnl", "simifeat"])
def test_a_net_that_its_last_step_ruins_is_an_error(estimator_class, method):
    estimator = estimator_class(method, lr=1e30, max_epochs=1, device="cpu", random_state=0)
    with pytest.raises(NonFiniteLossError, match="lower learning rate than lr=1e"):
        estimator.fit(*table())
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_a_last_step_to_nan_is_an_error(optimizer):
    net = TabularNet(optimizer=optimizer, batch_size=-1)
    with pytest.raises(NonFiniteLossError, match="became NaN or infinite"):
        NoisyLabelDetector("cross_entropy", net=net, lr=3e38, max_epochs=1).fit(*table())


class Overflowing(nn.Module):
    """Finite weights whose product isn't: the second layer multiplies by their sum, 20 times."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(3, 3) for _ in range(20)), nn.Linear(3, n_classes))

    def forward(self, X):
        return self.layers(X)


@pytest.mark.parametrize("final", ["method", "filter", "weight"])
def test_finite_weights_with_infinite_outputs_are_an_error(final):
    net = TabularNet(Overflowing, batch_size=-1)
    model = RobustClassifier("cross_entropy", net=net, final=final, lr=1e4, max_epochs=1)
    with pytest.raises(NonFiniteLossError, match="outputs.*row [0-9]+.*lr=10000"):
        model.fit(*table())


class Masked(nn.Module):
    """Has infinity where it is meant: in a mask, and in the logit of a class that can't be."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        mask = torch.zeros(n_classes)
        mask[-1] = -torch.inf
        self.register_buffer("mask", mask)

    def forward(self, X):
        return torch.where((X[:, :1] > 0) & (self.mask < 0), self.mask, self.linear(X))


def test_a_class_that_a_module_excludes_has_probability_zero():
    X, y = table()
    model = RobustClassifier("cross_entropy", net=TabularNet(Masked), max_epochs=2).fit(X, 1 - y)
    assert (model.predict_proba(X)[X[:, 0] > 0, 1] == 0).all()
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("row", [0, 5, 17, 38])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_a_dataset_with_a_value_that_is_not_finite_is_named_by_its_row(estimator_class, row, value):
    for method in ("cross_entropy", "wrong_event"):
        with pytest.raises(ValueError, match=f"X contains NaN or infinity in row {row}\\."):
            estimator_class(method, max_epochs=2, random_state=0).fit(Rows(*table(), row, value))


@pytest.mark.parametrize("method", ["lsw", "meta_weight_net"])
def test_a_trusted_row_with_nan_is_named(method):
    X, y = table()
    detector = NoisyLabelDetector(method, batch_size=2, max_epochs=20, random_state=0)
    with pytest.raises(ValueError, match=r"X contains NaN or infinity in row 38\."):
        detector.fit(Rows(X, y, 38), trusted=np.arange(len(y)) >= 36)


@pytest.mark.parametrize("row", [30, 33])
def test_rows_are_named_by_the_users_numbers(row):
    X, y = table()
    weights = (np.arange(len(y)) >= 20) & (np.arange(len(y)) != 30)
    detector = NoisyLabelDetector("cross_entropy", max_epochs=2, random_state=0)
    with pytest.raises(ValueError, match=f"X contains NaN or infinity in row {row}\\."):
        detector.fit(Rows(X, y, row), sample_weight=weights)


def test_a_dataset_of_rows_of_several_shapes_is_named():
    class Ragged(Rows):
        def __getitem__(self, row):
            return torch.zeros(3 + (row == 39)), int(self.y[row])

    with pytest.raises(ValueError, match=r"one shape: row 0 is of shape \(3,\), row 39 of"):
        NoisyLabelDetector(max_epochs=2).fit(Ragged(*table()))


@pytest.fixture(scope="module")
def fitted():
    return RobustClassifier("cross_entropy", max_epochs=2, random_state=0).fit(*table())


@pytest.mark.parametrize("call", ["predict_proba", "predict", "score_labels", "predict_noise"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_cannot_be_predicted_is_named(fitted, call, value):
    X, y = table(3000)
    data = Rows(X, y, 2345, value)
    with pytest.raises(ValueError, match="X contains NaN or infinity in row 2345"):
        getattr(fitted, call)(*([data] if call.startswith("predict_p") else [data, y])[: _n(call)])


def _n(call):
    return 1 if call in ("predict", "predict_proba") else 2


def test_a_row_too_large_for_the_net_is_named(fitted):
    X, _ = table(3000)
    X[2345] = 3e38
    with pytest.raises(ValueError, match=r"row 2345 of X are NaN.*3e\+38: scale X"):
        fitted.predict_proba(X)


def test_a_fitted_net_that_gives_nan_is_an_error():
    model = RobustClassifier("cross_entropy", max_epochs=2, random_state=0).fit(*table())
    with torch.no_grad():
        model.net_.module_.head.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="row 0 of X are NaN"):
        model.predict(table()[0])


# -- probabilities and logits --------------------------------------------------------------------


class Ending(nn.Module):
    """Ends with any layer."""

    def __init__(self, n_features, n_classes, ending, zeros=False):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        self.ending = ending
        if zeros:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, X):
        return self.ending(self.linear(X))


@BOTH
@pytest.mark.parametrize(
    ("criterion", "ending", "message"),
    [
        (nn.CrossEntropyLoss, nn.Softmax(dim=1), "must return logits.*leave out the softmax.*NLL"),
        (nn.NLLLoss, nn.Identity(), "must return probabilities.*softmax.*CrossEntropyLoss"),
        (nn.NLLLoss, nn.LogSoftmax(dim=1), "must return probabilities.*softmax.*CrossEntropyLoss"),
    ],
)
def test_outputs_of_the_wrong_scale_are_named(estimator_class, criterion, ending, message):
    net = TabularNet(Ending, module__ending=ending, criterion=criterion)
    with pytest.raises(ValueError, match=message):
        estimator_class(net=net, max_epochs=2).fit(*table())


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    ("criterion", "ending", "zeros"),
    [
        (nn.CrossEntropyLoss, nn.Identity(), False),
        (nn.CrossEntropyLoss, nn.Identity(), True),
        (nn.CrossEntropyLoss, nn.Sigmoid(), False),
        (nn.CrossEntropyLoss, nn.Sigmoid(), True),
        (nn.CrossEntropyLoss, nn.LogSoftmax(dim=1), False),
        (nn.NLLLoss, nn.Softmax(dim=1), False),
    ],
)
def test_outputs_of_the_right_scale_are_taken(criterion, ending, zeros):
    net = TabularNet(
        Ending, module__ending=ending, module__zeros=zeros, criterion=criterion, max_epochs=2
    )
    model = RobustClassifier(net=net, random_state=0).fit(*table())
    assert np.isfinite(model.predict_proba(table()[0])).all()


# -- integers of numpy ---------------------------------------------------------------------------

INTEGERS = [
    (WrongEvent, {"joint_epochs": 3}, {}),
    (LSW, {"trusted_batch_size": 120, "step_interval": 2, "epoch_interval": 1}, {}),
    (LSW, {"warmup_epochs": 1, "self_trusted": 0.3}, {}),
    (MetaWeightNet, {"trusted_batch_size": 120, "n_units": 100}, {}),
    (L2RW, {"trusted_batch_size": 120}, {}),
    (NLNL, {"n_rounds": 1, "n_complementary": 100}, {}),
    (PTD, {"n_parts": 3, "max_iter": 100}, {}),
    (SimiFeat, {"n_neighbors": 100, "n_rounds": 5}, {}),
    (CrossEntropy, {}, {"batch_size": 120, "max_epochs": 3, "random_state": 100}),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int64, np.uint64])
@pytest.mark.parametrize(("method", "integers", "settings"), INTEGERS, ids=str)
def test_integers_of_numpy_do_what_those_of_python_do(method, integers, settings, kind):
    by_python, by_numpy = (
        _results_by_integers(convert, method, tuple(integers.items()), tuple(settings.items()))
        for convert in (int, kind)
    )
    np.testing.assert_array_equal(by_python, by_numpy)


@cache
def _results_by_integers(convert, method, integers, settings):
    X, y = table(260)
    model = RobustClassifier(
        method(**{name: _convert(value, convert) for name, value in integers}),
        **{"max_epochs": 3, "random_state": 0} | {name: convert(value) for name, value in settings},
    )
    return model.fit(X, y, trusted=np.arange(260) % 2 == 0).predict_proba(X)


def _convert(value, convert):
    return convert(value) if isinstance(value, int) else value


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_a_nets_own_integers_of_numpy_do_what_those_of_python_do(kind):
    X, y = table(260)
    results = []
    for convert in (int, kind):
        net = TabularNet(
            batch_size=convert(120),
            max_epochs=convert(100),
            module__n_units=convert(9),
            module__n_layers=convert(1),
        )
        results.append(NoisyLabelDetector(net=net, random_state=0).fit(X, y).label_quality_)
    np.testing.assert_array_equal(*results)


def test_equal_trainings_share_an_entry_of_the_cache_whatever_the_type_of_an_integer(tmp_path):
    for max_epochs in (3, np.int64(3)):
        detector = NoisyLabelDetector(
            "cross_entropy", max_epochs=max_epochs, memory=str(tmp_path), random_state=0
        )
        detector.fit(*table())
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


# -- too few rows --------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("holdout", [0.99, 1 - 1e-16])
def test_a_holdout_that_leaves_one_row_is_named(estimator_class, holdout):
    with pytest.raises(ValueError, match=f"'holdout'.*Got {holdout}, which leaves [01] of 40"):
        estimator_class(WrongEvent(holdout=holdout), max_epochs=2).fit(*table())


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("holdout", [0.9, 0.95])
def test_a_holdout_that_leaves_two_rows_works(holdout):
    model = RobustClassifier(WrongEvent(holdout=holdout), max_epochs=2).fit(*table())
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize("method", [LSW, L2RW, MetaWeightNet])
@pytest.mark.parametrize("stated", [True, False])
def test_trusted_batches_of_one_row_are_named_where_the_net_has_batch_norm(method, stated):
    X, y = table()
    parameters = {} if stated else {"self_trusted": 0.3}
    detector = NoisyLabelDetector(method(trusted_batch_size=1, **parameters), max_epochs=2)
    with pytest.raises(ValueError, match="'trusted_batch_size'.*at least 2.*Got 1 "):
        detector.fit(X, y, trusted=np.arange(40) < 10 if stated else None)


@pytest.mark.parametrize("method", [LSW, L2RW, MetaWeightNet])
def test_trusted_batches_of_one_row_work_without_batch_norm(method):
    net = TabularNet(Ending, module__ending=nn.Identity())
    detector = NoisyLabelDetector(method(trusted_batch_size=1), net=net, max_epochs=2)
    detector.fit(*table(), trusted=np.arange(40) < 10)
    assert np.isfinite(detector.label_quality_).all()


class HoldOutAllBut:
    """A `train_split` that leaves a number of rows."""

    def __init__(self, n_rows):
        self.n_rows = n_rows

    def __call__(self, dataset, y, **kwargs):
        rows = range(len(dataset))
        return Subset(dataset, rows[: self.n_rows]), Subset(dataset, rows[self.n_rows :])


@pytest.mark.parametrize("n_left", [0, 1])
def test_a_split_that_leaves_too_few_rows_is_named(n_left):
    net = TabularNet(train_split=HoldOutAllBut(n_left))
    with pytest.raises(ValueError, match=f"at least 2 rows.*Got {n_left} of 40.*'train_split'"):
        NoisyLabelDetector(net=net, max_epochs=2).fit(*table())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["l2rw", "nlnl", "simifeat", "lsw", "bhn", "meta_weight_net"])
@pytest.mark.parametrize("n_untrusted", [0, 1, 2, 3])
def test_methods_work_with_few_untrusted_rows(method, n_untrusted):
    model = RobustClassifier(method, max_epochs=2, random_state=0)
    model.fit(*table(), trusted=np.arange(40) >= n_untrusted)
    assert np.isfinite(model.predict_proba(table()[0])).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("batch_size", [2, 3, 39])
def test_methods_work_on_four_rows_of_positive_weight(method, batch_size):
    X, y = table()
    weighted = np.zeros(40)
    weighted[[*np.flatnonzero(y == 0)[:2], *np.flatnonzero(y == 1)[:2]]] = 1
    model = RobustClassifier(method, max_epochs=2, batch_size=batch_size, random_state=0)
    trusted = weighted > 0 if METHODS[method].needs_trusted else None
    model.fit(X, y, trusted=trusted, sample_weight=weighted)
    assert np.isfinite(model.label_quality_).all()
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("contamination", [0.9, 0.99])
def test_a_filter_that_keeps_one_row_of_each_class_works(contamination):
    model = RobustClassifier("cores", contamination=contamination, final="filter", max_epochs=2)
    model.fit(*table())
    assert np.isfinite(model.predict_proba(table()[0])).all()


# -- before a training ---------------------------------------------------------------------------


class Bare(nn.Module):
    """Has no parameters."""

    def forward(self, X):
        return X[:, :2]


class Frozen(nn.Module):
    """Has parameters that aren't trained."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes).requires_grad_(False)

    def forward(self, X):
        return self.linear(X)


class Embedded(nn.Module):
    """Has a layer with sparse gradients, and no other."""

    def __init__(self, n_classes, sparse=True):
        super().__init__()
        self.embedding = nn.Embedding(2, n_classes, sparse=sparse)

    def forward(self, X):
        return self.embedding((X[:, 0] > 0).long())


@BOTH
@pytest.mark.parametrize("module", [Bare, Frozen])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_a_module_without_trainable_parameters_is_named(estimator_class, module, optimizer):
    net = TabularNet(module, optimizer=optimizer)
    with pytest.raises(ValueError, match=f"must have parameters to train.*{module.__name__}"):
        estimator_class(net=net, max_epochs=2).fit(*table())


@BOTH
def test_an_optimizer_that_needs_a_closure_is_named(estimator_class):
    net = TabularNet(optimizer=torch.optim.LBFGS)
    with pytest.raises(ValueError, match="'optimizer' of 'net'.*LBFGS.*closure"):
        estimator_class(net=net, max_epochs=2).fit(*table())


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.RMSprop])
def test_an_optimizer_that_takes_no_sparse_gradients_is_named(optimizer):
    net = TabularNet(Embedded, optimizer=optimizer)
    with pytest.raises(ValueError, match=f"sparse=True.*'optimizer' {optimizer.__name__}"):
        RobustClassifier(net=net, max_epochs=2).fit(*table())


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.SparseAdam, torch.optim.Adagrad]
)
def test_an_optimizer_that_takes_sparse_gradients_trains(optimizer):
    X, y = table()
    model = RobustClassifier(
        net=TabularNet(Embedded, optimizer=optimizer), lr=0.1, max_epochs=20, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.9


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("device", ["meta", "xpu", "xpu:1", "cpu:3", "cuda:99", "mps:1", "xla"])
def test_a_device_that_cannot_be_computed_on_is_named(estimator_class, device):
    with pytest.raises(ValueError, match=f"'device' parameter is '{device}', but torch"):
        estimator_class(device=device, max_epochs=2).fit(*table())


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu")])
def test_the_cpu_may_be_named_in_all_ways(device):
    NoisyLabelDetector("cross_entropy", device=device, max_epochs=1).fit(*table())
