"""What `history_` tells of each epoch or round, and `evidence_["by_epoch"]` of each row."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import L2RW, LSW, METHODS, MetaWeightNet, WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.training import Step, Trainer, TrainingData

SHARES = ("train_agreement", "held_out_agreement", "wrong_events")
RECORDING = {
    "wrong_event": WrongEvent,
    "lsw": LSW,
    "l2rw": L2RW,
    "meta_weight_net": MetaWeightNet,
}


def table(n_rows=120):
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, 3))
    y = (X[:, 0] > 0).astype(int)
    flipped = random.random(n_rows) < 0.2
    return X, np.where(flipped, 1 - y, y), ~flipped


def fitted(method, kind=NoisyLabelDetector, **settings):
    X, y, right = table()
    settings = {"max_epochs": 4, "net": TabularNet(batch_size=32), "random_state": 0} | settings
    needs_trusted = METHODS[method if isinstance(method, str) else method.name].needs_trusted
    trusted = right & (np.arange(len(y)) % 4 == 0)
    return kind(method, **settings).fit(X, y, trusted=trusted if needs_trusted else None)


def new_run(net, **settings):
    X, y, _ = table()
    data = TrainingData(X.astype(np.float32), y, 2, np.zeros(len(y), dtype=bool), **settings)
    return Trainer(net, data, device="cpu", seed=0).new_run()


# -- agreement and wrong events ------------------------------------------------------------------


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", METHODS)
def test_every_epoch_tells_its_stage_and_how_often_the_labels_were_predicted(name):
    history = fitted(name, RobustClassifier).history_
    for epoch in history:
        assert isinstance(epoch["stage"], str) and epoch["epoch"] >= 1
        assert 0 <= epoch["train_agreement"] <= 1 and 0 <= epoch["wrong_events"] <= 1
        assert all(isinstance(epoch[share], float) for share in SHARES if share in epoch)
    holds_out = METHODS[name]().holdout > 0
    is_known = ["held_out_agreement" in epoch for epoch in history if epoch["stage"] != "final"]
    assert all(is_known) if holds_out else not any(is_known)


class Constant(nn.Module):
    """Predicts class 0 with every row, whatever it learns."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_classes))

    def forward(self, X):
        return torch.tensor([9.0, 0.0]) + 0 * self.weight + torch.zeros(len(X), 1)


@pytest.mark.parametrize("method", ["cross_entropy", "cores", "wrong_event"])
def test_agreement_is_the_share_of_rows_whose_given_label_is_predicted(method):
    detector = fitted(method, net=TabularNet(Constant, batch_size=32))
    _, y, _ = table()
    held_out = detector.evidence_.held_out_rows
    trained = np.setdiff1d(np.arange(len(y)), held_out)
    for epoch in detector.history_:
        assert epoch["train_agreement"] == pytest.approx((y[trained] == 0).mean())
        if len(held_out):
            assert epoch["held_out_agreement"] == pytest.approx((y[held_out] == 0).mean())
    of_whom = np.arange(len(y)) if method == "wrong_event" else trained
    assert detector.history_[-1]["wrong_events"] == pytest.approx((y[of_whom] == 1).mean())


def test_wrong_events_are_the_mean_over_the_epochs_so_far():
    history = fitted("cross_entropy").history_
    contradicted = 1 - np.array([epoch["train_agreement"] for epoch in history])
    means = np.cumsum(contradicted) / np.arange(1, len(history) + 1)
    assert_allclose([epoch["wrong_events"] for epoch in history], means)


def test_wrong_events_go_on_being_counted_in_the_second_stage():
    model = fitted(WrongEvent(joint_epochs=2), RobustClassifier, max_epochs=6)
    first, second = (
        [epoch for epoch in model.history_ if epoch["stage"] == stage]
        for stage in ("wrong_events", "dynamic_loss")
    )
    assert len(second) == 2
    # Two more looks at each row can't change the mean of all by more than their share.
    share = 2 / (len(first) + 2)
    change = abs(second[0]["wrong_events"] - first[-1]["wrong_events"])
    assert 0 < change <= share


class RecordsItself(Step):
    def end_epoch(self, epoch):
        self.run.net.history.record("train_agreement", 0.25)


def test_what_a_step_records_itself_stays():
    run = new_run(TabularNet(max_epochs=2))
    run.fit(RecordsItself(run), stage="first")
    assert [epoch["train_agreement"] for epoch in run.history()] == [0.25, 0.25]
    assert [epoch["stage"] for epoch in run.history()] == ["first", "first"]


class Drawing(Dataset):
    """A table with a little noise, drawn anew each time an item is read."""

    def __init__(self):
        X, self.y, _ = table(60)
        self.X = torch.from_numpy(X).float()

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        return self.X[row] + 0.01 * torch.randn(3), int(self.y[row])


def test_items_of_a_dataset_are_not_read_for_the_history():
    settings = {"max_epochs": 2, "net": TabularNet(batch_size=16), "random_state": 0}
    detector = NoisyLabelDetector("cores", **settings).fit(Drawing())
    assert len(detector.evidence_.held_out_rows)
    assert all("held_out_agreement" not in epoch for epoch in detector.history_)


