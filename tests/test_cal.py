import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import CAL
from sknoisy.methods._cal import regularized_losses
from sknoisy.methods._cores import bounded_logs
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_instance_dependent, flip_symmetric

N_ROWS, N_CLASSES = 40, 3


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def mean_loss_with_covariance(logits, given, labels, prior, size):
    """The published form, with one covariance per pair of classes."""
    every = -bounded_logs(logits)
    given_codes = torch.eye(N_CLASSES, dtype=logits.dtype)[given]
    loss = every.gather(1, given[:, None]).mean() - size * (every @ prior).mean()
    for label in range(N_CLASSES):
        rows = labels == label
        for code in range(N_CLASSES):
            is_given = given_codes[rows, code]
            centered = every[rows, code] - every[rows, code].mean().detach()
            covariance = ((is_given - is_given.mean()) * centered).mean()
            loss = loss - rows.double().mean() * covariance
    return loss


def test_gradient_equals_that_of_the_loss_with_every_covariance():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N_ROWS, N_CLASSES, generator=generator, dtype=torch.float64)
    given = torch.randint(N_CLASSES, (N_ROWS,), generator=generator)
    labels = torch.randint(N_CLASSES, (N_ROWS,), generator=generator)
    prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    counts = torch.zeros(N_CLASSES, N_CLASSES, dtype=torch.float64)
    counts.index_put_((labels, given), torch.ones(N_ROWS, dtype=torch.float64), accumulate=True)
    targets = (counts / counts.sum(dim=1, keepdim=True))[labels]
    logits.requires_grad_()
    reduced = regularized_losses(logits, targets, prior, 0.7).mean()
    published = mean_loss_with_covariance(logits, given, labels, prior, 0.7)
    assert_allclose(
        torch.autograd.grad(reduced, logits)[0],
        torch.autograd.grad(published, logits)[0],
        atol=1e-12,
    )


def test_first_training_learns_the_given_label_less_the_prior():
    logits, prior = torch.log(torch.tensor([[0.7, 0.2, 0.1]])), torch.tensor([0.5, 0.25, 0.25])
    losses = regularized_losses(logits, torch.eye(3)[[1]], prior, 2.0)
    every = -np.log([0.7, 0.2, 0.1])
    assert_allclose(losses, [every[1] - 2 * (every @ prior.numpy())], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [flip_symmetric, "instance"], ids=["symmetric", "instance"])
def test_classifier_is_better_than_plain_training(digits, flip):
    X, y = digits
    if flip == "instance":
        y_noisy, _ = flip_instance_dependent(X, y, 0.4, random_state=0)
    else:
        y_noisy, _ = flip(y, 0.4, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    cal, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("cal", "cross_entropy")
    )
    assert cal.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.05


@pytest.mark.slow
def test_labels_replaced_by_the_first_training_are_judged_wrong(digits):
    X, y = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector("cal", random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.8 and report["auc"] > 0.9
    learnt = np.setdiff1d(np.arange(len(y)), detector.evidence_.held_out_rows)
    assert_array_equal(detector.sample_weights_[learnt] == 0, detector.noise_mask_[learnt])


@pytest.mark.slow
def test_transition_matrix_is_that_of_the_replaced_labels(digits):
    X, y = digits
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=0)
    matrix = NoisyLabelDetector("cal", random_state=0).fit(X, y_noisy).transition_matrix_
    assert_allclose(matrix.sum(axis=1), 1)
    assert_allclose(np.diag(matrix), 0.7, atol=0.12)


@pytest.mark.parametrize("parameters", [{"beta": -1}, {"first_share": 0}, {"keep_below": "x"}])
def test_parameter_out_of_range_is_named(digits, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of CAL"):
        NoisyLabelDetector(CAL(**parameters)).fit(*digits)
