import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from reweighting import LR, accuracy, digits_and_trusted, losses_at, make_run, report

from sknoisy import NoisyLabelDetector
from sknoisy.methods import MetaWeightNet
from sknoisy.methods._meta_weight_net import MetaWeightingStep
from sknoisy.noise import flip_symmetric


@pytest.fixture
def run():
    return make_run()


@pytest.fixture(scope="module")
def digits():
    return digits_and_trusted()


@pytest.fixture
def steps(run):
    steps = MetaWeightingStep(run, np.arange(12, 20), MetaWeightNet(gradient="forward"), seed=0)
    steps.weight_net.double()
    return steps


def test_gradient_of_the_weight_net_is_that_through_the_step_ahead(run, steps):
    net = steps.weight_net
    leaves = {name: value.requires_grad_() for name, value in run.parameter_values().items()}
    losses = losses_at(run, leaves, np.arange(12))
    loss = (net(losses.detach()) * losses).mean()
    slopes = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
    ahead = {n: v - LR * g for (n, v), g in zip(leaves.items(), slopes, strict=True)}
    trusted_loss = losses_at(run, ahead, np.arange(12, 20)).mean()
    expected = torch.autograd.grad(trusted_loss, list(net.parameters()))
    (batch,) = run.batches(np.arange(12))
    steps.train_batch(batch)
    for value, gradient in zip(net.parameters(), expected, strict=True):
        assert_allclose(value.grad, gradient, atol=1e-9)
    assert max(gradient.abs().max() for gradient in expected) > 1e-5


@pytest.mark.slow
def test_weight_falls_with_the_loss(digits):
    X, y, trusted = digits
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    model = NoisyLabelDetector("meta_weight_net", max_epochs=10, random_state=0)
    model.fit(X, y_noisy, trusted=trusted)
    wrong = y_noisy != y
    assert model.sample_weights_[wrong].mean() < 0.7 * model.sample_weights_[~wrong].mean()


@pytest.mark.slow
def test_contamination_finds_symmetric_noise(digits):
    found = report(digits, "meta_weight_net", flip_symmetric, contamination=0.3, max_epochs=10)
    assert found["auc"] > 0.95 and found["f1"] > 0.8


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    assert accuracy(digits, "meta_weight_net") > accuracy(digits, "cross_entropy")


@pytest.mark.parametrize(
    "method, message",
    [
        (MetaWeightNet(n_units=0), "'n_units'"),
        (MetaWeightNet(weight_lr=0), "'weight_lr'"),
    ],
)
def test_parameter_out_of_range_is_named(digits, method, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(method).fit(*digits[:2], trusted=digits[2])
