"""One fit by several processes."""

import numpy as np
import pytest
import ranked_fits
from numpy.testing import assert_allclose, assert_array_equal
from ranked_fits import LIKE_ONE, N_KEPT, fit_with_checkpoints
from several_ranks import run_together

import sknoisy
from sknoisy.methods import METHODS
from sknoisy.training._ranks import part_of

pytestmark = pytest.mark.skipif(
    not ranked_fits.torch.distributed.is_available(), reason="This torch has no distributed."
)


@pytest.mark.parametrize("n_ranks", [2, 3, 8])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, 5, 16, 17, 31])
def test_each_row_of_a_batch_falls_to_one_process(n_rows, n_ranks):
    rows = np.arange(n_rows)
    parts = [rows[part_of(n_rows, rank, n_ranks)] for rank in range(n_ranks)]
    assert_array_equal(np.concatenate(parts), rows)
    assert n_rows == 1 or all(len(part) != 1 for part in parts)


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_wrong_events_are_those_that_one_process_counts_in_the_same_batches(n_ranks):
    alone = ranked_fits.both_stages()
    together = run_together(ranked_fits.both_stages, n_ranks=n_ranks)
    for stage, *others in zip(alone, *together, strict=True):
        counts, quality, weights = stage
        assert counts.max() > counts.min()
        for other in others:
            assert_array_equal(other[0], counts)
            assert_array_equal(other[1], quality)
            for value, weight in zip(other[2], weights, strict=True):
                assert_allclose(value, weight, atol=1e-5)


@pytest.mark.parametrize("case", LIKE_ONE)
def test_a_fit_of_two_processes_is_that_of_one_up_to_rounding(case, tmp_path):
    np.save(tmp_path / "X.npy", ranked_fits.table()[0])
    alone = ranked_fits.fit_case(case, tmp_path)
    first, second = run_together(ranked_fits.fit_case, case, tmp_path)
    for one, other, expected in zip(first, second, alone, strict=True):
        if expected is not None:
            assert_array_equal(one, other)
            assert_allclose(one, expected, atol=1e-3)


def test_all_processes_end_with_the_same_and_find_what_one_finds():
    (first, accuracy), (second, _) = run_together(ranked_fits.fit_default)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert accuracy > ranked_fits.fit_default()[1] - 0.05


def test_weights_and_statistics_are_the_same_everywhere_and_random_views_are_not():
    (first, view), (second, other_view) = run_together(ranked_fits.weights_of_batch_norm)
    for name, value in first.items():
        assert_array_equal(second[name], value)
    assert (view != other_view).any()
    means = ranked_fits.table()[0].mean(axis=0)
    assert_allclose(first["standardize.running_mean"], means, atol=0.05)


def test_a_fit_outside_of_the_block_is_that_of_one_process():
    together, _ = run_together(ranked_fits.fit_alone)
    assert_array_equal(together, ranked_fits.fit_alone())


def test_a_block_without_a_group_changes_nothing():
    with sknoisy.distributed() as ranks:
        assert_array_equal(ranked_fits.fit_alone(), ranked_fits.fit_alone())
    assert (ranks.rank, ranks.n_ranks) == (0, 1)


def test_a_block_without_a_group_is_refused_under_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="init_process_group"), sknoisy.distributed():
        pass


def test_what_processes_cannot_do_together_is_refused_by_all():
    first, second = run_together(ranked_fits.refused)
    assert first == second
    able = [name for name, kind in METHODS.items() if kind.trains_distributed]
    assert able == ["cross_entropy", "lsw", "wrong_event"]
    assert "DivideMix" in first["method"]
    assert "'cross_entropy', 'lsw', 'wrong_event'" in first["method"]
    assert "'memory'" in first["memory"]
    assert "Got 3 and 2 processes" in first["batch"]
    assert "'last_layer'" in first["gradient"]
    assert "'y' differs between rank 0 and rank 1" in first["labels"]
    assert "Row 7 was seen 2 times in 1 epoch" in first["rows"]


def test_a_process_that_dies_ends_the_others_and_any_number_goes_on(tmp_path):
    dead, left = run_together(fit_with_checkpoints, tmp_path, 0)
    assert dead is None
    assert "DistributedFitError: Another process of this fit is gone" in left
    together = run_together(fit_with_checkpoints, tmp_path, n_ranks=3)
    expected, n_epochs = fit_with_checkpoints(tmp_path)
    for found, n_begun in together:
        assert n_begun == n_epochs - N_KEPT
        for one, other in zip(found, expected, strict=True):
            assert_allclose(one, other, atol=1e-5)


def test_one_process_goes_on_where_two_were_stopped(tmp_path):
    left, dead = run_together(fit_with_checkpoints, tmp_path, 1)
    assert dead is None
    assert "DistributedFitError" in left
    found, n_begun = fit_with_checkpoints(tmp_path)
    expected, n_epochs = fit_with_checkpoints(tmp_path)
    assert n_begun == n_epochs - N_KEPT
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, atol=1e-5)


def test_as_many_processes_go_on_as_if_nothing_had_happened(tmp_path):
    net = ranked_fits.noisy_net()
    run_together(fit_with_checkpoints, tmp_path, 0, net)
    resumed = run_together(fit_with_checkpoints, tmp_path, None, net)
    expected = run_together(fit_with_checkpoints, tmp_path, None, net)
    for (found, n_begun), (others, n_epochs) in zip(resumed, expected, strict=True):
        assert n_begun == n_epochs - N_KEPT
        assert all(np.array_equal(one, other) for one, other in zip(found, others, strict=True))


def test_each_process_computes_the_features_of_its_part_and_returns_all():
    alone, n_images = ranked_fits.features_of_parts()
    together = run_together(ranked_fits.features_of_parts)
    assert n_images == 1 + 7
    assert [n_seen for _, n_seen in together] == [1 + 4, 1 + 3]
    for features, _ in together:
        assert_allclose(features, alone, atol=1e-6)
