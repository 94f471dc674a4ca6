import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn.functional import cross_entropy

from sknoisy.losses import (
    backward_corrected,
    co_refine,
    draw_mixing_share,
    forward_corrected,
    gold_corrected,
    importance_reweighted,
    importance_weights,
    linear_ramp_up,
    mix_up,
    posterior_of_given,
    prior_penalty,
    semi_supervised_loss,
    sharpen,
    soft_cross_entropy,
    squared_probability_error,
)
from sknoisy.transition import invert_transition_matrix

MATRIX = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]], dtype=torch.double)
INVERSE = torch.from_numpy(invert_transition_matrix(MATRIX.numpy()))
EVERY_CLASS = torch.arange(3)


def random_logits(n_rows=3, n_classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_rows, n_classes, generator=generator, dtype=torch.double)


def plain(logits, y):
    return cross_entropy(logits, y, reduction="none")


# -- forward -------------------------------------------------------------------------------------


def test_forward_loss_is_that_of_the_prediction_times_the_matrix():
    logits = random_logits()
    expected = -torch.log((logits.softmax(dim=1) @ MATRIX)[EVERY_CLASS, EVERY_CLASS])
    assert_allclose(forward_corrected(logits, EVERY_CLASS, MATRIX), expected)


def test_forward_losses_of_all_given_labels_are_a_distribution():
    logits = random_logits()[:1].repeat(3, 1)
    assert_allclose(torch.exp(-forward_corrected(logits, EVERY_CLASS, MATRIX)).sum(), 1)


def test_forward_loss_without_noise_is_plain_even_for_huge_logits():
    logits = torch.tensor([[200.0, 150.0, 0.0], [0.0, 60.0, 0.0]], requires_grad=True)
    y = torch.tensor([1, 2])
    losses = forward_corrected(logits, y, torch.eye(3))
    assert_allclose(losses.detach(), plain(logits, y).detach(), rtol=1e-6)


@pytest.mark.parametrize("matrix", [MATRIX.float(), torch.eye(3), torch.tensor([[1.0, 0, 0]] * 3)])
def test_forward_loss_and_gradients_are_finite_where_the_matrix_has_zeros(matrix):
    logits = torch.tensor([[1e4, 0, -1e4], [-1e4, 1e4, 0], [0, 0, -1e4]], requires_grad=True)
    matrix = matrix.clone().requires_grad_()
    losses = forward_corrected(logits, EVERY_CLASS, matrix)
    losses.sum().backward()
    assert losses.isfinite().all() and logits.grad.isfinite().all() and matrix.grad.isfinite().all()


