import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import SHORT, easy_table, of_all_rows, plain_skorch_net
from torch.nn.functional import cross_entropy, one_hot

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import ELR
from sknoisy.methods._elr import ELRPlusStep, Memory, RememberingStep, early_learning_penalty
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS, N_CLASSES = 6, 3


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_trainer(trusted=(), **settings):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask)
    net = plain_skorch_net(module__n_features=4, module__n_classes=N_CLASSES, **settings)
    return Trainer(net, data, device="cpu", seed=0)


def test_memory_is_the_moving_average_of_the_predictions():
    memory = Memory(small_trainer().new_run(), momentum=0.6)
    rows, first, second = torch.tensor([4]), torch.tensor([[0.5, 0.3, 0.2]]), [[0.1, 0.8, 0.1]]
    memory.update(rows, first.log())
    targets = memory.update(rows, torch.tensor(second).log())
    expected = 0.6 * 0.4 * first + 0.4 * torch.tensor(second)
    assert_allclose(targets, expected, rtol=1e-5)
    # Row 4 is of class 1: its target there, against the largest other one.
    assert_allclose(memory.quality()[4], expected[0, 1] / (expected[0, 1] + expected[0, 0]))
    assert np.isnan(memory.quality()[[0, 1, 2, 3, 5]]).all()


def test_loss_of_a_batch_by_hand():
    run = small_trainer().new_run()
    step = RememberingStep(run, ELR(strength=2.0, momentum=0.5))
    (batch,) = run.batches(np.arange(N_ROWS))
    losses, weights, logits = step.losses(batch)
    p = logits.detach().softmax(dim=1)
    expected = cross_entropy(logits.detach(), batch.y, reduction="none")
    expected = expected + 2 * torch.log(1 - 0.5 * (p * p).sum(dim=1))
    assert weights is None
    assert_allclose(losses.detach(), expected, rtol=1e-5)


def test_gradient_is_that_of_the_paper():
    """The gradient in the logits: p - y, and the factors that pull towards the target's classes."""
    logits = torch.randn(4, N_CLASSES, generator=torch.Generator().manual_seed(0)).double()
    logits.requires_grad_()
    targets = torch.rand(4, N_CLASSES, generator=torch.Generator().manual_seed(1)).double()
    targets = targets / targets.sum(dim=1, keepdim=True)
    y = torch.tensor([0, 1, 2, 0])
    losses = cross_entropy(logits, y, reduction="sum")
    (losses + 3 * early_learning_penalty(logits, targets).sum()).backward()
    p = logits.detach().softmax(dim=1)
    product = (p * targets).sum(dim=1, keepdim=True)
    expected = p - one_hot(y, N_CLASSES) + 3 * p / (1 - product) * (product - targets)
    assert_allclose(logits.grad, expected, rtol=1e-6)


def test_targets_of_trusted_rows_are_their_labels():
    run = small_trainer(trusted=[1]).new_run()
    memory = Memory(run, momentum=0.5)
    targets = memory.update(torch.tensor([0, 1]), torch.zeros(2, N_CLASSES))
    assert_allclose(targets[1], [0, 1, 0])
    assert memory.quality()[1] == 1


def test_averaged_weights_of_elr_plus_are_a_moving_average():
    trainer = small_trainer()
    runs = trainer.new_run(), trainer.new_run()
    teachers = [trainer.new_run(state=run.state()) for run in runs]
    step = ELRPlusStep(runs, teachers, ELR(plus=True, averaging=0.5), np.random.RandomState(0))
    seen = []
    (batch,) = runs[0].batches(np.arange(N_ROWS))
    for _ in range(3):
        step.train_batch(batch)
        seen.append(runs[0].module.linear.weight.detach().clone())
    expected = 0.5 * (0.5 * seen[0] + 0.5 * seen[1]) + 0.5 * seen[2]
    assert_allclose(teachers[0].module.linear.weight.detach(), expected, rtol=1e-5)


def test_each_net_of_elr_plus_is_held_to_what_the_other_said():
    trainer = small_trainer()
    runs = trainer.new_run(), trainer.new_run()
    teachers = [trainer.new_run(state=run.state()) for run in runs]
    step = ELRPlusStep(runs, teachers, ELR(plus=True, momentum=0.0), np.random.RandomState(0))
    (batch,) = runs[0].batches(np.arange(N_ROWS))
    with torch.no_grad():
        said = [teacher.logits(batch.X).softmax(dim=1) for teacher in teachers]
    step.train_batch(batch)
    for run, expected in zip(runs, said[::-1], strict=True):
        assert_allclose(run.row_state["target"], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("plus", [False, True])
def test_classifier_and_verdict_are_better_than_plain_training(digits, plus):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", ELR(plus=plus))
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.85 and report["auc"] > 0.97


@pytest.mark.slow
def test_wrong_labels_are_not_learnt_by_heart(digits):
    X, _, y, _ = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    learnt = []
    for strength in (0.0, 3.0):
        model = RobustClassifier(of_all_rows(ELR, strength=strength), random_state=0)
        learnt.append((model.fit(X, y_noisy).predict(X) == y_noisy)[flipped].mean())
    assert learnt[1] < learnt[0] - 0.3


@pytest.mark.slow
def test_few_right_labels_are_flagged(digits):
    X, _, y, _ = digits
    assert NoisyLabelDetector("elr", random_state=0).fit(X, y).noise_mask_.mean() < 0.02


def test_elr_plus_refuses_what_cannot_be_mixed():
    X, y, _ = easy_table(40)
    named = {"left": X[:, :2], "right": X[:, 2:]}
    with pytest.raises(ValueError, match="ELR"):
        NoisyLabelDetector(ELR(plus=True), net=plain_skorch_net(), **SHORT).fit(named, y)


@pytest.mark.parametrize(
    "parameter", [{"strength": -1}, {"momentum": 1.0}, {"averaging": 1.5}, {"alpha": 0}], ids=str
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of ELR"):
        NoisyLabelDetector(ELR(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
