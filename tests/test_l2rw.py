import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from reweighting import accuracy, digits_and_trusted, losses_at, make_run, report

from sknoisy import NoisyLabelDetector
from sknoisy.methods import L2RW
from sknoisy.methods._l2rw import ReweightingStep, normalized_weights
from sknoisy.noise import flip_pair


@pytest.fixture
def run():
    return make_run()


@pytest.fixture(scope="module")
def digits():
    return digits_and_trusted()


def test_weights_are_positive_derivatives_of_sum_one():
    assert_allclose(normalized_weights(torch.tensor([3.0, -1.0, 1.0])), [0.75, 0, 0.25])


def test_no_row_that_helps_means_no_weight():
    assert_allclose(normalized_weights(torch.tensor([-3.0, -1.0])), [0, 0])


def test_weights_are_those_of_differentiation_through_the_step(run):
    """Equation by equation: weights start at zero, and their gradient is taken there."""
    values = run.parameter_values()
    leaves = {name: value.requires_grad_() for name, value in values.items()}
    weights = torch.zeros(12, dtype=torch.double, requires_grad=True)
    loss = (weights * losses_at(run, leaves, np.arange(12))).sum()
    slopes = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
    moved = {n: v - g for (n, v), g in zip(leaves.items(), slopes, strict=True)}
    trusted_loss = losses_at(run, moved, np.arange(12, 20)).mean()
    expected = normalized_weights(-torch.autograd.grad(trusted_loss, weights)[0])
    steps = ReweightingStep(run, np.arange(12, 20), L2RW(gradient="forward"))
    (batch,) = run.batches(np.arange(12))
    _, found, _ = steps.losses(batch)
    assert_allclose(found, expected, atol=1e-9)
    assert expected.max() > 0.1


@pytest.mark.slow
def test_wrong_labels_get_little_weight(digits):
    assert report(digits, "l2rw", flip_pair)["auc"] > 0.95


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    assert accuracy(digits, "l2rw") > accuracy(digits, "cross_entropy")


@pytest.mark.parametrize(
    "method, message",
    [
        (L2RW(gradient="last_layer"), "'gradient' parameter of L2RW"),
        (L2RW(trusted_batch_size=0), "'trusted_batch_size'"),
        (L2RW(self_trusted=2.0), "'self_trusted'"),
    ],
)
def test_parameter_out_of_range_is_named(digits, method, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(method).fit(*digits[:2], trusted=digits[2])
