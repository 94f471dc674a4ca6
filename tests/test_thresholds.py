import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy.thresholds import (
    contamination_threshold,
    estimate_transition_matrix,
    judge_labels,
)


@pytest.mark.parametrize(
    "contamination, n_flagged", [(0.1, 10), (0.25, 25), (0.99, 99), (0.999, 100)]
)
def test_contamination_threshold_flags_that_share(contamination, n_flagged):
    quality = np.random.default_rng(0).random(100)
    threshold = contamination_threshold(quality, contamination)
    assert (quality < threshold).sum() == n_flagged


def test_contamination_counts_only_the_judged_rows():
    quality = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    judged = np.array([False, True, True, True, True])
    assert contamination_threshold(quality, 0.5, judged=judged) == 0.3


def test_rows_below_the_threshold_are_judged_wrong():
    mask = judge_labels(np.array([0.2, 0.5, 0.8]), 0.5, codes=np.array([0, 0, 0]))
    assert_array_equal(mask, [True, False, False])


def test_trusted_rows_are_never_judged_wrong():
    quality, codes = np.array([0.0, 0.0, 0.9]), np.array([0, 0, 0])
    mask = judge_labels(quality, 0.5, codes=codes, trusted=np.array([True, False, False]))
    assert_array_equal(mask, [False, True, False])


def test_every_class_keeps_its_best_row():
    quality = np.array([0.1, 0.2, 0.0, 0.9, 0.3])
    mask = judge_labels(quality, 0.5, codes=np.array([0, 0, 0, 1, 2]))
    assert_array_equal(mask, [True, False, True, False, False])


def test_transition_matrix_of_known_flips():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 6000)
    flipped = rng.random(6000) < 0.3
    given = np.where(flipped, (truth + 1) % 3, truth)
    alternatives = np.where(flipped, truth, (given + 1) % 3)
    matrix = estimate_transition_matrix(given, alternatives, 1.0 - flipped, 3)
    expected = 0.7 * np.eye(3) + 0.3 * np.roll(np.eye(3), 1, axis=1)
    assert_allclose(matrix, expected, atol=0.03)


def test_transition_matrix_rows_sum_to_one_even_for_a_class_nobody_has():
    codes, alternatives = np.array([0, 1, 1]), np.array([1, 0, 0])
    matrix = estimate_transition_matrix(codes, alternatives, np.array([1, 0.5, 1.0]), 3)
    assert_allclose(matrix.sum(axis=1), 1)
    assert_array_equal(matrix[2], [0, 0, 1])
