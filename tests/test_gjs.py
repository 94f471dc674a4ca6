import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import cross_entropy, one_hot

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.losses import generalised_jensen_shannon
from sknoisy.methods import GJS
from sknoisy.methods._gjs import JensenShannonStep
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData


@pytest.fixture(scope="module")
def logits():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(5, 3, generator=generator).double() for _ in range(2)]


Y = torch.tensor([0, 1, 2, 0, 1])


@pytest.mark.parametrize("n_views", [1, 2])
@pytest.mark.parametrize("label_weight", [0.1, 0.5, 0.9])
def test_loss_is_the_divergence_of_the_paper(logits, n_views, label_weight):
    p = [view.softmax(dim=1).numpy() for view in logits[:n_views]]
    each = (1 - label_weight) / n_views
    mixed = label_weight * one_hot(Y, 3).numpy() + each * sum(p)
    expected = entropy(mixed, axis=1) - each * sum(entropy(view, axis=1) for view in p)
    expected /= -(1 - label_weight) * np.log(1 - label_weight)
    found = generalised_jensen_shannon(logits[:n_views], Y, label_weight)
    assert_allclose(found, expected, rtol=1e-9)


def test_small_label_weight_gives_cross_entropy(logits):
    found = generalised_jensen_shannon(logits[:1], Y, 1e-6)
    assert_allclose(found, cross_entropy(logits[0], Y, reduction="none"), rtol=1e-3)


def test_large_label_weight_gives_the_absolute_error(logits):
    weight = 1 - 1e-9
    scale = -np.log(1 - weight) * (1 - weight)
    found = generalised_jensen_shannon(logits[:1], Y, weight) * scale / (1 - weight)
    errors = (one_hot(Y, 3) - logits[0].softmax(dim=1)).abs().sum(dim=1)
    # Half the absolute error, times the logarithm that the divisor takes out.
    assert_allclose(found / -np.log(1 - weight), errors / 2, rtol=0.1)


def test_loss_is_finite_where_the_net_is_sure_of_another_class():
    sure = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = generalised_jensen_shannon([sure, sure], torch.tensor([1]), 0.5)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(sure.grad).all()


def test_views_that_disagree_cost_more():
    one, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 2.0]])
    mean = ((one.softmax(dim=1) + other.softmax(dim=1)) / 2).log()
    apart, alike = (
        generalised_jensen_shannon(views, torch.tensor([0]), 0.5)
        for views in ([one, other], [mean, mean])
    )
    assert apart > alike


def test_trusted_rows_have_cross_entropy():
    X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    data = TrainingData(X, y, 2, np.array([True, False, True, False]))
    run = Trainer(TabularNet(weak_view=None), data, device="cpu", seed=0).new_run()
    run.module.eval()
    (batch,) = run.batches(np.arange(4))
    losses, _, logits = JensenShannonStep(run, 0.5, 1).losses(batch)
    plain = cross_entropy(logits, batch.y, reduction="none")
    assert_allclose(losses[[0, 2]].detach(), plain[[0, 2]].detach(), rtol=1e-6)
    assert (losses[[1, 3]] != plain[[1, 3]]).all()


@pytest.mark.slow
def test_classifier_is_better_than_plain_training():
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy).score(X_test, y_test)
        for method in ("cross_entropy", "gjs")
    )
    assert robust > plain + 0.1


@pytest.mark.parametrize("parameter", [{"label_weight": 1.0}, {"n_views": 3}], ids=str)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of GJS"):
        NoisyLabelDetector(GJS(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
