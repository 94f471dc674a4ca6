"""L2RW and Meta-Weight-Net."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn
from torch.func import functional_call

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import TrustedRowsRequiredError
from sknoisy.methods import L2RW, MetaWeightNet
from sknoisy.methods._l2rw import ReweightedSteps, normalized_weights
from sknoisy.methods._meta_weight_net import MetaWeightedSteps
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import TrainingData, TrainingRun

LR = 0.3


class ToDouble(nn.Module):
    def forward(self, X):
        return X.double()


def small_net():
    layers = [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)]
    return nn.Sequential(ToDouble(), *layers).double()


@pytest.fixture
def run():
    """A run in double precision, 20 rows of which the last 8 are trusted."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)).astype(np.float32), rng.integers(0, 3, 20)
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        small_net(), criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, lr=LR
    )
    data = TrainingData(X, y, 3, np.arange(20) >= 12)
    run = TrainingRun(net, data, device=torch.device("cpu"), seed=0)
    run.module.train()
    return run


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X, y, np.random.default_rng(0).random(len(y)) < 0.1


def losses_at(run, values, rows):
    X = torch.from_numpy(run.data.X[rows])
    logits = functional_call(run.module, values, (X,))
    return nn.functional.cross_entropy(logits, torch.from_numpy(run.data.y[rows]), reduction="none")


def report(digits, method, flip, **settings):
    X, y, trusted = digits
    y_noisy = np.where(trusted, y, flip(y, 0.3, random_state=0)[0])
    model = NoisyLabelDetector(method, random_state=0, **settings)
    model.fit(X, y_noisy, trusted=trusted)
    flipped = (y_noisy != y)[~trusted]
    return noise_detection_report(
        flipped, model.noise_mask_[~trusted], model.label_quality_[~trusted]
    )


# -- L2RW ----------------------------------------------------------------------------------------


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
    seen = []
    run.shares = lambda rows, weights: seen.append(weights) or weights
    steps = ReweightedSteps(run, np.arange(12, 20), L2RW(gradient="forward"))
    (batch,) = run.batches(np.arange(12))
    steps.train_batch(batch)
    assert_allclose(seen[0], expected, atol=1e-9)
    assert expected.max() > 0.1


def test_wrong_labels_get_little_weight(digits):
    assert report(digits, "l2rw", flip_pair)["auc"] > 0.95


# -- Meta-Weight-Net -----------------------------------------------------------------------------


@pytest.fixture
def steps(run):
    steps = MetaWeightedSteps(run, np.arange(12, 20), MetaWeightNet(gradient="forward"), seed=0)
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


def test_weight_falls_with_the_loss(digits):
    X, y, trusted = digits
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    model = NoisyLabelDetector("meta_weight_net", random_state=0)
    model.fit(X, y_noisy, trusted=trusted)
    wrong = y_noisy != y
    assert model.sample_weights_[wrong].mean() < 0.7 * model.sample_weights_[~wrong].mean()


def test_contamination_finds_symmetric_noise(digits):
    found = report(digits, "meta_weight_net", flip_symmetric, contamination=0.3)
    assert found["auc"] > 0.95 and found["f1"] > 0.8


# -- both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [L2RW, MetaWeightNet])
def test_classifier_is_better_than_plain_training(digits, method):
    X, y, trusted = digits
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    train = np.arange(len(y)) % 3 > 0
    scores = [
        RobustClassifier(m, random_state=0)
        .fit(X[train], y_noisy[train], trusted=trusted[train])
        .score(X[~train], y[~train])
        for m in (method(), "cross_entropy")
    ]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("method", ["l2rw", "meta_weight_net"])
def test_missing_trusted_rows_are_told_with_the_methods_that_need_none(digits, method):
    with pytest.raises(TrustedRowsRequiredError, match="self_trusted.*'cores'.*'wrong_event'"):
        NoisyLabelDetector(method).fit(*digits[:2])


@pytest.mark.parametrize(
    "method, message",
    [
        (L2RW(gradient="last_layer"), "'gradient' parameter of L2RW"),
        (L2RW(trusted_batch_size=0), "'trusted_batch_size'"),
        (L2RW(self_trusted=2.0), "'self_trusted'"),
        (MetaWeightNet(n_units=0), "'n_units'"),
        (MetaWeightNet(weight_lr=0), "'weight_lr'"),
    ],
)
def test_parameter_out_of_range_is_named(digits, method, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(method).fit(*digits[:2], trusted=digits[2])
