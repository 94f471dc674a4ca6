import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.losses import importance_weights
from sknoisy.methods import PTD
from sknoisy.methods.ptd._part_dependent import PartMatrices, fit_part_matrices, part_shares
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_instance_dependent
from sknoisy.transition import anchor_rows

PARTS = np.array(
    [
        [[0.9, 0.1, 0.0], [0.0, 0.7, 0.3], [0.2, 0.0, 0.8]],
        [[0.5, 0.1, 0.4], [0.4, 0.6, 0.0], [0.0, 0.3, 0.7]],
    ]
)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def random_shares(n_rows, n_parts, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(n_parts), n_rows)


def part_matrices(shares):
    return PartMatrices(torch.from_numpy(shares), torch.from_numpy(PARTS))


# -- parts and matrices ----------------------------------------------------------------------


def test_importance_weight_by_hand():
    logits = torch.log(torch.tensor([[0.7, 0.2, 0.1]]))
    columns = torch.tensor([[0.3, 0.6, 0.2]])
    weights = importance_weights(logits, torch.tensor([1]), columns)
    assert_allclose(weights, [0.2 / (0.7 * 0.3 + 0.2 * 0.6 + 0.1 * 0.2)], rtol=1e-6)


@pytest.mark.parametrize("revised", [False, True])
def test_columns_are_those_of_each_rows_mixture(revised):
    shares, y = random_shares(5, 2), torch.tensor([0, 1, 2, 1, 0])
    change = 0.3 * np.random.default_rng(1).standard_normal((3, 3)) * revised
    expected = []
    for row, code in zip(shares, y, strict=True):
        matrix = np.abs(row[0] * PARTS[0] + row[1] * PARTS[1] + change)
        expected.append((matrix / matrix.sum(axis=1, keepdims=True))[:, code])
    revision = torch.from_numpy(change) if revised else None
    assert_allclose(part_matrices(shares).columns(torch.arange(5), y, revision), expected)


def test_mean_matrix_weighs_rows_by_the_probability_of_the_class():
    shares, certain = random_shares(4, 2), torch.eye(3, dtype=torch.float64)[[0, 1, 2, 2]]
    mean = part_matrices(shares).mean(certain).numpy()
    mixed = np.einsum("bj,jik->bik", shares, PARTS)
    assert_allclose(mean[0], mixed[0, 0])
    assert_allclose(mean[2], (mixed[2, 2] + mixed[3, 2]) / 2)


def test_a_class_without_any_probability_gets_the_mean_of_the_parts():
    never = torch.tensor([[0.0, 0.5, 0.5]] * 4)
    parts = PartMatrices(torch.from_numpy(random_shares(4, 2)).float(), torch.tensor(PARTS).float())
    mean = parts.mean(never).numpy()
    assert_allclose(mean.sum(axis=1), 1, atol=1e-6)
    assert_allclose(mean[0], PARTS[:, 0].mean(axis=0), atol=1e-6)


def test_between_one_and_three_tenths_of_a_class_lie_above_its_anchors():
    probabilities = np.stack([np.arange(100.0), -np.arange(100.0)], axis=1)
    anchors = anchor_rows(probabilities, np.array([0.1, 0.9]), 3)
    assert_array_equal(anchors, [[96, 97, 98], [27, 18, 9]])


def test_parts_of_disjoint_features_are_found():
    shares = random_shares(200, 2)
    features = shares @ np.array([[1.0, 2, 0, 0], [0, 0, 3, 1]])
    found = part_shares(features, 2, max_iter=500, random_state=np.random.RandomState(0))
    assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    correlations = np.corrcoef(found.T, shares.T)[:2, 2:]
    assert_allclose(correlations.max(axis=1), 1, atol=0.02)


def test_row_without_any_part_has_all_in_equal_shares():
    features = np.vstack([np.eye(3), np.zeros(3)])
    found = part_shares(features, 2, max_iter=50, random_state=np.random.RandomState(0))
    assert_allclose(found[-1], 0.5)


@pytest.mark.slow
def test_matrices_of_the_parts_are_recovered_from_anchors():
    shares = random_shares(3 * 20, 2).reshape(3, 20, 2)
    targets = np.einsum("imj,jik->imk", shares, PARTS)
    assert_allclose(fit_part_matrices(shares, targets), PARTS, atol=0.02)


@pytest.mark.slow
def test_part_that_no_anchor_has_stays_at_the_mean_of_the_class():
    shares = np.zeros((3, 4, 2))
    shares[:, :, 0] = 1
    targets = np.einsum("imj,jik->imk", shares, PARTS)
    assert_allclose(fit_part_matrices(shares, targets)[1], PARTS[0], atol=1e-3)


# -- the method ------------------------------------------------------------------------------


@pytest.mark.slow
def test_classifier_is_better_than_plain_training_under_instance_noise(digits):
    X, y = digits
    y_noisy, _ = flip_instance_dependent(X, y, 0.4, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    ptd, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("ptd", "cross_entropy")
    )
    assert ptd.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.05


@pytest.mark.slow
def test_wrong_labels_have_a_small_posterior_under_instance_noise(digits):
    X, y = digits
    y_noisy, flipped = flip_instance_dependent(X, y, 0.3, random_state=0)
    detector = NoisyLabelDetector("ptd", random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.7 and report["auc"] > 0.85
    assert_allclose(detector.transition_matrix_.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("max_epochs", [1, 2, 3])
def test_every_stage_has_an_epoch_in_very_short_trainings(digits, max_epochs):
    detector = NoisyLabelDetector("ptd", max_epochs=max_epochs, random_state=0)
    detector.fit(*(values[:300] for values in digits))
    assert np.isfinite(detector.label_quality_).all() and len(detector.history_) >= 3


@pytest.mark.parametrize(
    "parameters",
    [{"n_parts": 0}, {"warmup": 0}, {"correction": 1.0}, {"revision_lr": -1}, {"max_iter": 0}],
)
def test_parameter_out_of_range_is_named(digits, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of PTD"):
        NoisyLabelDetector(PTD(**parameters)).fit(*digits)
