"""Rows that no training learns from."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknoisy.training import TrainingData, hold_out


def data_of(codes, trusted=None, groups=None):
    codes = np.asarray(codes)
    trusted = np.zeros(len(codes), dtype=bool) if trusted is None else trusted
    X = np.zeros((len(codes), 1), dtype=np.float32)
    return TrainingData(X, codes, int(codes.max()) + 1, trusted, groups=groups)


def test_held_out_rows_are_the_share_of_every_class():
    codes = np.repeat([0, 1, 2], [100, 50, 10])
    data = hold_out(data_of(codes), 0.1, np.random.RandomState(0))
    assert_array_equal(np.bincount(codes[data.held_out]), [10, 5, 1])
    assert_array_equal(np.sort(np.append(data.trained_rows(), data.held_out)), np.arange(160))


def test_trusted_rows_are_held_out_in_the_same_share():
    codes, trusted = np.tile([0, 1], 100), np.arange(200) < 40
    data = hold_out(data_of(codes, trusted), 0.1, np.random.RandomState(0))
    assert_array_equal(np.bincount(codes[data.held_out] + 2 * trusted[data.held_out]), [8, 8, 2, 2])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_no_class_loses_all_its_rows_or_all_its_trusted_ones(share):
    codes = np.repeat([0, 1, 2], [30, 2, 2])
    trusted = np.zeros(34, dtype=bool)
    trusted[[0, 1, 30, 32]] = True
    for seed in range(20):
        data = hold_out(data_of(codes, trusted), share, np.random.RandomState(seed))
        left = data.trained_rows()
        assert_array_equal(np.unique(codes[left]), [0, 1, 2])
        assert_array_equal(np.unique(codes[left][trusted[left]]), [0, 1, 2])


def test_rows_of_a_group_are_held_out_together():
    groups = np.repeat(np.arange(50), 4)
    data = data_of(np.tile([0, 1], 100), groups=groups)
    held_out = hold_out(data, 0.1, np.random.RandomState(0)).held_out
    assert len(held_out) == 20
    assert not np.intersect1d(groups[held_out], np.delete(groups, held_out)).size


def test_rows_are_drawn_from_every_one_of_few_groups():
    groups = np.arange(600) % 6
    data = data_of(np.repeat([0, 1], 300), groups=groups)
    held_out = hold_out(data, 0.1, np.random.RandomState(0)).held_out
    assert len(held_out) == 60
    assert len(np.unique(groups[held_out])) == 6


def test_nothing_is_held_out_for_a_share_of_zero():
    data = data_of(np.tile([0, 1], 10))
    assert not len(hold_out(data, 0.0, np.random.RandomState(0)).held_out)


def test_a_share_that_leaves_one_row_is_named():
    with pytest.raises(ValueError, match="'holdout'.*0.99, which leaves 1 of 20"):
        hold_out(data_of(np.tile([0, 1], 10)), 0.99, np.random.RandomState(0))
