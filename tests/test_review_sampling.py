"""Samples, calibration, interval and threshold of a review: pure functions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy.review import (
    allocate,
    draw_stratified,
    fit_calibration,
    noise_rate_interval,
    poststratified_weights,
    quality_strata,
    reviewed_head,
    settle_review,
    simulate_noise_rates,
    threshold_of_best_f1,
)


@pytest.fixture
def scored():
    """Labels whose quality orders them well, but says twice too often that they are wrong."""
    generator = np.random.RandomState(0)
    quality = generator.beta(2, 1, 1500)
    is_wrong = generator.random_sample(1500) > 1 / (
        1 + np.exp(-(2 + 3 * np.log(quality / (1 - quality))))
    )
    return quality, is_wrong


# -- samples -----------------------------------------------------------------------------------


def test_strata_are_ordered_by_quality(scored):
    quality, _ = scored
    strata = quality_strata(quality)
    assert_array_equal(np.sort(strata), strata[np.argsort(quality, kind="stable")])
    assert set(strata) == set(range(8))


def test_strata_are_smaller_where_there_is_more_doubt():
    quality = np.concatenate([np.full(500, 0.5), np.full(500, 0.999)])
    sizes = np.bincount(quality_strata(quality, 4))
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("n", [1, 7, 40, 200, 1000])
def test_allocation_gives_out_all_rows_and_never_more_than_there_are(n):
    sizes = np.array([3, 0, 50, 400])
    drawn = allocate(n, sizes, np.array([0.5, 0.5, 0.2, 0.01]))
    assert drawn.sum() == min(n, 453)
    assert (drawn <= sizes).all()


def test_allocation_prefers_uncertain_strata_and_leaves_none_out():
    drawn = allocate(60, np.full(3, 100), np.array([0.5, 0.1, 0.0]))
    assert drawn[0] > drawn[2] >= 10


def test_equal_seeds_draw_equal_rows():
    strata, available = np.repeat(np.arange(4), 50), np.ones(200, dtype=bool)
    rates = np.array([0.9, 0.5, 0.1, 0.0])
    first, again, other = (
        draw_stratified(30, strata, rates, available, np.random.RandomState(seed))
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert set(first) != set(other)


def test_rows_that_are_not_available_are_not_drawn():
    available = np.arange(100) % 2 == 0
    rows = draw_stratified(
        500, np.repeat([0, 1], 50), np.array([0.5, 0.1]), available, np.random.RandomState(0)
    )
    assert_array_equal(np.sort(rows), np.flatnonzero(available))


def test_first_rows_of_a_draw_are_of_all_strata():
    strata = np.repeat(np.arange(4), 100)
    rows = draw_stratified(
        100, strata, np.full(4, 0.2), np.ones(400, dtype=bool), np.random.RandomState(0)
    )
    assert set(strata[rows[:25]]) == {0, 1, 2, 3}


def test_head_ends_where_nobody_has_looked():
    order, asked = np.arange(100)[::-1], np.zeros(100, dtype=bool)
    asked[90:] = asked[[10, 50]] = True
    assert_array_equal(np.flatnonzero(reviewed_head(order, asked)), np.arange(90, 100))


def test_head_forgives_a_few_rows_that_were_left_out():
    asked = np.arange(40) < 30
    asked[[12, 20]] = False
    assert reviewed_head(np.arange(40), asked).sum() == 30


def test_weights_of_reviewed_rows_sum_to_the_rows_of_their_strata():
    strata, reviewed = np.repeat([0, 1, 2], [10, 30, 60]), np.arange(100) % 9 == 0
    weights = poststratified_weights(strata, reviewed)
    assert_allclose(np.bincount(strata, weights=weights), [10, 30, 60])
    assert not weights[~reviewed].any()


# -- calibration -------------------------------------------------------------------------------


def test_calibration_finds_the_curve_that_answers_follow(scored):
    quality, is_wrong = scored
    calibration = fit_calibration(quality, ~is_wrong, np.ones(len(quality)))
    assert 2.4 < calibration.slope < 3.4
    assert 1.5 < calibration.intercept < 2.5


def test_without_answers_the_calibration_is_the_identity():
    calibration = fit_calibration(np.empty(0), np.empty(0, dtype=bool), np.empty(0))
    quality = np.linspace(0.05, 0.95, 7)
    assert_allclose(calibration(quality), quality, atol=0.002)


@pytest.mark.parametrize("is_right", [True, False])
def test_one_answer_leaves_a_calibration_in_doubt(is_right):
    calibration = fit_calibration(np.array([0.6]), np.array([is_right]), np.ones(1))
    (probability,) = calibration(np.array([0.6]))
    assert 0.2 < probability < 0.9
    assert (probability > 0.6) == is_right


def test_calibration_rises_even_where_answers_fall():
    quality = np.linspace(0.1, 0.9, 60)
    calibrated = fit_calibration(quality, quality < 0.5, np.ones(60))(np.linspace(0, 1, 30))
    assert (np.diff(calibrated) > 0).all()
    assert 0 < calibrated[0] < calibrated[-1] < 1


def test_fewer_answers_leave_the_calibration_more_uncertain(scored):
    quality, is_wrong = scored
    few, many = (
        fit_calibration(quality[:n], ~is_wrong[:n], np.ones(n)).covariance for n in (20, 500)
    )
    assert (np.diag(few) > 2 * np.diag(many)).all()


# -- interval ----------------------------------------------------------------------------------


def test_a_fully_reviewed_stratum_adds_no_doubt():
    strata, reviewed = np.zeros(50, dtype=int), np.ones(50, dtype=bool)
    rates = simulate_noise_rates(
        strata, reviewed, np.arange(50) < 5, np.full((100, 1), 0.5), np.random.RandomState(0)
    )
    assert_array_equal(rates, 0.1)


def test_a_small_sample_without_wrong_labels_leaves_room_for_some():
    strata, reviewed = np.zeros(1000, dtype=int), np.arange(1000) < 10
    low, high = noise_rate_interval(
        strata, reviewed, np.zeros(1000, bool), np.full((2000, 1), 0.05), np.random.RandomState(0)
    )
    assert low == 0
    assert high > 0.02


def test_known_wrong_labels_bound_the_interval_from_below():
    strata, reviewed = np.zeros(200, dtype=int), np.arange(200) < 50
    is_wrong = np.arange(200) < 30
    rates = simulate_noise_rates(
        strata, reviewed, is_wrong, np.full((500, 1), 0.1), np.random.RandomState(0)
    )
    assert rates.min() >= 30 / 200


@pytest.mark.slow
@pytest.mark.parametrize("noise_rate", [0.02, 0.1, 0.3])
def test_interval_covers_the_truth_as_often_as_it_says(noise_rate):
    covered, n_draws = 0, 40
    for seed in range(n_draws):
        generator = np.random.RandomState(seed)
        is_wrong = generator.random_sample(1000) < noise_rate
        quality = np.clip(0.75 - 0.5 * is_wrong + 0.2 * generator.randn(1000), 0, 1)
        strata = quality_strata(quality)
        rates = np.array([np.mean(1 - quality[strata == each]) for each in range(8)])
        rows = draw_stratified(100, strata, rates, np.ones(1000, dtype=bool), generator)
        reviewed = np.isin(np.arange(1000), rows)
        settled = settle_review(quality, np.argsort(quality), reviewed, is_wrong)
        low, high = settled.noise_rate_interval
        covered += low <= is_wrong.mean() <= high
        assert high - low < 0.12
    assert covered >= 0.85 * n_draws


# -- threshold ---------------------------------------------------------------------------------


def test_threshold_is_that_of_the_best_expected_f1(scored):
    quality, _ = scored
    wrong = 1 - quality
    expected = [
        2 * wrong[quality < each].sum() / ((quality < each).sum() + wrong.sum())
        for each in np.linspace(0.01, 0.99, 99)
    ]
    threshold = threshold_of_best_f1(quality)
    found = 2 * wrong[quality < threshold].sum() / ((quality < threshold).sum() + wrong.sum())
    assert found >= max(expected) - 1e-12


def test_labels_that_are_likely_right_are_not_flagged_for_lack_of_others():
    assert threshold_of_best_f1(np.full(100, 0.99)) == 0.8


# -- all together ------------------------------------------------------------------------------


def test_review_of_the_head_alone_says_little_about_the_rest(scored):
    quality, is_wrong = scored
    order = np.argsort(quality)
    head, spread = np.zeros((2, len(quality)), dtype=bool)
    head[order[:100]] = True
    spread[np.random.RandomState(0).permutation(len(quality))[:100]] = True
    of_head, of_sample = (
        settle_review(quality, order, reviewed, is_wrong) for reviewed in (head, spread)
    )
    assert np.ptp(of_head.noise_rate_interval) > 2 * np.ptp(of_sample.noise_rate_interval)
    assert of_head.n_sampled == 0
    assert of_sample.n_sampled > 90


def test_rows_of_the_head_do_not_raise_the_estimate(scored):
    quality, is_wrong = scored
    order = np.argsort(quality)
    reviewed = np.zeros(len(quality), dtype=bool)
    reviewed[order[:150]] = True
    reviewed[np.random.RandomState(0).permutation(len(quality))[:150]] = True
    settled = settle_review(quality, order, reviewed, is_wrong)
    assert is_wrong[reviewed].mean() > is_wrong.mean() + 0.1
    assert abs(settled.noise_rate - is_wrong.mean()) < 0.05


def test_what_is_found_in_the_head_is_not_expected_of_its_stratum():
    order = np.arange(800)
    is_wrong, reviewed = order < 40, (order < 40) | (order % 10 == 0)
    settled = settle_review(0.5 + order / 1e5, order, reviewed, is_wrong)
    assert 0.05 <= settled.noise_rate < 0.07


def test_what_is_not_reviewed_is_not_looked_at(scored):
    quality, is_wrong = scored
    reviewed = np.arange(len(quality)) % 10 == 0
    order = np.argsort(quality)
    first = settle_review(quality, order, reviewed, is_wrong)
    again = settle_review(quality, order, reviewed, is_wrong & reviewed)
    assert first.noise_rate == again.noise_rate
    assert first.calibration.slope == again.calibration.slope
