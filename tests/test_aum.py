import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import AUM
from sknoisy.methods._aum import MarginStep, areas_under_margins, with_extra_class
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS, N_CLASSES = 12, 3


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_trainer(trusted=(), **settings):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask)
    settings = {"max_epochs": 4, "batch_size": N_ROWS} | settings
    return Trainer(plain_skorch_net(**settings), data, device="cpu", seed=0)


def test_area_is_the_mean_margin_over_the_epochs():
    run = small_trainer().new_run()
    seen = []

    class Recording(MarginStep):
        def losses(self, batch):
            losses, weights, logits = super().losses(batch)
            seen.append((batch.rows.numpy(), logits.detach().numpy()))
            return losses, weights, logits

    step = Recording(run)
    run.fit(step)
    margins = np.zeros((len(seen), N_ROWS))
    for epoch, (rows, logits) in enumerate(seen):
        for row, z in zip(rows, logits, strict=True):
            given = row % N_CLASSES
            margins[epoch, row] = z[given] - np.delete(z, given).max()
    assert_allclose(step.areas(), margins.mean(axis=0), rtol=1e-5)


def test_rows_that_are_not_learnt_from_have_no_area():
    run = small_trainer().new_run()
    run.rows = np.arange(5)
    areas = areas_under_margins(run, 2)
    assert_array_equal(np.isnan(areas), np.arange(N_ROWS) >= 5)


def test_threshold_rows_get_a_class_of_their_own():
    trainer = small_trainer()
    chosen = np.array([2, 7])
    second = with_extra_class(trainer, chosen)
    assert second.data.n_classes == N_CLASSES + 1
    assert_array_equal(np.flatnonzero(second.data.y == N_CLASSES), chosen)
    assert_array_equal(trainer.data.y, np.arange(N_ROWS) % N_CLASSES)
    run = second.new_run()
    assert run.module(torch.zeros(1, 4)).shape == (1, N_CLASSES + 1)
    assert run.net.max_epochs == 4


def test_threshold_rows_are_one_class_full_of_rows_that_are_not_trusted():
    trainer = small_trainer(trusted=[0, 1, 2, 3])
    chosen = AUM()._choose_threshold_rows(trainer.new_run(), np.random.RandomState(0))
    assert len(chosen) == 8 // (N_CLASSES + 1)
    assert chosen.min() > 3 and len(set(chosen)) == len(chosen)


@pytest.mark.slow
def test_wrong_labels_have_small_areas_and_are_flagged(digits):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "aum")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.8 and report["auc"] > 0.95


@pytest.mark.slow
def test_smaller_percentile_flags_fewer_rows(digits):
    X, _, y, _ = digits
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    shares = [
        (
            NoisyLabelDetector(AUM(percentile=p), random_state=0).fit(X, y_noisy).evidence_.score
            < 0.5
        )
        for p in (50, 99)
    ]
    assert shares[0].mean() < shares[1].mean()


@pytest.mark.parametrize(
    "parameter", [{"percentile": 0}, {"training_share": 1.1}, {"threshold_share": 1.0}], ids=str
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of AUM"):
        NoisyLabelDetector(AUM(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
