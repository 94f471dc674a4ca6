import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import Distillation
from sknoisy.methods._distillation import (
    SoftTargetStep,
    alternating_halves,
    optimal_label_share,
)
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData


@pytest.fixture(scope="module")
def digits():
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    trusted = np.random.default_rng(5).random(len(y)) < 0.1
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    return X, y_noisy, trusted, X_test, y_test


@pytest.mark.slow
def test_share_of_the_label_is_that_of_the_smallest_error():
    """Of targets mixed from labels and predictions whose errors have nothing to do with each other.

    The error of a prediction is made without bias: it leans to every class as often as away.
    """
    rng = np.random.default_rng(0)
    n_rows, n_classes = 100_000, 4
    right = rng.integers(n_classes, size=n_rows)
    one_hot = np.eye(n_classes)
    error = rng.normal(scale=0.2, size=(n_rows, n_classes))
    said = one_hot[right] + error - error.mean(axis=1, keepdims=True)
    wrong = rng.random(n_rows) < 0.3
    given = np.where(wrong, (right + rng.integers(1, n_classes, n_rows)) % n_classes, right)
    shares = np.linspace(0, 1, 101)
    errors = [
        ((share * one_hot[given] + (1 - share) * said - one_hot[right]) ** 2).sum(axis=1).mean()
        for share in shares
    ]
    assert abs(shares[np.argmin(errors)] - optimal_label_share(said, right, said, given)) < 0.02


@pytest.mark.parametrize("n_wrong", [0, 2])
def test_share_by_hand(n_wrong):
    said = np.array([[0.8, 0.2], [0.2, 0.8], [0.8, 0.2], [0.2, 0.8]])
    right = np.array([0, 1, 0, 1])
    given = right.copy()
    given[:n_wrong] = 1 - given[:n_wrong]
    of_prediction = 2 * 0.2**2
    expected = of_prediction / (of_prediction + 2 * n_wrong / 4)
    assert_allclose(optimal_label_share(said, right, said, given), expected)


def test_halves_have_half_of_each_class():
    rows, codes = np.arange(12), np.repeat([0, 1, 2], 4)
    one, other = alternating_halves(rows, codes)
    assert_array_equal(np.sort(np.concatenate([one, other])), rows)
    assert_array_equal(np.bincount(codes[one]), np.bincount(codes[other]))


def test_targets_are_mixtures_but_those_of_trusted_rows():
    X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    data = TrainingData(X, y, 2, np.array([True, False, False, False]))
    run = Trainer(plain_skorch_net(), data, device="cpu", seed=0).new_run()
    soft = np.tile(np.float32([0.4, 0.6]), (4, 1))
    SoftTargetStep(run, soft, 0.25)
    expected = 0.25 * np.eye(2)[y] + 0.75 * soft
    expected[0] = [1, 0]
    assert_allclose(run.row_state["target"], expected, rtol=1e-6)


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    X, y_noisy, trusted, X_test, y_test = digits
    plain, robust = (
        RobustClassifier(method, random_state=0)
        .fit(X, y_noisy, trusted=trusted)
        .score(X_test, y_test)
        for method in ("cross_entropy", "distillation")
    )
    assert robust > plain + 0.1


@pytest.mark.slow
def test_soft_targets_are_what_helps(digits):
    X, y_noisy, trusted, X_test, y_test = digits
    alone, mixed = (
        RobustClassifier(Distillation(label_share=share), random_state=0)
        .fit(X, y_noisy, trusted=trusted)
        .score(X_test, y_test)
        for share in (1.0, None)
    )
    assert mixed > alone + 0.05


@pytest.mark.parametrize(
    "parameter", [{"label_share": 1.5}, {"temperature": 0}, {"last_share": 1.0}], ids=str
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of Distillation"):
        NoisyLabelDetector(Distillation(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
