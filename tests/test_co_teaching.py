import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import CoTeaching
from sknoisy.methods._co_teaching import CoTeachingStep
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS, N_CLASSES = 10, 2


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_step(trusted=(), max_epochs=20, **parameters):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask)
    net = plain_skorch_net(batch_size=N_ROWS, max_epochs=max_epochs)
    trainer = Trainer(net, data, device="cpu", seed=0)
    return CoTeachingStep(trainer.new_run(), trainer.new_run(), CoTeaching(**parameters))


@pytest.mark.parametrize(
    ("epoch", "n_kept"), [(0, 10), (1, 8), (2, 6), (3, 4), (9, 4)], ids=lambda value: str(value)
)
def test_share_of_small_losses_falls_to_what_is_right(epoch, n_kept):
    step = small_step(forget_rate=0.6, ramp_share=0.15)
    step._epoch = epoch
    picked = step._pick(torch.arange(N_ROWS), torch.arange(N_ROWS).float())
    assert_array_equal(picked, np.arange(N_ROWS) < n_kept)


def test_each_net_learns_from_what_the_other_picks():
    step = small_step(forget_rate=0.5)
    step._epoch = 10
    (batch,) = step.run.batches(np.arange(N_ROWS))
    runs = (step.run, *step.peers)
    before = [run.module(batch.X).detach() for run in runs]
    losses = [run.row_losses(each, batch.y) for run, each in zip(runs, before, strict=True)]
    smallest = [set(each.topk(5, largest=False).indices.tolist()) for each in losses]
    assert smallest[0] != smallest[1]
    results = step.train_batch(batch)
    for (loss, _), own, by_other in zip(results, losses, smallest[::-1], strict=True):
        assert_allclose(loss, own[sorted(by_other)].mean(), rtol=1e-5)


def test_trusted_rows_are_always_picked():
    step = small_step(trusted=[8, 9], forget_rate=0.5)
    step._epoch = 10
    picked = step._pick(torch.arange(N_ROWS), torch.arange(N_ROWS).float())
    assert_array_equal(np.flatnonzero(picked), [0, 1, 2, 3, 4, 8, 9])


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_forget_rate_is_estimated_where_it_is_not_given(digits, rate):
    X, _, y, _ = digits
    y_noisy, flipped = flip_symmetric(y, rate, random_state=0)
    held_out = np.arange(0, len(y), 8)
    data = TrainingData(
        X.astype(np.float32) / 16, y_noisy, 10, np.zeros(len(y), dtype=bool), held_out=held_out
    )
    trainer = Trainer(None, data, device="cpu", seed=0)
    step = CoTeachingStep(trainer.new_run(), trainer.new_run(), CoTeaching())
    step.run.fit(step)
    assert abs(step._rate - flipped[held_out].mean()) < 0.12


@pytest.mark.slow
def test_classifier_and_verdict_are_better_than_plain_training(digits):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "co_teaching")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.8 and report["auc"] > 0.95


@pytest.mark.parametrize("parameter", [{"forget_rate": 1.0}, {"ramp_share": 0}], ids=str)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of CoTeaching"):
        NoisyLabelDetector(CoTeaching(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
