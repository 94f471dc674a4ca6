import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import CORES
from sknoisy.methods._cores import SieveStep, sieve_losses
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import Trainer, TrainingData


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_loss_and_score_of_one_row_by_hand():
    logits, prior = torch.log(torch.tensor([[0.7, 0.2, 0.1]])), torch.tensor([0.5, 0.25, 0.25])
    losses, scores = sieve_losses(logits, torch.tensor([1]), prior, beta=2.0)
    every = -np.log([0.7, 0.2, 0.1])
    assert_allclose(losses, [every[1] - 2 * (every @ prior.numpy())], rtol=1e-6)
    assert_allclose(scores, [every[1] - every.mean()], rtol=1e-6)


@pytest.mark.parametrize(
    "epoch, beta", [(0, 0), (10, 0), (25, 1), (40, 2), (99, 2)], ids=lambda value: str(value)
)
def test_regulariser_grows_as_published(digits, epoch, beta):
    X, y = digits
    data = TrainingData(X.astype(np.float32), y, 10, np.zeros(len(y), dtype=bool))
    sieve = SieveStep(Trainer(None, data, device="cpu", seed=0).new_run(), 100, CORES())
    sieve._epoch = epoch
    assert_allclose(sieve._beta(), beta)


@pytest.mark.slow
def test_sieve_drops_wrong_labels_under_symmetric_noise(digits):
    X, y = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector("cores", random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.7 and report["auc"] > 0.95


@pytest.mark.slow
def test_sieve_keeps_wrong_labels_under_pair_noise(digits):
    X, y = digits
    y_noisy, flipped = flip_pair(y, 0.3, random_state=0)
    detector = NoisyLabelDetector("cores", random_state=0).fit(X, y_noisy)
    assert noise_detection_report(flipped, detector.noise_mask_)["recall"] < 0.3


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    X, y = digits
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    cores, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("cores", "cross_entropy")
    )
    assert cores.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.05


@pytest.mark.slow
def test_few_rows_are_sieved_out_of_right_labels(digits):
    X, y = digits
    assert NoisyLabelDetector("cores", random_state=0).fit(X, y).noise_mask_.mean() < 0.02


@pytest.mark.parametrize("parameters", [{"beta": -1}, {"sieve_start": 1.0}])
def test_parameter_out_of_range_is_named(digits, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of CORES"):
        NoisyLabelDetector(CORES(**parameters)).fit(*digits)