def test_forward_loss_is_smallest_at_the_true_class_shares():
    true_shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.double)
    logits = torch.zeros(3, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

    def step():
        optimizer.zero_grad()
        losses = forward_corrected(logits.expand(3, 3), EVERY_CLASS, MATRIX)
        loss = (losses * (true_shares @ MATRIX)).sum()
        loss.backward()
        return loss

    optimizer.step(step)
    assert_allclose(logits.detach().softmax(dim=0), true_shares, atol=1e-4)


# -- backward ------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [0, 1, 2])
def test_mean_of_the_backward_loss_over_the_given_label_is_the_loss_of_the_true_one(true):
    logits = random_logits()[:1].repeat(3, 1)
    losses = backward_corrected(logits, EVERY_CLASS, INVERSE)
    expected = plain(logits, torch.full((3,), true))[0]
    assert_allclose((MATRIX[true] * losses).sum(), expected, rtol=1e-6)


def test_backward_loss_without_noise_is_plain():
    logits = random_logits()
    identity = torch.eye(3, dtype=torch.double)
    losses = backward_corrected(logits, EVERY_CLASS, identity)
    assert_allclose(losses, plain(logits, EVERY_CLASS), rtol=1e-6)


def test_backward_loss_is_bounded_where_a_class_is_impossible():
    logits = torch.tensor([[1e4, 0, -1e4], [-1e4, 1e4, 0], [0, -1e4, 0]], requires_grad=True)
    losses = backward_corrected(logits, EVERY_CLASS, INVERSE.float())
    losses.sum().backward()
    assert losses.abs().max() <= 18.5 * INVERSE.abs().sum(dim=1).max()
    assert logits.grad.isfinite().all()


# -- trusted rows, importance --------------------------------------------------------------------


def test_trusted_rows_have_the_plain_loss_and_others_the_corrected_one():
    logits, trusted = random_logits(), torch.tensor([True, False, True])
    losses = gold_corrected(logits, EVERY_CLASS, MATRIX, trusted)
    assert_allclose(losses[trusted], plain(logits, EVERY_CLASS)[trusted])
    assert_allclose(losses[~trusted], forward_corrected(logits, EVERY_CLASS, MATRIX)[~trusted])


def test_importance_reweighted_loss_by_hand():
    logits = torch.log(torch.tensor([[0.7, 0.2, 0.1]], dtype=torch.double))
    losses = importance_reweighted(logits, torch.tensor([1]), MATRIX)
    assert_allclose(losses, [-0.2 / (0.7 * 0.2 + 0.2 * 0.9 + 0.1 * 0.1) * np.log(0.2)])


def test_mean_of_the_reweighted_loss_of_exact_probabilities_is_that_of_true_labels():
    logits = random_logits()[:1].repeat(3, 1)
    given_shares = logits.softmax(dim=1)[0] @ MATRIX
    losses = importance_reweighted(logits, EVERY_CLASS, MATRIX)
    expected = (logits.softmax(dim=1)[0] * plain(logits, EVERY_CLASS)).sum()
    assert_allclose((given_shares * losses).sum(), expected)


def test_gradient_goes_through_the_weights_only_if_they_are_not_constant():
    gradients = []
    for constant_weights in (True, False):
        logits, matrix = random_logits().requires_grad_(), MATRIX.clone().requires_grad_()
        losses = importance_reweighted(
            logits, EVERY_CLASS, matrix, constant_weights=constant_weights
        )
        losses.sum().backward()
        gradients.append((logits.grad, matrix.grad))
    logits = random_logits().requires_grad_()
    weights = importance_weights(logits, EVERY_CLASS, MATRIX[:, EVERY_CLASS].T).detach()
    (weights * plain(logits, EVERY_CLASS)).sum().backward()
    assert_allclose(gradients[0][0], logits.grad)
    assert gradients[0][1] is None
    assert (gradients[1][1].diagonal() < 0).all()
    assert not torch.allclose(gradients[1][0], logits.grad)


def test_posterior_of_the_given_label_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.double))
    posterior = posterior_of_given(logits, torch.tensor([1]), MATRIX[:, [1]].T)
    assert_allclose(posterior, [0.3 * 0.9 / (0.5 * 0.2 + 0.3 * 0.9 + 0.2 * 0.1)])


def test_posterior_of_a_label_that_no_class_gives_is_finite():
    nobody = torch.zeros((1, 3), dtype=torch.double)
    assert posterior_of_given(random_logits()[:1], torch.tensor([0]), nobody) == 0


# -- soft targets --------------------------------------------------------------------------------


def test_soft_cross_entropy_of_certain_targets_is_plain():
    logits = random_logits()
    targets = torch.eye(3, dtype=torch.double)
    assert_allclose(soft_cross_entropy(logits, targets), plain(logits, EVERY_CLASS))


def test_soft_cross_entropy_is_that_of_torch():
    logits, targets = random_logits(5), random_logits(5, seed=1).softmax(dim=1)
    expected = cross_entropy(logits, targets, reduction="none")
    assert_allclose(soft_cross_entropy(logits, targets), expected)


def test_squared_error_is_the_mean_over_the_classes():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]]))
    errors = squared_probability_error(logits, torch.tensor([[1.0, 0.0, 0.0]]))
    assert_allclose(errors, [(0.25 + 0.09 + 0.04) / 3], rtol=1e-6)


# -- targets and mixtures ------------------------------------------------------------------------


def test_sharpened_distribution_by_hand():
    sharp = sharpen(torch.tensor([[0.5, 0.3, 0.2, 0.0]]), 0.5)
    assert_allclose(sharp, np.array([[25, 9, 4, 0]]) / 38, rtol=1e-6)


