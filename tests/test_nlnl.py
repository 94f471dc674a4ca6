import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import NLNL
from sknoisy.methods._nlnl import NegativeLearningStep, complementary_labels
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData


@pytest.fixture(scope="module")
def noisy_digits():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    return X, y, y_noisy, flipped


def test_complementary_labels_are_all_others_alike_and_never_the_given_one():
    y = torch.full((1000,), 2)
    drawn = complementary_labels(y, 4, 3, torch.Generator().manual_seed(0))
    shares = torch.bincount(drawn.flatten(), minlength=4) / 3000
    assert drawn.shape == (1000, 3) and shares[2] == 0
    assert (shares[[0, 1, 3]] - 1 / 3).abs().max() < 0.03


@pytest.fixture
def stages():
    X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    data = TrainingData(X, np.array([0, 0, 0, 0, 0, 0, 1, 1]), 2, np.zeros(8, dtype=bool))
    run = Trainer(None, data, device="cpu", seed=0).new_run()
    return NegativeLearningStep(run, NLNL(), n_epochs=4, seed=0)


def test_negative_loss_of_two_classes_by_hand(stages):
    probabilities = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    losses = stages._negative_losses(probabilities, torch.tensor([0, 1]))
    # With two classes the complementary label is the other one; class 1 is three times rarer.
    np.testing.assert_allclose(losses, [-np.log(0.8), -3 * np.log(0.6)], rtol=1e-6)


@pytest.mark.parametrize(
    "stage, selected",
    [
        ("negative", [True, True, True]),
        ("selective_negative", [False, True, True]),
        ("selective_positive", [False, False, True]),
    ],
)
def test_stages_learn_from_the_rows_whose_label_is_likely(stage, selected):
    X = np.zeros((4, 3), dtype=np.float32)
    data = TrainingData(X, np.array([0, 1, 2, 3]), 4, np.zeros(4, dtype=bool))
    run = Trainer(None, data, device="cpu", seed=0).new_run()
    stages = NegativeLearningStep(run, NLNL(), n_epochs=4, seed=0)
    for epoch, probabilities in enumerate([[0.1, 0.2, 0.4, 0.0], [0.2, 0.4, 0.8, 0.0]]):
        run.row_state["given_probability"].copy_(torch.tensor(probabilities))
        stages.end_epoch(epoch)
    stages.stage = stage
    assert stages._selected(torch.arange(3)).tolist() == selected


@pytest.mark.slow
def test_detector_finds_symmetric_noise(noisy_digits):
    X, _, y_noisy, flipped = noisy_digits
    detector = NoisyLabelDetector("nlnl", max_epochs=12, random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["auc"] > 0.95 and report["f1"] > 0.85


@pytest.mark.slow
def test_classifier_learns_soft_labels_and_is_better_than_plain_training(noisy_digits):
    X, y, y_noisy, _ = noisy_digits
    train = np.arange(len(y)) % 3 > 0
    nlnl = RobustClassifier("nlnl", random_state=0).fit(X[train], y_noisy[train])
    plain = RobustClassifier("cross_entropy", random_state=0).fit(X[train], y_noisy[train])
    assert nlnl.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.1
    assert len(nlnl.history_) == 3 * 30 + 30 + 30


@pytest.mark.slow
@pytest.mark.parametrize("max_epochs", [1, 4])
def test_stages_fit_into_short_trainings(noisy_digits, max_epochs):
    X, _, y_noisy, _ = noisy_digits
    method = NLNL(n_rounds=1)
    model = RobustClassifier(method, max_epochs=max_epochs, random_state=0)
    model.fit(X[:300], y_noisy[:300])
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize("parameters", [{"n_rounds": 0}, {"n_complementary": 0}])
def test_parameter_out_of_range_is_named(noisy_digits, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of NLNL"):
        NoisyLabelDetector(NLNL(**parameters)).fit(*noisy_digits[::2][:2])
