"""The contract between methods and the training loop: steps, peers, predictions, arrays by row."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from sknoisy.methods import LabelEvidence
from sknoisy.nets import TabularNet
from sknoisy.training import RowState, Step, Trainer, TrainingData


@pytest.fixture
def trainer():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    return Trainer(
        small_net(), TrainingData(X, y, 2, np.zeros(50, dtype=bool)), device="cpu", seed=0
    )


def small_net(**settings):
    return TabularNet(module__n_units=8, max_epochs=3, batch_size=16, **settings)


def with_callbacks(trainer, *callbacks):
    net = small_net(callbacks=list(callbacks))
    return Trainer(net, trainer.data, device="cpu", seed=0)


class WeightedLoss(Step):
    """Learns from the first half of the rows alone."""

    def losses(self, batch):
        losses, _, logits = super().losses(batch)
        return losses, (batch.rows < 25).float(), logits


def test_plain_training_is_the_default_step(trainer):
    states = [Trainer(small_net(), trainer.data, device="cpu", seed=0).new_run() for _ in range(2)]
    states[0].fit()
    states[1].fit(Step(states[1]))
    for name, value in states[0].state().items():
        assert torch.equal(value, states[1].state()[name])


def test_rows_of_weight_zero_are_not_learnt_from(trainer):
    run = trainer.new_run()
    batch = next(iter(run.batches(np.arange(20, 30))))
    alone = next(iter(run.batches(np.arange(20, 25))))
    # Without normalisation over the batch, so that the other rows could matter by their loss only.
    run.module.eval()
    gradients = []
    for step, each in ((WeightedLoss(run), batch), (Step(run), alone)):
        state = run.state()
        step.train_batch(each)
        gradients.append(run.module.head.weight.grad.clone())
        run.module.load_state_dict(state)
    assert_allclose(*gradients, atol=1e-6)


def test_step_ends_the_training(trainer):
    class TwoEpochs(Step):
        def end_epoch(self, epoch):
            return epoch == 1

    run = trainer.new_run()
    assert len(run.fit(TwoEpochs(run)).history()) == 2


class Gain(Step):
    """Learns a factor of the logits beside the net."""

    def __init__(self, run):
        super().__init__(run)
        self.gain = torch.ones((), requires_grad=True)
        self._optimizer = torch.optim.SGD([self.gain], lr=0.1)

    def losses(self, batch):
        logits = self.gain * self.run.logits(batch.X)
        return self.run.row_losses(logits, batch.y), None, logits

    def optimizers(self):
        return (self._optimizer,)


def test_parameters_of_a_step_are_learnt_with_the_net(trainer):
    run = trainer.new_run()
    step = Gain(run)
    run.fit(step)
    assert step.gain.item() > 1.01


def test_optimisers_of_a_step_do_not_outlive_its_training(trainer):
    run = trainer.new_run()
    step = Gain(run)
    run.fit(step)
    learnt = step.gain.item()
    run.fit(Step(run))
    assert step.gain.item() == learnt


class Pair(Step):
    """Trains two nets on the same batches."""

    def __init__(self, run, peer):
        super().__init__(run)
        self.peers = (peer,)

    def train_batch(self, batch):
        results = []
        for run in (self.run, *self.peers):
            logits = run.logits(batch.X)
            results.append(run.learn(batch, run.row_losses(logits, batch.y), None, logits))
        return results


class Notes(Callback):
    def initialize(self):
        self.seen = []
        return self

    def on_train_begin(self, net, **arguments):
        self.seen.append("begin")

    def on_batch_end(self, net, **arguments):
        self.seen.append("batch")

    def on_epoch_end(self, net, **arguments):
        self.seen.append("epoch")

    def on_train_end(self, net, **arguments):
        self.seen.append("end")


def test_callbacks_and_history_of_a_peer_are_looked_after(trainer):
    trainer = with_callbacks(trainer, ("notes", Notes()))
    one, two = trainer.new_run(), trainer.new_run()
    one.fit(Pair(one, two))
    seen = [dict(run.net.callbacks_)["notes"].seen for run in (one, two)]
    assert seen[0] == seen[1]
    assert seen[1].count("epoch") == 3 and seen[1].count("batch") == 3 * 4
    assert all(np.isfinite(epoch["train_loss"]) for epoch in two.history())


def test_peers_learn_each_from_its_own_weights(trainer):
    one, two = trainer.new_run(), trainer.new_run()
    before = two.state()
    one.fit(Pair(one, two))
    assert not torch.equal(before["head.weight"], two.state()["head.weight"])
    assert not torch.equal(one.state()["head.weight"], two.state()["head.weight"])


def test_early_stopping_of_a_peer_ends_the_training_of_all(trainer):
    stopping = EarlyStopping("train_loss", patience=1, threshold=100.0, threshold_mode="abs")
    stopped = with_callbacks(trainer, ("stop", stopping))
    one, two = trainer.new_run(), stopped.new_run()
    one.fit(Pair(one, two))
    assert len(one.history()) == len(two.history()) < 3


def test_evidence_of_peers_is_that_of_their_mean_prediction(trainer):
    one, two = trainer.new_run(), trainer.new_run()
    one.fit(Pair(one, two))
    evidence = LabelEvidence.of(one, peers=[two])
    shares = [
        run.predict(np.arange(50), lambda batch, logits: logits.softmax(dim=1))
        for run in (one, two)
    ]
    given = np.mean(shares, axis=0)[np.arange(50), trainer.data.y]
    assert_allclose(evidence.margins, given, atol=1e-5)
    assert len(evidence.states) == 2


def test_quality_of_rows_that_were_not_seen_is_their_margin(trainer):
    run = trainer.new_run().fit()
    quality = np.full(50, 0.25)
    quality[7] = np.nan
    evidence = LabelEvidence.of(run, quality)
    assert evidence.quality[7] == evidence.margins[7]
    assert (np.delete(evidence.quality, 7) == 0.25).all()


# -- predictions ---------------------------------------------------------------------------------


def test_predictions_come_in_the_order_of_the_rows(trainer):
    run = trainer.new_run()
    rows = np.array([40, 3, 17])
    assert_array_equal(run.predict(rows, lambda batch, logits: batch.rows), rows)


def test_several_readings_are_returned_side_by_side(trainer):
    run = trainer.new_run()
    rows, labels = run.predict(np.arange(9), lambda batch, logits: (batch.rows, batch.y))
    assert_array_equal(labels, trainer.data.y[rows])


@pytest.mark.parametrize("is_training", [True, False])
def test_prediction_leaves_the_mode_as_it_was(trainer, is_training):
    run = trainer.new_run()
    run.module.train(is_training)
    run.predict(np.arange(5), lambda batch, logits: logits)
    assert run.module.training == is_training


def test_prediction_with_other_weights_leaves_those_of_the_net(trainer):
    run = trainer.new_run()
    start = run.state()
    first = run.predict(np.arange(50), lambda batch, logits: logits)
    run.fit()
    trained = run.state()
    again = run.predict(np.arange(50), lambda batch, logits: logits, state=start)
    assert_array_equal(first, again)
    assert all(torch.equal(value, trained[name]) for name, value in run.state().items())


def test_gradients_are_recorded_between_batches_of_a_prediction(trainer):
    run = trainer.new_run()
    for _ in run.predict_batches(np.arange(5)):
        assert torch.is_grad_enabled()


# -- averaged weights and arrays by row ----------------------------------------------------------


def test_teacher_is_the_moving_average_of_the_weights(trainer):
    run = trainer.new_run()
    teacher = run.average(0.75)
    teacher.update()
    first = teacher.state["head.bias"].clone()
    with torch.no_grad():
        run.module.head.bias += 4.0
    teacher.update()
    assert_allclose(teacher.state["head.bias"], first + 1.0)


def test_whole_numbers_of_a_teacher_are_the_latest():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.register_buffer("n_calls", torch.tensor(0))

        def forward(self, X):
            self.n_calls += 1
            return self.linear(X)

    rng = np.random.default_rng(0)
    data = TrainingData(
        rng.normal(size=(20, 2)).astype(np.float32), np.arange(20) % 2, 2, np.zeros(20, bool)
    )
    run = Trainer(TabularNet(Counter, max_epochs=2), data, device="cpu", seed=0).new_run()
    teacher = run.average(0.9)
    teacher.update()
    run.fit()
    teacher.update()
    assert teacher.state["n_calls"] == run.module.n_calls


def test_arrays_by_row_are_saved_and_restored():
    rows = RowState(3, torch.device("cpu"))
    counts = rows.create("counts", dtype=torch.int64)
    rows.create("targets", fill=0.5, width=2)
    saved = rows.state_dict()
    counts += 7
    rows.load_state_dict(saved)
    assert counts.tolist() == [0, 0, 0]
    other = RowState(3, torch.device("cpu"))
    other.load_state_dict(saved)
    assert_array_equal(other["targets"], np.full((3, 2), 0.5))


def test_two_arrays_of_one_name_are_an_error():
    rows = RowState(3, torch.device("cpu"))
    rows.create("counts")
    with pytest.raises(ValueError, match="'counts' already"):
        rows.create("counts")


def test_array_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="must have 3 rows. Got 4"):
        RowState(3, torch.device("cpu")).keep("counts", torch.zeros(4))
