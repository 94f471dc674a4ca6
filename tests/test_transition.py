import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy.methods import CrossEntropy
from sknoisy.noise import flip_classes
from sknoisy.transition import (
    check_transition_matrix,
    count_transitions,
    estimate_dual_t,
    estimate_from_anchors,
    estimate_from_trusted,
    invert_transition_matrix,
    make_dominant,
    make_invertible,
    revise_transition_matrix,
)

MATRIX = np.array([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])


def symmetric(noise, n_classes):
    matrix = np.full((n_classes, n_classes), noise / (n_classes - 1))
    np.fill_diagonal(matrix, 1 - noise)
    return matrix


def random_probabilities(n_rows, n_classes, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), n_rows)


# -- anchors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [100, 999, 1000, 2000])
def test_anchor_of_large_classes_is_the_best_row_below_the_97th_percentile(n_rows):
    probabilities = random_probabilities(n_rows, 3)
    expected = []
    for column in probabilities.T:
        limit = np.percentile(column, 97, method="higher")
        expected.append(probabilities[np.where(column >= limit, 0, column).argmax()])
    assert_allclose(estimate_from_anchors(probabilities), expected)


def test_matrix_is_read_off_where_the_probabilities_are_exact():
    true = np.arange(300) % 3
    assert_allclose(estimate_from_anchors(MATRIX[true]), MATRIX)


def test_anchor_of_a_rare_class_is_a_row_of_that_class():
    true = np.repeat([0, 1, 2], [500, 490, 10])
    assert_allclose(estimate_from_anchors(MATRIX[true]), MATRIX)


def test_outliers_are_no_anchors():
    probabilities = MATRIX[np.arange(300) % 3]
    probabilities[:9] = np.eye(3)[0]
    assert_allclose(estimate_from_anchors(probabilities), MATRIX)


def test_anchor_of_a_class_that_is_never_likeliest_is_its_best_row():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.6, 0.0, 0.4]])
    assert_allclose(estimate_from_anchors(probabilities)[2], [0.6, 0.0, 0.4])


def test_class_shares_of_your_own_say_how_many_rows_are_left_out():
    probabilities = np.stack([np.linspace(0, 1, 100), 1 - np.linspace(0, 1, 100)], axis=1)
    matrix = estimate_from_anchors(probabilities, np.array([0.05, 0.95]))
    assert_allclose(np.diag(matrix), [97 / 99, 96 / 99])


def test_anchor_rows_that_lack_probability_are_made_distributions():
    assert_allclose(estimate_from_anchors(np.array([[0.6, 0.2], [0.1, 0.1]]))[0], [0.75, 0.25])


@pytest.mark.parametrize("estimate", [estimate_from_anchors, lambda p: estimate_dual_t(p, [0] * 9)])
def test_estimates_leave_the_probabilities_as_they_are(estimate):
    probabilities = random_probabilities(9, 3)
    before = probabilities.copy()
    estimate(probabilities)
    assert_array_equal(probabilities, before)


# -- counts and trusted rows ---------------------------------------------------------------------


def test_counts_by_hand():
    matrix = count_transitions([0, 0, 0, 1, 1], [0, 0, 1, 1, 2], 3)
    assert_allclose(matrix[:2], [[2 / 3, 1 / 3, 0], [0, 0.5, 0.5]])


def test_class_without_rows_is_taken_as_it_is():
    assert_array_equal(count_transitions([0, 2], [1, 2], 3)[1], [0, 1, 0])
    assert_array_equal(estimate_from_trusted(np.full((1, 3), 1 / 3), [0])[1:], np.eye(3)[1:])


def test_counts_of_many_rows_are_the_matrix_that_made_the_noise():
    true = np.arange(60_000) % 3
    given, _ = flip_classes(true, MATRIX, random_state=0)
    assert_allclose(count_transitions(true, given, 3), MATRIX, atol=0.01)


def test_trusted_rows_count_with_their_probabilities_and_not_with_their_likeliest_class():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]])
    assert_allclose(estimate_from_trusted(probabilities, [0, 0, 1]), [[0.75, 0.25], [0.2, 0.8]])


# -- Dual-T --------------------------------------------------------------------------------------


def test_dual_t_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7]])
    counted = np.array([[0.5, 0.5], [0.0, 1.0]])
    expected = np.array([[0.8, 0.2], [0.1, 0.9]]) @ counted
    assert_allclose(estimate_dual_t(probabilities, [0, 1, 1, 1]), expected)


def test_dual_t_is_right_where_a_net_is_too_sure_of_itself():
    true = np.arange(30_000) % 3
    given, _ = flip_classes(true, MATRIX, random_state=0)
    too_sure = np.eye(3)[true]
    assert np.abs(estimate_from_anchors(too_sure) - MATRIX).max() > 0.3
    assert_allclose(estimate_dual_t(too_sure, given), MATRIX, atol=0.02)


