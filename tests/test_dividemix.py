import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit
from small_data import SHORT, Logits, easy_table, plain_skorch_net
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import DivideMix
from sknoisy.methods._dividemix import CoDivision
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

NO_MIXING = 1e-9
N_ROWS, N_CLASSES = 6, 3


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_trainer(*, trusted=(), sample_weight=None, **settings):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask, sample_weight)
    # Without a strong view the two views are equal, and the loss can be worked out by hand.
    net = plain_skorch_net(module__n_features=4, module__n_classes=N_CLASSES, **settings)
    return Trainer(net, data, device="cpu", seed=0)


def divided_step(trainer, posteriors, **parameters):
    """Return a step after its warm-up, in which the second net has found these posteriors."""
    run, peer = trainer.new_run(), trainer.new_run()
    step = CoDivision(run, peer, DivideMix(**parameters), np.random.RandomState(0))
    step.end_epoch(7)
    peer.row_state.keep("clean_posterior", torch.tensor(posteriors))
    return step


def probabilities_of(run):
    with torch.no_grad():
        logits = run.logits(torch.from_numpy(run.data.X)).numpy()
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def published_loss(trainer, step, posteriors, unlabelled_weight):
    """The loss of all rows in a batch without mixing, row by row."""
    data = trainer.data
    own, other = (probabilities_of(run).astype(float) for run in (step.run, *step.peers))
    supervised, unsupervised = [], []
    for row, clean in enumerate(posteriors):
        if clean > 0.5:
            target = clean * np.eye(N_CLASSES)[data.y[row]] + (1 - clean) * own[row]
            target = target**2 / (target**2).sum()
            supervised.append(-(target * np.log(own[row])).sum())
        else:
            target = (own[row] + other[row]) / 2
            target = target**2 / (target**2).sum()
            unsupervised.append(((own[row] - target) ** 2).sum() / N_CLASSES)
    penalty = np.sum(np.log(1 / N_CLASSES / own.mean(axis=0))) / N_CLASSES
    parts = [np.mean(part) if part else 0.0 for part in (supervised, unsupervised)]
    return parts[0] + unlabelled_weight * parts[1] + penalty


@pytest.mark.parametrize(
    "posteriors",
    [[1.0, 0.9, 0.6, 0.5, 0.1, 0.0], [1.0] * 6, [0.0] * 6],
    ids=["both parts", "all labelled", "all unlabelled"],
)
def test_loss_without_mixing_is_that_of_the_paper(posteriors):
    trainer = small_trainer()
    step = divided_step(trainer, posteriors, alpha=NO_MIXING, unlabelled_weight=7.0)
    expected = published_loss(trainer, step, posteriors, 7.0)
    (batch,) = step.run.batches(np.arange(N_ROWS))
    (loss, _), _ = step.train_batch(batch)
    assert_allclose(loss, expected, rtol=1e-5)


def test_each_net_learns_by_the_division_of_the_other():
    trainer = small_trainer()
    losses = []
    for division in (0.0, 1.0):
        step = divided_step(trainer, [division] * N_ROWS, alpha=NO_MIXING)
        # The same nets each time, although a trainer gives each run another seed.
        for run, seed in zip((step.run, *step.peers), (0, 1), strict=True):
            nn.init.normal_(run.module.linear.weight, generator=torch.Generator().manual_seed(seed))
            nn.init.zeros_(run.module.linear.bias)
        step.run.row_state.keep("clean_posterior", torch.ones(N_ROWS))
        (batch,) = step.run.batches(np.arange(N_ROWS))
        losses.append([loss.item() for loss, _ in step.train_batch(batch)])
    assert losses[0][0] != losses[1][0]
    assert losses[0][1] == losses[1][1]


def test_row_of_hardly_any_weight_hardly_matters():
    weights = np.ones(N_ROWS, dtype=np.float32)
    gradients = []
    for label in (0, 1):
        weights[0] = 1e-6
        trainer = small_trainer(sample_weight=weights)
        trainer.data.y[0] = label
        step = divided_step(trainer, [1.0] * N_ROWS)
        step._prior = torch.full((N_CLASSES,), 1 / N_CLASSES)
        (batch,) = step.run.batches(np.arange(N_ROWS))
        step.train_batch(batch)
        gradients.append(step.run.module.linear.weight.grad.clone())
    assert_allclose(*gradients, atol=1e-5)


