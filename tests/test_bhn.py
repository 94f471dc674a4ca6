import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_blobs

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import BHN
from sknoisy.methods._bhn import conformal_p_values, split_trusted
from sknoisy.noise import flip_pair, flip_symmetric


@pytest.fixture(scope="module")
def checked_digits():
    X, y = load_digits(return_X_y=True)
    y_noisy, _ = flip_pair(y, 0.4, random_state=0)
    trusted = np.random.default_rng(0).random(len(y)) < 0.3
    return X, y, np.where(trusted, y, y_noisy), trusted


def test_halves_of_the_trusted_rows_hold_every_class_and_no_row_twice():
    codes, rows = np.repeat([0, 1, 2], [9, 6, 4]), np.arange(0, 19)
    training, calibration = split_trusted(codes, rows, np.random.RandomState(0))
    assert_array_equal(np.sort(np.append(training, calibration)), rows)
    assert_array_equal(np.bincount(codes[training]), [5, 3, 2])


@pytest.mark.parametrize("score, p_value", [(-9.0, 0.2), (-2.0, 0.6), (-1.5, 0.6), (0.0, 1.0)])
def test_p_value_counts_the_calibration_rows_that_score_no_better(score, p_value):
    p_values = conformal_p_values(np.array([score]), np.array([-1.0, -2.0, -3.0, -0.5]))
    assert_allclose(p_values, [p_value])


def test_p_values_of_exchangeable_scores_are_at_most_uniform():
    rng = np.random.default_rng(0)
    p_values = conformal_p_values(rng.normal(size=20_000), rng.normal(size=1_000))
    for level in (0.01, 0.1, 0.5):
        assert (p_values <= level).mean() < level + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.1, 0.25])
def test_false_discoveries_stay_below_alpha_over_repeated_draws(alpha):
    shares = []
    for seed in range(15):
        X, y = make_blobs(1_500, centers=4, cluster_std=2.0, random_state=seed)
        y_noisy, _ = flip_symmetric(y, 0.4, random_state=seed)
        trusted = np.random.RandomState(seed).rand(len(y)) < 0.3
        y_noisy = np.where(trusted, y, y_noisy)
        detector = NoisyLabelDetector(BHN(alpha=alpha), max_epochs=10, random_state=seed)
        flagged = detector.fit(X, y_noisy, trusted=trusted).noise_mask_
        shares.append((y_noisy == y)[flagged].mean() if flagged.any() else 0.0)
    assert np.mean(shares) < alpha
    assert max(shares) > 0


def test_many_wrong_labels_are_found(checked_digits):
    X, y, y_noisy, trusted = checked_digits
    detector = NoisyLabelDetector("bhn", random_state=0).fit(X, y_noisy, trusted=trusted)
    wrong = y_noisy != y
    assert detector.noise_mask_[wrong].mean() > 0.7
    assert not detector.noise_mask_[trusted].any()


@pytest.mark.slow
def test_lower_alpha_flags_fewer_rows(checked_digits):
    X, _, y_noisy, trusted = checked_digits
    n_flagged = [
        NoisyLabelDetector(BHN(alpha=alpha), random_state=0)
        .fit(X, y_noisy, trusted=trusted)
        .noise_mask_.sum()
        for alpha in (0.02, 0.1, 0.4)
    ]
    assert n_flagged[0] < n_flagged[1] < n_flagged[2]


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(checked_digits):
    X, y, y_noisy, trusted = checked_digits
    train = np.arange(len(y)) % 3 > 0
    bhn, plain = (
        RobustClassifier(method, random_state=0)
        .fit(X[train], y_noisy[train], trusted=trusted[train])
        .score(X[~train], y[~train])
        for method in ("bhn", "cross_entropy")
    )
    assert bhn > plain + 0.05


@pytest.mark.parametrize("alpha", [0, 1, -0.5])
def test_alpha_out_of_range_is_named(checked_digits, alpha):
    X, _, y_noisy, trusted = checked_digits
    with pytest.raises(ValueError, match="'alpha' parameter of BHN"):
        NoisyLabelDetector(BHN(alpha=alpha)).fit(X, y_noisy, trusted=trusted)
