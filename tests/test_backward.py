import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from small_data import of_all_rows

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import Backward
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric

SHORT = {"max_epochs": 3, "device": "cpu", "random_state": 0}
MATRIX = np.array([[0.7, 0.3], [0.2, 0.8]])
NEARLY_SINGULAR = np.array([[0.52, 0.48], [0.48, 0.52]])


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def pair_of_classes():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def fit_quietly(model, *arguments, **settings):
    """Fit with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return model.fit(*arguments, **settings)


def test_identity_is_plain_training(pair_of_classes):
    X, y = pair_of_classes
    corrected, plain = (
        RobustClassifier(method, **SHORT).fit(X, y).predict_proba(X)
        for method in (
            of_all_rows(Backward, transition_matrix=np.eye(2), smoothing=0),
            "cross_entropy",
        )
    )
    assert_allclose(corrected, plain, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("flip", "share"), [(flip_pair, 0.3), (flip_symmetric, 0.4)])
def test_classifier_is_better_than_plain_training_under_class_dependent_noise(digits, flip, share):
    X, y = digits
    y_noisy, _ = flip(y, share, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    backward, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("backward", "cross_entropy")
    )
    assert backward.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.03


@pytest.mark.slow
def test_wrong_labels_have_a_small_posterior(digits):
    X, y = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector(of_all_rows(Backward), random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.75 and report["auc"] > 0.88


def test_matrix_of_a_large_inverse_is_mixed_with_a_warning(pair_of_classes):
    method = Backward(transition_matrix=NEARLY_SINGULAR)
    with pytest.warns(UserWarning, match="mixes the matrix with the identity.*0.17"):
        model = NoisyLabelDetector(method, **SHORT).fit(*pair_of_classes)
    assert np.isfinite(model.label_quality_).all()
    assert_allclose(model.transition_matrix_, NEARLY_SINGULAR)


def test_higher_limit_avoids_the_mixing(pair_of_classes):
    method = Backward(transition_matrix=NEARLY_SINGULAR, max_condition=30)
    fit_quietly(NoisyLabelDetector(method, **SHORT), *pair_of_classes)


def test_matrix_without_an_inverse_is_no_obstacle(pair_of_classes):
    method = Backward(transition_matrix=np.full((2, 2), 0.5))
    with pytest.warns(UserWarning, match="identity"):
        model = NoisyLabelDetector(method, **SHORT).fit(*pair_of_classes)
    assert np.isfinite(model.label_quality_).all()


def test_trusted_rows_have_plain_losses_and_are_never_judged_wrong(pair_of_classes):
    X, y = pair_of_classes
    method = of_all_rows(Backward, transition_matrix=MATRIX)
    everything = np.ones(len(y), dtype=bool)
    model = RobustClassifier(method, **SHORT).fit(X, y, trusted=everything)
    plain = RobustClassifier("cross_entropy", **SHORT).fit(X, y)
    assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-4)
    assert not model.noise_mask_.any()


def test_losses_by_hand_see_smoothed_predictions():
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.double)
    inverse = np.linalg.inv(MATRIX)
    losses = Backward(smoothing=0.2)._losses(
        probabilities.log(), torch.tensor([0, 1]), torch.from_numpy(inverse)
    )
    plain = -np.log(0.8 * probabilities.numpy() + 0.1)
    assert_allclose(losses, [inverse[0] @ plain[0], inverse[1] @ plain[1]], rtol=1e-6)


def test_class_with_two_rows_and_few_rows_are_no_obstacle(pair_of_classes):
    X, y = pair_of_classes
    y = np.where(np.arange(len(y)) % 6 == 1, 2, y)[:12]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = NoisyLabelDetector("backward", **SHORT).fit(X[:12], y)
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimation": "guess"}, "'estimation' parameter of Backward"),
        ({"training_share": 0}, "'training_share' parameter of Backward"),
        ({"max_condition": 0.5}, "'max_condition' parameter of Backward"),
        ({"smoothing": 1.0}, "'smoothing' parameter of Backward"),
        ({"transition_matrix": np.eye(3)}, "'transition_matrix' parameter of Backward"),
    ],
)
def test_parameter_out_of_range_is_named(pair_of_classes, parameters, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(Backward(**parameters), **SHORT).fit(*pair_of_classes)
