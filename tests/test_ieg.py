import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from reweighting import LR, accuracy, digits_and_trusted, make_run, report
from small_data import SHORT, easy_table, plain_skorch_net
from torch.func import functional_call
from torch.nn.functional import kl_div, one_hot

from sknoisy import NoisyLabelDetector
from sknoisy.methods import IEG
from sknoisy.methods._ieg import EffectiveSupervisionStep, disagreement
from sknoisy.methods._l2rw import normalized_weights
from sknoisy.noise import flip_pair

N_ROWS, N_TRUSTED = 12, 8


@pytest.fixture(scope="module")
def digits():
    return digits_and_trusted()


def supervised(**parameters):
    """Return a run, its batch, its trusted batch, and what the step finds of them."""
    run = make_run()
    method = IEG(**{"gradient": "forward", **parameters})
    trusted = np.arange(N_ROWS, N_ROWS + N_TRUSTED)
    step = EffectiveSupervisionStep(run, trusted, method, np.random.RandomState(0))
    (batch,), (of_trusted,) = run.batches(np.arange(N_ROWS)), run.batches(trusted)
    return run, batch, of_trusted, step.supervise(batch, of_trusted)


def log_probabilities(run, values, X):
    return functional_call(run.module, values, (X,)).log_softmax(dim=1)


@pytest.mark.parametrize("label_share", [0.9, 0.4])
def test_weights_and_choices_are_those_of_differentiation_through_the_step(label_share):
    """Weights start at one over the rows, the share of the label at the given one."""
    run, batch, trusted, found = supervised(label_share=label_share)
    leaves = {name: value.requires_grad_() for name, value in run.parameter_values().items()}
    weights = torch.full((N_ROWS,), 1 / N_ROWS, dtype=torch.double, requires_grad=True)
    shares = torch.full((N_ROWS,), label_share, dtype=torch.double, requires_grad=True)
    given = one_hot(batch.y, 3).double()
    targets = shares[:, None] * given + (1 - shares[:, None]) * found.guesses
    losses = -(targets * log_probabilities(run, leaves, batch.X)).sum(dim=1)
    slopes = torch.autograd.grad((weights * losses).sum(), list(leaves.values()), create_graph=True)
    ahead = {n: v - LR * g for (n, v), g in zip(leaves.items(), slopes, strict=True)}
    right = one_hot(trusted.y, 3).double()
    trusted_loss = -(right * log_probabilities(run, ahead, trusted.X)).sum(dim=1).mean()
    by_weight, by_share = torch.autograd.grad(trusted_loss, [weights, shares])
    assert_allclose(found.weights, normalized_weights(-by_weight), atol=1e-9)
    assert_array_equal(found.is_label_better, by_share < 0)
    assert 0 < found.is_label_better.sum() < N_ROWS and found.weights.max() > 0.1


def test_finite_differences_find_the_same_weights():
    exact, near = (supervised(gradient=name)[3] for name in ("forward", "finite_difference"))
    assert_allclose(near.weights, exact.weights, atol=0.01)


def test_guess_is_the_sharpened_mean_of_two_views():
    _, _, _, found = supervised(temperature=0.5)
    mean = (found.logits.softmax(dim=1) + found.other_logits.softmax(dim=1)) / 2
    expected = mean**2 / (mean**2).sum(dim=1, keepdim=True)
    assert_allclose(found.guesses, expected.detach(), rtol=1e-9)


def test_disagreement_is_the_divergence_of_the_second_prediction():
    one, other = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    logs = one.log_softmax(dim=1), other.log_softmax(dim=1)
    expected = kl_div(logs[1], logs[0], reduction="none", log_target=True).sum(dim=1)
    assert_allclose(disagreement(one, other), expected, rtol=1e-5)
    assert_allclose(disagreement(one, one), np.zeros(5), atol=1e-6)


@pytest.mark.slow
def test_wrong_labels_are_found(digits):
    found = report(digits, "ieg", flip_pair)
    assert found["auc"] > 0.97 and found["f1"] > 0.8


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    assert accuracy(digits, "ieg") > accuracy(digits, "cross_entropy") + 0.1


def test_what_cannot_be_mixed_is_refused():
    X, y, _ = easy_table(40)
    named = {"left": X[:, :2], "right": X[:, 2:]}
    with pytest.raises(ValueError, match="IEG"):
        NoisyLabelDetector(IEG(), net=plain_skorch_net(), **SHORT).fit(
            named, y, trusted=np.arange(40) < 10
        )


@pytest.mark.parametrize(
    "parameter",
    [
        {"trusted_batch_size": 0},
        {"label_share": 1.5},
        {"temperature": 0},
        {"mixed_weight": -1},
        {"consistency": -1},
        {"alpha": 0},
        {"gradient": "last_layer"},
    ],
    ids=str,
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of IEG"):
        NoisyLabelDetector(IEG(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
