import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from small_data import of_all_rows
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import TrustedRowsRequiredError
from sknoisy.methods import GLC
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.transition import count_transitions

SHORT = {"max_epochs": 3, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def pair_of_classes():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def with_trusted_rows(y, y_noisy, share=0.1):
    trusted = np.random.default_rng(0).random(len(y)) < share
    return np.where(trusted, y, y_noisy), trusted


@pytest.mark.slow
@pytest.mark.parametrize("flip", [flip_pair, flip_symmetric])
def test_classifier_is_better_than_plain_training_under_class_dependent_noise(digits, flip):
    X, y = digits
    y_noisy, trusted = with_trusted_rows(y, flip(y, 0.4, random_state=0)[0])
    train = np.arange(len(y)) % 3 > 0
    glc, plain = (
        RobustClassifier(method, random_state=0)
        .fit(X[train], y_noisy[train], trusted=trusted[train])
        .score(X[~train], y[~train])
        for method in ("glc", "cross_entropy")
    )
    assert glc > plain + 0.04


@pytest.mark.slow
def test_wrong_labels_have_a_small_posterior(digits):
    X, y = digits
    y_noisy, trusted = with_trusted_rows(y, flip_symmetric(y, 0.4, random_state=0)[0])
    detector = NoisyLabelDetector(of_all_rows(GLC), random_state=0)
    detector.fit(X, y_noisy, trusted=trusted)
    wrong = y_noisy != y
    report = noise_detection_report(wrong, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.75 and report["auc"] > 0.85


@pytest.mark.slow
def test_matrix_is_that_of_the_noise_of_untrusted_rows(digits):
    X, y = digits
    y_noisy, _ = flip_pair(y, 0.4, random_state=0)
    given, trusted = with_trusted_rows(y, y_noisy, share=0.4)
    detector = NoisyLabelDetector(of_all_rows(GLC), device="cpu", random_state=0)
    found = detector.fit(X, given, trusted=trusted).transition_matrix_
    assert np.abs(found - count_transitions(y, y_noisy, 10)).sum(axis=1).mean() < 0.4


def test_matrix_is_the_mean_over_the_trusted_rows_of_a_class(pair_of_classes):
    X, y = pair_of_classes
    trusted = np.isin(np.arange(len(y)), [np.argmax(y == 0), np.argmax(y == 1)])
    detector = NoisyLabelDetector("glc", **SHORT).fit(X, y, trusted=trusted)
    assert_allclose(detector.transition_matrix_.sum(axis=1), 1)
    # One short epoch on right labels leaves a net in doubt, which counts of classes would hide.
    assert (detector.transition_matrix_ > 0.02).all()


@pytest.mark.slow
def test_trusted_rows_are_never_judged_wrong(digits):
    X, y = digits
    y_noisy, trusted = with_trusted_rows(y, flip_symmetric(y, 0.4, random_state=0)[0])
    model = NoisyLabelDetector("glc", **SHORT).fit(X, y_noisy, trusted=trusted)
    assert (model.label_quality_[trusted] == 1).all() and not model.noise_mask_[trusted].any()


def test_all_rows_may_be_trusted(pair_of_classes):
    X, y = pair_of_classes
    model = NoisyLabelDetector("glc", **SHORT).fit(X, y, trusted=np.ones(len(y), bool))
    assert not model.noise_mask_.any()


def test_stand_ins_are_found_where_there_are_no_trusted_rows(pair_of_classes):
    X, y = pair_of_classes
    with pytest.raises(TrustedRowsRequiredError, match="GLC"):
        NoisyLabelDetector("glc", **SHORT).fit(X, y)
    model = NoisyLabelDetector(GLC(self_trusted=0.2), **SHORT).fit(X, y)
    assert np.isfinite(model.label_quality_).all()


def test_class_with_two_rows_and_few_rows_are_no_obstacle(pair_of_classes):
    X, y = pair_of_classes
    y = np.where(np.arange(len(y)) % 6 == 1, 2, y)[:12]
    trusted = np.arange(12) < 5
    model = NoisyLabelDetector("glc", **SHORT).fit(X[:12], y, trusted=trusted)
    assert model.transition_matrix_.shape == (3, 3)
    assert np.isfinite(model.label_quality_).all()


def test_rows_of_a_dataset_are_judged(pair_of_classes):
    X, y = pair_of_classes
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    model = NoisyLabelDetector("glc", **SHORT).fit(dataset, y, trusted=np.arange(200) < 40)
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize("parameters", [{"self_trusted": 0}, {"training_share": 1.5}])
def test_parameter_out_of_range_is_named(pair_of_classes, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of GLC"):
        NoisyLabelDetector(GLC(**parameters), **SHORT).fit(*pair_of_classes)