def test_trusted_rows_are_labelled_whatever_their_loss():
    trainer = small_trainer(trusted=[0, 3])
    run, peer = trainer.new_run(), trainer.new_run()
    step = CoDivision(run, peer, DivideMix(), np.random.RandomState(0))
    step.end_epoch(7)
    assert_array_equal(step.mean_posterior()[[0, 3]], 1)
    assert step.mean_posterior().min() < 1


def test_unlabelled_part_grows_after_the_warm_up():
    trainer = small_trainer(max_epochs=100)
    step = divided_step(trainer, [0.0] * N_ROWS, unlabelled_weight=6.0, warmup_share=0.1)
    weights = []
    for epoch in (9, 11, 30):
        step.end_epoch(epoch - 1)
        weights.append(step._ramped_weight())
    assert_allclose(weights, [0.0, 6 * 2 / 5, 6.0])


def test_confidence_penalty_is_the_negative_entropy():
    losses = []
    for penalty in (0.0, 2.0):
        trainer = small_trainer()
        run, peer = trainer.new_run(), trainer.new_run()
        step = CoDivision(
            run, peer, DivideMix(confidence_penalty=penalty), np.random.RandomState(0)
        )
        shares = probabilities_of(run)
        (batch,) = run.batches(np.arange(N_ROWS))
        losses.append(step.train_batch(batch)[0][0].item())
    assert_allclose(losses[1] - losses[0], 2 * (shares * np.log(shares)).sum(1).mean(), rtol=1e-4)


@pytest.mark.slow
def test_classifier_and_verdict_are_better_than_plain_training(digits):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "dividemix")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.9 and report["auc"] > 0.95


@pytest.mark.slow
def test_rows_of_equal_posteriors_are_ranked(digits):
    X, y = digits[0][:400], digits[2][:400]
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector("dividemix", max_epochs=10, random_state=0).fit(X, y_noisy)
    saturated = detector.label_quality_ < 0.01
    assert saturated.sum() > 50
    assert len(np.unique(detector.label_quality_[saturated])) > 0.9 * saturated.sum()


class EqualLogits(Logits):
    """Predicts the same of every row and class for as long as it learns nothing."""

    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


def test_rows_of_one_loss_are_all_labelled():
    X, y, _ = easy_table(40)
    net = plain_skorch_net(EqualLogits, lr=0.0, max_epochs=3)
    detector = NoisyLabelDetector("dividemix", net=net, random_state=0).fit(X, y)
    assert not detector.noise_mask_.any()


def test_class_of_two_rows_is_learnt_with():
    X, y, _ = easy_table(80)
    y[:2] = 2
    model = RobustClassifier("dividemix", **SHORT).fit(X, y)
    assert model.predict_proba(X).shape == (80, 3)


@pytest.mark.slow
def test_batches_of_one_row_are_learnt_from():
    X, y, y_clean = easy_table(40)
    net = plain_skorch_net(batch_size=1, lr=0.02, max_epochs=4)
    assert RobustClassifier("dividemix", net=net, random_state=0).fit(X, y).score(X, y_clean) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [ValidSplit(4), ValidSplit(4, stratified=True)])
def test_rows_held_out_by_the_net_are_judged_by_their_margin(held_out):
    X, y, y_clean = easy_table()
    net = TabularNet(module__n_units=16, train_split=held_out)
    model = RobustClassifier("dividemix", net=net, **SHORT).fit(X, y)
    assert np.isfinite(model.label_quality_).all()
    assert (model.noise_mask_ == (y != y_clean)).mean() > 0.85


def test_training_that_a_callback_ends_in_the_warm_up_gives_a_verdict():
    X, y, _ = easy_table()
    stopping = EarlyStopping("train_loss", patience=1, threshold=100.0, threshold_mode="abs")
    net = TabularNet(max_epochs=30, callbacks=[("stop", stopping)])
    model = RobustClassifier("dividemix", net=net, random_state=0).fit(X, y)
    assert len(model.history_) < 3
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize(
    "parameter",
    [
        {"warmup_share": 1.0},
        {"p_threshold": 1.0},
        {"temperature": 0.0},
        {"alpha": 0},
        {"unlabelled_weight": -1},
        {"confidence_penalty": -1},
        {"n_averaged": 0.5},
    ],
    ids=str,
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of DivideMix"):
        NoisyLabelDetector(DivideMix(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
