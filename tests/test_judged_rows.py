"""Which rows are flagged, in fit and among new ones, and what they are suggested to be."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from small_data import BOTH, SHORT, easy_table

from sknoisy import NoisyLabelDetector
from sknoisy.methods import LSW
from sknoisy.noise import flip_classes


def test_contamination_is_a_share_of_the_rows_that_are_not_trusted():
    X, y, _ = easy_table()
    trusted = np.arange(len(y)) % 2 == 0
    detector = NoisyLabelDetector(contamination=0.1, **SHORT).fit(X, y, trusted=trusted)
    assert detector.noise_mask_.sum() == round(0.1 * (~trusted).sum())


@pytest.mark.parametrize("rule", [{"threshold": 0.9999}, {"contamination": 0.95}], ids=str)
def test_every_class_keeps_a_row(rule):
    X, y, _ = easy_table(n_classes=4)
    detector = NoisyLabelDetector("cross_entropy", **rule, **SHORT).fit(X, y)
    np.testing.assert_array_equal(np.unique(y[~detector.noise_mask_]), detector.classes_)


@pytest.mark.first_case_is_quick
@BOTH
def test_new_rows_are_judged_like_those_of_fit(estimator_class):
    X, y, _ = easy_table(240)
    fitted = estimator_class(**SHORT).fit(X[:160], y[:160])
    new_X = X[160:]
    y_new = fitted.predict(new_X)
    wrong = np.arange(len(y_new)) % 5 == 0
    y_new[wrong] = 1 - y_new[wrong]
    np.testing.assert_array_equal(fitted.predict_noise(new_X, y_new), wrong)
    quality = fitted.score_labels(new_X, y_new)
    assert ((quality >= 0) & (quality <= 1)).all()
    assert quality[wrong].max() < quality[~wrong].min()


@pytest.mark.slow
@BOTH
def test_suggested_labels_change_flagged_rows_only(estimator_class):
    X, y, y_clean = easy_table()
    names = np.array(["cat", "dog"])
    fitted = estimator_class(**SHORT).fit(X, names[y])
    changed = fitted.suggested_labels_ != names[y]
    np.testing.assert_array_equal(changed, fitted.noise_mask_)
    assert (fitted.suggested_labels_ == names[y_clean]).mean() > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("method", ["wrong_event", LSW(self_trusted=0.3)])
def test_transition_matrix_recovers_the_flips(method):
    X, y = make_blobs(900, 4, centers=3, random_state=1)
    flips = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]])
    y_noisy, _ = flip_classes(y, flips, random_state=0)
    detector = NoisyLabelDetector(method, max_epochs=10, random_state=0).fit(X, y_noisy)
    np.testing.assert_allclose(detector.transition_matrix_.sum(axis=1), 1)
    np.testing.assert_allclose(detector.transition_matrix_, flips, atol=0.1)
