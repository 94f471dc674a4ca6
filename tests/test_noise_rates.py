"""How many labels are wrong, estimated from rows left out of training."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.noise_rates import (
    MAX_ROWS,
    calibrate_to_rate,
    calibrated_quality,
    class_rate_intervals,
    estimate_noise_rate,
    share_intervals,
)


def rows(overlap, n_rows=600, n_classes=4, seed=0):
    """Draw labels from probabilities whose classes overlap so much; return both."""
    generator = np.random.RandomState(seed)
    logits = generator.randn(n_rows, n_classes) / overlap
    probabilities = softmax(logits, axis=1)
    y = np.array([generator.choice(n_classes, p=each) for each in probabilities])
    return probabilities, y


def confusions(probabilities, y):
    counts = np.zeros((probabilities.shape[1],) * 2)
    predicted = probabilities.argmax(axis=1)
    wrong = predicted != y
    np.add.at(counts, (predicted[wrong], y[wrong]), 1)
    return counts


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.4])
@pytest.mark.parametrize("overlap", [0.05, 0.2])
@pytest.mark.parametrize("seed", [0, 1])
def test_rate_of_symmetric_noise_is_found_where_classes_overlap_too(share, overlap, seed):
    probabilities, y = rows(overlap, seed=seed)
    if share:
        y, _ = flip_symmetric(y, share, random_state=seed)
    estimate = estimate_noise_rate(probabilities, y)
    assert abs(estimate.rate - share) < 0.07
    assert estimate.low <= share + 1e-9 <= estimate.high


def test_overlap_alone_is_no_error():
    probabilities, y = rows(0.3)
    contradicted = np.mean(probabilities.argmax(axis=1) != y)
    assert contradicted > 0.1
    assert estimate_noise_rate(probabilities, y).rate < contradicted / 3


def of_one_noisy_class(rate, n_rows=900, n_classes=3, seed=0):
    """Return what a model knows that has learnt the errors of class 0 as if they were overlap."""
    generator = np.random.RandomState(seed)
    true = np.arange(n_rows) % n_classes
    probabilities = np.full((n_rows, n_classes), 0.01)
    probabilities[np.arange(n_rows), true] = 0.98
    probabilities[true == 0] = [1 - rate, rate / 2, rate / 2]
    y = np.array([generator.choice(n_classes, p=each / each.sum()) for each in probabilities])
    return probabilities, y


@pytest.mark.parametrize("rate", [0.2, 0.45])
def test_errors_of_one_class_are_seen_in_the_pessimistic_view(rate):
    probabilities, y = of_one_noisy_class(rate)
    estimate = estimate_noise_rate(probabilities, y)
    # They are a third of the rows.
    assert abs(estimate.pessimistic - rate / 3) < 0.03
    assert estimate.rate <= estimate.pessimistic <= estimate.high


def test_overlap_of_which_some_rows_are_free_is_none_in_the_pessimistic_view_either():
    probabilities, y = rows(0.3)
    contradicted = np.mean(probabilities.argmax(axis=1) != y)
    assert estimate_noise_rate(probabilities, y).pessimistic < contradicted / 2


def test_probabilities_that_are_too_sure_do_not_make_overlap_an_error():
    probabilities, y = rows(0.3)
    too_sure = softmax(2 * np.log(probabilities), axis=1)
    assert estimate_noise_rate(too_sure, y).rate < 0.1


def test_confusions_tell_pair_noise_from_overlap():
    # A model that has learnt the noise says so: one row in ten is the next class.
    y_noisy, flipped = flip_pair(np.repeat(np.arange(5), 100), 0.1, random_state=0)
    y = np.repeat(np.arange(5), 100)
    probabilities = 0.9 * np.eye(5)[y] + 0.1 * np.eye(5)[(y + 1) % 5]
    blind = estimate_noise_rate(probabilities, y_noisy)
    seeing = estimate_noise_rate(
        probabilities, y_noisy, confusions=confusions(probabilities, y_noisy)
    )
    assert blind.rate < seeing.rate < 0.15


def test_rows_known_to_be_right_narrow_the_interval():
    probabilities, y = rows(0.4)
    y_noisy, _ = flip_symmetric(y, 0.1, random_state=0)
    right = np.arange(len(y)) < 300
    y_noisy[right] = y[right]
    without = estimate_noise_rate(probabilities[~right], y_noisy[~right])
    with_them = estimate_noise_rate(probabilities, y_noisy, known_right=right)
    assert with_them.high - with_them.low < 0.75 * (without.high - without.low)
    assert with_them.low < 0.1 < with_them.high


def test_the_interval_reaches_up_to_all_that_is_contradicted():
    probabilities, y = rows(0.3)
    contradicted = np.mean(probabilities.argmax(axis=1) != y)
    assert estimate_noise_rate(probabilities, y).high > contradicted


def test_more_rows_than_are_looked_at_give_nearly_the_same():
    probabilities, y = rows(0.2, n_rows=3 * MAX_ROWS)
    y_noisy, _ = flip_symmetric(y, 0.2, random_state=0)
    assert abs(estimate_noise_rate(probabilities, y_noisy).rate - 0.2) < 0.03


def test_a_class_that_is_never_seen_is_no_obstacle():
    probabilities, y = rows(0.2)
    probabilities = np.hstack([probabilities, np.zeros((len(y), 1))])
    estimate = estimate_noise_rate(probabilities, y, confusions=np.zeros((5, 5)))
    assert np.isfinite(estimate).all()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 0.99, 1.0])
def test_calibrated_quality_has_the_rate_in_the_mean(rate):
    scores = np.random.RandomState(0).beta(3, 1, 500)
    quality = calibrated_quality(scores, calibrate_to_rate(scores, rate))
    assert_allclose(1 - quality.mean(), np.clip(rate, 1e-3, 1 - 1e-3), atol=1e-6)


def test_calibrated_quality_keeps_the_order():
    scores = np.sort(np.random.RandomState(0).rand(200))
    quality = calibrated_quality(scores, calibrate_to_rate(scores, 0.2))
    assert (np.diff(quality) > 0).all()


@pytest.mark.parametrize("scores", [[0.0, 1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.5]])
def test_scores_at_the_ends_of_the_scale_are_no_obstacle(scores):
    quality = calibrated_quality(scores, calibrate_to_rate(scores, 0.1))
    assert ((quality >= 0) & (quality <= 1)).all()


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_intervals_of_shares_hold_as_often_as_they_say(share):
    counts = np.random.RandomState(0).binomial(80, share, size=4000)
    low, high = share_intervals(counts, np.full(4000, 80)).T
    assert 0.87 < np.mean((low <= share) & (share <= high)) < 0.96


def test_intervals_of_shares_reach_zero_and_one_where_nothing_speaks_against_it():
    intervals = share_intervals([0, 0.3, 10], [10, 10, 10])
    assert_allclose(intervals[:, 0][:2], 0)
    assert intervals[2, 1] == 1


@pytest.mark.parametrize("noise", ["of all classes", "of one class"])
def test_intervals_of_classes_hold_the_truth_and_are_wide_for_few_rows(noise):
    generator = np.random.RandomState(0)
    codes = np.repeat([0, 1, 2], [400, 400, 30])
    share = 0.2 if noise == "of all classes" else np.where(codes == 1, 0.4, 0.05)
    wrong = generator.uniform(size=len(codes)) < share
    # A score that tells much, but not all.
    scores = np.clip(np.where(wrong, 0.25, 0.75) + 0.15 * generator.randn(len(codes)), 0.01, 0.99)
    rate = wrong.mean()
    errors = tuple(
        1 - calibrated_quality(scores, calibrate_to_rate(scores, each))
        for each in (0.7 * rate, 1.3 * rate)
    )
    low, high = class_rate_intervals(errors, codes, np.zeros(len(codes), dtype=bool)).T
    in_truth = np.bincount(codes, wrong) / np.bincount(codes)
    assert ((low <= in_truth) & (in_truth <= high)).all()
    assert high[2] - low[2] > high[0] - low[0]


def test_rows_known_leave_no_doubt_of_their_class():
    codes, known = np.repeat([0, 1], 50), np.repeat([True, False], 50)
    wrong = np.arange(100) % 50 < 10
    errors = np.where(known, wrong, 0.1)
    intervals = class_rate_intervals((errors, errors), codes, known)
    assert_allclose(intervals[0], 0.2)
    assert intervals[1, 0] < 0.1 < intervals[1, 1]