def test_rows_of_dual_t_sum_to_one_where_a_class_is_never_predicted():
    probabilities = np.array([[0.7, 0.1, 0.2], [0.2, 0.6, 0.2]])
    matrix = estimate_dual_t(probabilities, [0, 1])
    assert_allclose(matrix.sum(axis=1), 1)
    assert_allclose(matrix[0], [0.7, 0.1, 0.2])


# -- inverses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("matrix", [MATRIX, symmetric(0.8, 10), symmetric(0.4, 2), np.eye(4)])
def test_inverse_of_a_well_conditioned_matrix_is_exact(matrix):
    assert_allclose(invert_transition_matrix(matrix) @ matrix, np.eye(len(matrix)), atol=1e-12)
    assert make_invertible(matrix)[1] == 0


@pytest.mark.parametrize("limit", [2, 20, 1000])
def test_inverse_of_a_singular_matrix_is_bounded(limit):
    inverse = invert_transition_matrix(np.full((5, 5), 0.2), max_condition=limit)
    assert np.abs(inverse).sum(axis=1).max() <= limit * 1.001
    assert_allclose(inverse.sum(axis=1), 1)


def test_share_of_the_identity_is_the_smallest_that_suffices():
    mixed, share = make_invertible(symmetric(0.5, 2), max_condition=4)
    assert share == 0.25
    assert_allclose(mixed, [[0.625, 0.375], [0.375, 0.625]])


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.3, 0.4, 0.45])
def test_matrix_that_meets_the_limit_exactly_stays_as_it_is(noise):
    assert make_invertible(symmetric(noise, 2), max_condition=1 / (1 - 2 * noise))[1] == 0


def test_limit_of_one_leaves_the_identity_alone():
    mixed, share = make_invertible(MATRIX, max_condition=1)
    assert share == 1
    assert_array_equal(mixed, np.eye(3))


def test_exchanged_classes_are_exchanged_back():
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert_allclose(invert_transition_matrix(swap), swap)


# -- revision ------------------------------------------------------------------------------------


def test_revision_by_hand():
    revision = torch.tensor([[0.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.7, -0.2, 0.4]])
    revised = revise_transition_matrix(torch.tensor(MATRIX, dtype=torch.float32), revision)
    assert_allclose(revised, [MATRIX[0], [0, 0.5, 0.5], np.array([10, 1, 10]) / 21], rtol=1e-5)


def test_gradient_of_a_row_goes_to_the_revision_of_that_row():
    revision = torch.zeros((3, 3), dtype=torch.double, requires_grad=True)
    revise_transition_matrix(torch.from_numpy(MATRIX), revision)[0, 0].backward()
    assert_allclose(revision.grad[0], [0.3, -0.7, -0.7])
    assert_array_equal(revision.grad[1:], np.zeros((2, 3)))


# -- matrices of users ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "matrix, message",
    [
        (np.eye(2), r"have shape \(3, 3\).*Got shape \(2, 2\)"),
        (np.ones(3), r"Got shape \(3,\)"),
        ("pairs", "array of numbers. Got 'pairs'"),
        ([[1, 0], [1]], "array of numbers"),
        (np.full((3, 3), np.nan), "finite and not negative. Got nan in row 0, column 0"),
        (np.eye(3) - np.eye(3)[[1, 0, 2]] / 4, "Got -0.25 in row 0, column 1"),
        (np.diag([1, 1, 0.9]), "sum to one.*Got a sum of 0.9 in row 2"),
        (MATRIX.T, "sum to one"),
    ],
)
def test_error_of_a_users_matrix_names_the_parameter_and_what_is_wrong(matrix, message):
    with pytest.raises(ValueError, match=f"'matrix' parameter of CrossEntropy.*{message}"):
        check_transition_matrix(matrix, 3, CrossEntropy(), name="matrix")


def test_users_matrix_is_copied_and_rounding_is_taken_off():
    given = MATRIX + np.array([3e-5, 0, 0])
    before = given.copy()
    checked = check_transition_matrix(given, 3, CrossEntropy())
    checked_sums = checked.sum(axis=1)
    checked[:] = 0
    assert_array_equal(given, before)
    assert_allclose(checked_sums, 1, rtol=1e-15)


# -- dominance -----------------------------------------------------------------------------------


def test_matrix_whose_right_labels_lead_stays():
    matrix = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [0.25, 0.25, 0.5]])
    assert_allclose(make_dominant(matrix, lead=0.2), matrix)


@pytest.mark.parametrize("lead", [0.0, 0.1, 0.5])
def test_right_label_leads_by_no_more_than_is_asked_for(lead):
    matrix = np.array([[0.2, 0.7, 0.1], [0.0, 1.0, 0.0], [0.4, 0.3, 0.3]])
    dominant = make_dominant(matrix, lead=lead)
    assert_allclose(dominant.sum(axis=1), 1)
    leads = dominant.diagonal() - [dominant[0, 1], 0, dominant[2, 0]]
    assert_allclose(leads, [lead, 1, lead])


def test_labels_of_a_class_keep_their_proportions():
    dominant = make_dominant(np.array([[0.1, 0.6, 0.3], [0, 1, 0], [0, 0, 1]]))
    assert_allclose(dominant[0, 1] / dominant[0, 2], 2)