class DrawsAlways(nn.Module):
    """Dropout in evaluation too."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.linear(nn.functional.dropout(X, 0.5, training=True))


class Draws(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.history.record("drawn", torch.rand(1).item())


class Unwatched(Step):
    records_agreement = True


@pytest.mark.parametrize("step_class", [Step, Unwatched])
def test_looking_at_held_out_rows_leaves_the_random_numbers_of_the_training_alone(step_class):
    net = TabularNet(DrawsAlways, batch_size=32, max_epochs=3, callbacks=[("draws", Draws())])
    plain, watched = new_run(net), new_run(net, held_out=np.arange(40))
    rows = np.arange(40, 120)
    plain.fit(Unwatched(plain), rows=rows)
    watched.fit(step_class(watched), rows=rows)
    is_watched = ["held_out_agreement" in epoch for epoch in watched.history()]
    assert all(is_watched) if step_class is Step else not any(is_watched)
    for name in ("train_loss", "drawn"):
        assert [e[name] for e in plain.history()] == [e[name] for e in watched.history()]


def test_rounds_of_boosting_tell_the_same():
    trees = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    detector = fitted("wrong_event", net=None, max_epochs=None, estimator=trees)
    for number, each in enumerate(detector.history_, start=1):
        assert each["round"] == number and np.isfinite(each["train_loss"])
        assert all(0 <= each[share] <= 1 for share in SHARES)
    losses = [each["train_loss"] for each in detector.history_]
    assert losses[-1] < losses[0]


def test_where_net_and_trees_judge_the_history_is_that_of_the_net_and_the_rounds_lie_beside_it():
    detector = fitted("wrong_event", net=None)
    assert {epoch["judge"] for epoch in detector.history_} == {"net"}
    assert all(np.isfinite(epoch["memorization_gap"]) for epoch in detector.history_)
    rounds = detector.evidence_["rounds"]
    assert {each["judge"] for each in rounds} == {"estimator"}
    assert [each["round"] for each in rounds] == list(range(1, len(rounds) + 1))


def test_the_last_training_follows_those_of_the_method():
    history = fitted("lsw", RobustClassifier, max_epochs=3).history_
    stages = [epoch["stage"] for epoch in history]
    assert stages == ["warmup"] * 2 + ["weight_learning"] + ["final"] * 3


def test_the_training_that_chose_stand_ins_comes_first():
    X, y, _ = table()
    settings = {"max_epochs": 3, "net": TabularNet(batch_size=32), "random_state": 0}
    detector = NoisyLabelDetector(L2RW(self_trusted=0.3), **settings).fit(X, y)
    stages = [epoch["stage"] for epoch in detector.history_]
    assert stages == ["wrong_events"] * 3 + ["reweighting"] * 3


# -- each row by epoch ---------------------------------------------------------------------------


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", RECORDING)
def test_rows_are_recorded_by_epoch_on_request_only(name):
    assert "by_epoch" not in fitted(name).evidence_
    detector = fitted(RECORDING[name](record_epochs=True))
    by_epoch = detector.evidence_["by_epoch"]
    assert by_epoch.shape == (4, 120) and by_epoch.dtype == np.float32
    assert np.nanmin(by_epoch) >= 0 and np.nanmax(by_epoch) <= 1
    assert_array_equal(detector.label_quality_, fitted(name).label_quality_)


def test_the_last_epoch_holds_the_weights_that_lsw_ends_with():
    detector = fitted(LSW(record_epochs=True))
    trained = np.setdiff1d(np.arange(120), detector.evidence_.held_out_rows)
    by_epoch = detector.evidence_["by_epoch"]
    assert_allclose(by_epoch[-1, trained], detector.evidence_.score[trained], rtol=1e-6)
    assert np.isnan(by_epoch[:, detector.evidence_.held_out_rows]).all()
    # They don't move in the epochs before.
    assert_array_equal(by_epoch[0], by_epoch[1])
    assert (by_epoch[1] != by_epoch[2])[trained].any()


def test_the_mean_over_the_later_epochs_is_the_quality_of_l2rw():
    detector = fitted(L2RW(record_epochs=True))
    by_epoch, quality = detector.evidence_["by_epoch"], detector.evidence_.score
    trained = ~np.isnan(by_epoch[0])
    assert_allclose(by_epoch[2:].mean(axis=0)[trained], quality[trained], rtol=1e-5)


def test_rows_of_weight_zero_are_in_their_place():
    X, y, _ = table()
    left_out = np.arange(len(y)) < 20
    settings = {"max_epochs": 2, "net": TabularNet(batch_size=32), "random_state": 0}
    detector = NoisyLabelDetector(WrongEvent(record_epochs=True), **settings)
    by_epoch = detector.fit(X, y, sample_weight=~left_out * 1.0).evidence_["by_epoch"]
    assert_array_equal(np.isnan(by_epoch[0]), left_out)


def test_rows_are_recorded_by_round_where_a_booster_judges_alone():
    trees = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    method = WrongEvent(record_epochs=True)
    detector = fitted(method, net=None, max_epochs=None, estimator=trees)
    assert detector.evidence_["by_epoch"].shape == (5, 120)
    folds = fitted(method, net=None, max_epochs=None, estimator=LogisticRegression())
    assert "by_epoch" not in folds.evidence_