def test_temperature_of_one_changes_nothing():
    probabilities = random_logits().softmax(dim=1)
    assert_allclose(sharpen(probabilities, 1.0), probabilities)


def test_sharpening_many_small_probabilities_gives_a_distribution():
    probabilities = torch.full((1, 1000), 1e-3)
    assert_allclose(sharpen(probabilities, 0.02), probabilities, rtol=1e-4)


def test_refined_target_lies_between_label_and_prediction():
    predicted = torch.tensor([[0.5, 0.3, 0.2]] * 3)
    targets = co_refine(torch.tensor([2, 2, 2]), predicted, torch.tensor([0.0, 0.5, 1.0]))
    assert_allclose(targets, [[0.5, 0.3, 0.2], [0.25, 0.15, 0.6], [0, 0, 1]], rtol=1e-6)


def test_posterior_of_double_precision_leaves_the_type_of_the_predictions():
    targets = co_refine(torch.tensor([0]), torch.full((1, 2), 0.5), torch.ones(1).double())
    assert targets.dtype == torch.float32


def test_rows_and_targets_are_mixed_alike():
    X, targets = torch.arange(12.0).reshape(3, 1, 2, 2), torch.eye(3)
    mixed, soft = mix_up(X, targets, 0.75, torch.tensor([1, 2, 0]))
    assert_allclose(mixed[0], 0.75 * X[0] + 0.25 * X[1])
    assert_allclose(soft, [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]])


def test_share_of_a_mixture_is_at_least_one_half_and_repeats_with_its_seed():
    draws = [
        [draw_mixing_share(0.5, random_state) for _ in range(50)]
        for random_state in (np.random.RandomState(0), np.random.RandomState(0))
    ]
    assert min(draws[0]) >= 0.5 and max(draws[0]) <= 1 and len(set(draws[0])) == 50
    assert draws[0] == draws[1]


# -- labelled and unlabelled rows ----------------------------------------------------------------


def test_semi_supervised_loss_is_the_sum_of_its_parts():
    logits, targets = random_logits(5), random_logits(5, seed=1).softmax(dim=1)
    labelled = torch.tensor([True, False, True, False, False])
    expected = (
        soft_cross_entropy(logits[labelled], targets[labelled]).mean()
        + 25 * ((logits.softmax(dim=1) - targets)[~labelled] ** 2).mean()
        + prior_penalty(logits)
    )
    assert_allclose(semi_supervised_loss(logits, targets, labelled, 25.0), expected)


@pytest.mark.parametrize("all_labelled", [False, True])
def test_part_without_rows_is_zero(all_labelled):
    logits, targets = random_logits().requires_grad_(), torch.eye(3, dtype=torch.double)
    labelled = torch.full((3,), all_labelled)
    loss = semi_supervised_loss(logits, targets, labelled, 2.0)
    losses = soft_cross_entropy if all_labelled else squared_probability_error
    expected = (1 if all_labelled else 2) * losses(logits, targets).mean() + prior_penalty(logits)
    assert_allclose(loss.detach(), expected.detach())
    loss.backward()
    assert logits.grad.isfinite().all()


def test_penalty_is_zero_where_the_mean_prediction_is_the_prior():
    probabilities = torch.tensor([[0.9, 0.1], [0.5, 0.5]], dtype=torch.double)
    prior = torch.tensor([0.7, 0.3], dtype=torch.double)
    assert_allclose(prior_penalty(probabilities.log(), prior), 0, atol=1e-12)
    assert prior_penalty(probabilities.log()) > 0.05


def test_penalty_is_finite_where_a_class_is_never_predicted_or_has_no_share():
    logits = torch.tensor([[1e4, 0.0], [1e4, 0.0]], requires_grad=True)
    penalty = prior_penalty(logits)
    penalty.backward()
    assert penalty.isfinite() and logits.grad.isfinite().all()
    assert_allclose(prior_penalty(logits.detach(), torch.tensor([1.0, 0.0])), 0)


def test_ramp_without_length_is_a_step():
    assert_array_equal([linear_ramp_up(epoch, 2, 0) for epoch in (0, 1, 2, 3)], [0, 0, 1, 1])
