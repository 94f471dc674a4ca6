"""The head for embeddings, and when it is the default."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score
from small_data import BOTH
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.nets import EmbeddingHead, EmbeddingNet, TabularNet
from sknoisy.noise import flip_symmetric

SEEDED = {"device": "cpu", "random_state": 0}


def embeddings(n_rows=400, n_features=300, n_classes=3):
    """Classes that differ a little in each of many columns; the truth comes last."""
    random = np.random.default_rng(0)
    y = random.integers(n_classes, size=n_rows)
    centers = 0.25 * random.standard_normal((n_classes, n_features))
    X = centers[y] + random.standard_normal((n_rows, n_features))
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=0)
    return X.astype(np.float32), y_noisy, y


@pytest.mark.parametrize("n_features, net", [(255, TabularNet), (256, EmbeddingNet)])
@BOTH
def test_many_columns_are_taken_for_embeddings(estimator_class, n_features, net):
    X, y, _ = embeddings(60, n_features)
    fitted = estimator_class("cross_entropy", max_epochs=1, **SEEDED).fit(X, y)
    assert type(fitted.net_) is net


def test_many_columns_of_a_dataset_are_taken_for_embeddings():
    X, y, _ = embeddings(60)
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    fitted = NoisyLabelDetector("cross_entropy", max_epochs=1, **SEEDED).fit(data)
    assert type(fitted.net_) is EmbeddingNet


def test_the_net_of_the_user_is_taken_for_many_columns_too():
    X, y, _ = embeddings(60)
    fitted = NoisyLabelDetector("cross_entropy", net=TabularNet(max_epochs=1), **SEEDED).fit(X, y)
    assert type(fitted.net_) is TabularNet


@pytest.mark.slow
def test_the_head_finds_more_wrong_labels_of_embeddings_than_the_net_for_tables():
    X, y_noisy, y = embeddings()
    areas = [
        roc_auc_score(
            y_noisy != y, -NoisyLabelDetector(net=net, **SEEDED).fit(X, y_noisy).label_quality_
        )
        for net in (EmbeddingNet(), TabularNet())
    ]
    assert areas[0] > areas[1] + 0.03


@pytest.mark.slow
def test_the_head_learns_embeddings_in_spite_of_wrong_labels():
    X, y_noisy, y = embeddings(600)
    plain = RobustClassifier("cross_entropy", net=TabularNet(), **SEEDED)
    accuracy = plain.fit(X[:400], y_noisy[:400]).score(X[400:], y[400:])
    robust = RobustClassifier(**SEEDED).fit(X[:400], y_noisy[:400])
    assert robust.score(X[400:], y[400:]) > accuracy + 0.05


def scales(head, X):
    """Spread of each feature as the hidden layers see it."""
    seen = []
    head.hidden.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    head.train()(X)
    return seen[0].std(dim=0)


def test_features_of_one_kind_keep_their_relative_spreads():
    torch.manual_seed(0)
    spreads = torch.tensor([2.0, 1.0, 0.5])
    seen = scales(EmbeddingHead(3, 2), 7 * spreads * torch.randn(2000, 3))
    assert_allclose(seen / seen[1], spreads, rtol=0.1)


def test_a_feature_on_another_scale_does_not_hide_the_others():
    torch.manual_seed(0)
    seen = scales(EmbeddingHead(3, 2), torch.tensor([1e4, 1.0, 1.0]) * torch.randn(2000, 3))
    assert_allclose(seen, [3**0.5, 0.1, 0.1], rtol=0.1)


def test_constant_features_are_no_harm():
    head = EmbeddingHead(4, 2)
    assert torch.isfinite(head(torch.ones(8, 4))).all()


def test_input_dropout_acts_in_training_only():
    head = EmbeddingHead(40, 2)
    X = torch.randn(10, 40)
    assert not torch.equal(head(X), head(X))
    head.eval()
    assert torch.equal(head(X), head(X))
