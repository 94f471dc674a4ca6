"""The ensemble of perceptrons in one net."""

import pickle
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from small_data import BOTH, easy_table
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import TabMEnsemble, TabMLoss, TabMNet

SEEDED = {"device": "cpu", "random_state": 0}

pytest.importorskip("tabm")


@pytest.fixture(autouse=True)
def fixed_weights():
    """Start each test from the same weights, and leave the global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small_net(**parameters):
    sizes = {"n_members": 3, "n_units": 8, "n_bins": 4, "n_dimensions": 2}
    return TabMNet(**{f"module__{k}": v for k, v in sizes.items()}, **parameters)


def small_ensemble(X, **parameters):
    return TabMEnsemble(X.shape[1], 3, X, n_members=4, n_units=8, **parameters).eval()


def test_the_loss_is_the_mean_of_the_members_own():
    X, y = torch.randn(20, 5), torch.arange(20) % 3
    module = small_ensemble(X)
    own = [nn.functional.cross_entropy(each, y) for each in module.members(X).unbind(dim=1)]
    assert_allclose(TabMLoss()(module(X), y).item(), torch.stack(own).mean().item(), rtol=1e-5)


def test_members_differ():
    X = torch.randn(20, 5)
    members = small_ensemble(X).members(X)
    assert (members.std(dim=1) > 0).all()


@pytest.mark.parametrize("column", [[1.0], [0.0, 1.0], [0.0] * 99 + [1.0], [1.0, 2.0, 1e6]])
def test_values_beyond_those_seen_count_as_the_outermost_seen(column):
    seen = torch.tensor(column)[:, None].repeat(3, 1)
    module = small_ensemble(seen)
    with torch.no_grad():
        for each in module.parameters():
            each.normal_()
    beyond = torch.tensor([[seen.min() - 10], [seen.max() + 10]])
    outermost = torch.tensor([[seen.min()], [seen.max()]])
    assert torch.equal(module(beyond), module(outermost))
    assert torch.isfinite(module(seen)).all()


@pytest.mark.slow
def test_codes_of_categories_are_told_apart_by_steps():
    """A class that depends on whether a code is odd, which a linear function can't tell."""
    X = np.arange(600)[:, None] % 6
    y = X[:, 0] % 2
    net = TabMNet(max_epochs=30, module__n_members=4, module__n_units=16)
    assert RobustClassifier("cross_entropy", net=net, **SEEDED).fit(X, y).score(X, y) == 1


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("method", ["wrong_event", "lsw", "dividemix", "cross_entropy"])
@BOTH
def test_methods_find_wrong_labels_with_it(estimator_class, method):
    X, y, y_clean = easy_table()
    trusted = (np.arange(len(y)) % 3 == 0) & (y == y_clean)
    net = small_net(lr=0.02, max_epochs=8, batch_size=32)
    fitted = estimator_class(method, net=net, **SEEDED).fit(X, y, trusted=trusted)
    is_wrong = y != y_clean
    assert fitted.label_quality_[is_wrong].mean() < fitted.label_quality_[~is_wrong].mean() - 0.2
    assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)


def test_a_fitted_estimator_predicts_the_same_after_pickling():
    X, y, _ = easy_table(80)
    fitted = NoisyLabelDetector(net=small_net(max_epochs=2), **SEEDED).fit(X, y)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(restored.predict_proba(X), fitted.predict_proba(X))


def test_rows_of_weight_zero_do_not_change_the_pieces_of_the_net_that_predicts():
    X, y, _ = easy_table(80)
    weights = np.ones(80)
    weights[60:] = 0
    X[60:] *= 100
    net = small_net(max_epochs=2)
    weighted = RobustClassifier("cross_entropy", net=net, **SEEDED).fit(X, y, sample_weight=weights)
    alone = RobustClassifier("cross_entropy", net=net, **SEEDED).fit(X[:60], y[:60])
    assert_allclose(weighted.predict_proba(X), alone.predict_proba(X), atol=1e-5)


def test_missing_packages_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "tabm", None)
    with pytest.raises(ImportError, match=r"pip install sknoisy\[tabm\]"):
        small_ensemble(torch.rand(4, 2))
