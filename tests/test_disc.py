import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import DISC
from sknoisy.methods._disc import DISCStep, divided_losses
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS, N_CLASSES = 5, 2


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_step(net=None, *, trusted=(), **parameters):
    net = plain_skorch_net(max_epochs=20) if net is None else net
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.zeros(N_ROWS, dtype=int), N_CLASSES, mask)
    run = Trainer(net, data, device="cpu", seed=0).new_run()
    return DISCStep(run, DISC(**parameters), np.random.RandomState(0))


# Probabilities of class 0, which is the given one, in the weak and the strong view.
WEAK = torch.tensor([0.9, 0.9, 0.1, 0.4, 0.5])
STRONG = torch.tensor([0.8, 0.3, 0.05, 0.3, 0.9])


def divide(step, thresholds=0.6):
    step._thresholds.fill_(thresholds)
    (batch,) = step.run.batches(np.arange(N_ROWS))
    views = (torch.stack([view, 1 - view], dim=1) for view in (WEAK, STRONG))
    return [part.numpy() for part in step._divide(batch, *views)]


def test_rows_are_clean_in_both_views_hard_in_one_and_purified_where_the_net_is_sure():
    clean, hard, purified, predicted = divide(small_step(margin=0.3))
    assert_array_equal(clean, [True, False, False, False, False])
    assert_array_equal(hard, [False, True, False, False, True])
    assert_array_equal(purified, [False, False, True, False, False])
    assert predicted[2] == 1


def test_trusted_rows_are_clean_whatever_the_net_says():
    clean, _, purified, _ = divide(small_step(trusted=[2]))
    assert clean[2] and not purified[2]


def test_thresholds_are_moving_averages_of_the_largest_probability():
    step = small_step(momentum=0.8)
    rows = torch.arange(N_ROWS)
    for _ in range(2):
        step._move_thresholds(rows, *(torch.stack([v, 1 - v], dim=1) for v in (WEAK, STRONG)))
    largest = torch.stack([torch.maximum(v, 1 - v) for v in (WEAK, STRONG)], dim=1)
    assert_allclose(step._thresholds, (0.2 + 0.8 * 0.2) * largest, rtol=1e-6)


def test_losses_of_the_parts_by_hand():
    logits = torch.tensor([[0.3, -0.2], [1.0, 2.0], [0.0, 5.0]]).double()
    labels = torch.tensor([0, 0, 1])
    p = logits.softmax(dim=1).numpy()[[0, 1, 2], [0, 0, 1]]
    found = divided_losses(
        logits, labels, torch.tensor([True, False, False]), torch.tensor([False, True, False])
    )
    assert_allclose(found, [-np.log(p[0]), (1 - p[1] ** 0.7) / 0.7, 0], rtol=1e-6)


def test_rows_that_are_not_kept_are_not_mixed():
    step = small_step()
    (batch,) = step.run.batches(np.arange(N_ROWS))
    kept = torch.tensor([True, False, True, True, False])
    losses = step._mixed_losses(batch.X, batch.y, kept)
    assert_array_equal(losses.detach() > 0, kept)


@pytest.mark.slow
def test_classifier_and_verdict_are_better_than_plain_training(digits):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "disc")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.8 and report["auc"] > 0.94


@pytest.mark.parametrize(
    "parameter", [{"warmup_share": 1.0}, {"momentum": 1}, {"margin": -0.1}, {"alpha": 0}], ids=str
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of DISC"):
        NoisyLabelDetector(DISC(**parameter)).fit(np.eye(4), [0, 1, 0, 1])


def test_a_batch_of_which_one_row_is_kept_mixes_nothing():
    # It normalises by the batch, for which it needs two rows.
    step = small_step(TabularNet(module__n_units=8, max_epochs=20), trusted=[0], warmup_share=0.05)
    step.end_epoch(0)
    step._thresholds.fill_(1.0)
    (batch,) = step.run.batches(np.arange(N_ROWS))
    loss, _ = step.train_batch(batch)
    assert loss.isfinite()
