"""Small data and nets that several files of tests share."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS, Method
from sknoisy.nets import VisionNet
from sknoisy.noise import flip_symmetric

SHORT = {"max_epochs": 6, "lr": 0.01, "batch_size": 32, "device": "cpu", "random_state": 0}
SLOW = pytest.mark.slow
BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])

# Methods whose classifier isn't the net that the detector has trained.
OWN_CLASSIFIER = [
    name
    for name, kind in METHODS.items()
    if kind.default_final != "method" or kind.train_classifier is not Method.train_classifier
]
# What the quick test run has of a test of all methods; each has quick tests in a file of its own.
QUICK = ("cross_entropy", "lsw", "wrong_event")


def slow_but_some(names, classes=()):
    """Return parameters of which those of some methods alone are in the quick test run.

    `classes`: estimators, where each parameter is a pair of one of these and a name.
    """
    values = [(each, name) for each in classes for name in names] if classes else names
    return [
        value if (value[1] if classes else value) in QUICK else pytest.param(value, marks=SLOW)
        for value in values
    ]


def easy_table(n_rows=160, n_classes=2):
    """Well separated classes with a fifth of the labels wrong; the truth comes last."""
    X, y = make_blobs(n_rows, 4, centers=n_classes, cluster_std=1.5, random_state=3)
    y_noisy, _ = flip_symmetric(y, 0.2, random_state=0)
    return StandardScaler().fit_transform(X), y_noisy, y


def tiny_images(n_images=48):
    """Noise images whose brighter half is the left or the right one."""
    random = np.random.default_rng(0)
    y = np.arange(n_images) % 2
    X = random.integers(0, 120, (n_images, 3, 8, 8))
    X[y == 0, :, :, :4] += 100
    X[y == 1, :, :, 4:] += 100
    return X.astype(np.uint8), y


class Logits(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.linear(X)


def plain_skorch_net(module=Logits, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "max_epochs": 8,
        "lr": 0.1,
        "batch_size": 32,
        "train_split": None,
        "verbose": 0,
        "iterator_train__shuffle": True,
    }
    return NeuralNetClassifier(module, **defaults | params)


def tiny_image_classifier(method="cross_entropy"):
    net = VisionNet(module__depth=10, module__width=8, max_epochs=2, batch_size=16)
    return RobustClassifier(method, net=net, device="cpu", random_state=0)


def of_all_rows(kind, **parameters):
    """Return a method that holds no rows out, to look at what it does with all of them."""
    return type(kind.__name__, (kind,), {"holdout": 0.0})(**parameters)
