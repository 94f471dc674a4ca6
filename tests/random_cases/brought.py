"""Modules, nets and data sets that a user may bring, of which some are of no use."""

import contextlib

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from sknoisy.nets import TabularNet, VisionNet

QUIET = {"train_split": None, "verbose": 0}


class OwnError(RuntimeError):
    """Raised by what the user brings; it isn't the package's to explain."""


def raise_own_error(*arguments):
    raise OwnError("nothing is made of that")


class Linear(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.linear(X.flatten(1))


class Dropping(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(n_features, 8), nn.ReLU(), nn.Dropout(0.5)
        )
        self.head = nn.Linear(8, n_classes)

    def forward(self, X):
        return self.head(self.layers(X))


class Softmax(Linear):
    def forward(self, X):
        return super().forward(X).softmax(dim=1)


class LogSoftmax(Linear):
    def forward(self, X):
        return super().forward(X).log_softmax(dim=1)


class NoParameters(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.n_classes = n_classes

    def forward(self, X):
        return X.flatten(1).sum(dim=1, keepdim=True) * torch.arange(self.n_classes)


class Frozen(Linear):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.requires_grad_(False)


class PartlyFrozen(Dropping):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.layers.requires_grad_(False)


class TwoOutputs(Linear):
    def forward(self, X):
        return super().forward(X), X


class OneOutput(Linear):
    def __init__(self, n_features):
        super().__init__(n_features, 1)


class OneTooMany(Linear):
    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes + 1)


class Double(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes, dtype=torch.float64)

    def forward(self, X):
        return self.linear(X.flatten(1).double())


class BrainFloat(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes, dtype=torch.bfloat16)

    def forward(self, X):
        return self.linear(X.flatten(1).bfloat16())


class NotANumber(Linear):
    def forward(self, X):
        return super().forward(X) * torch.nan


class NotANumberInEvaluation(Linear):
    def forward(self, X):
        logits = super().forward(X)
        return logits if self.training else logits * torch.nan


class Infinite(Linear):
    def forward(self, X):
        return super().forward(X) / 0


class Lazy(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.linear = nn.LazyLinear(n_classes)

    def forward(self, X):
        return self.linear(X.flatten(1))


class WithoutLinear(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(n_features, n_classes) / n_features)

    def forward(self, X):
        return X.flatten(1) @ self.weights


class TwoInOne(Linear):
    """Its running statistics can't be computed on one row."""

    def __init__(self, n_features, n_classes):
        super().__init__(n_features, n_classes)
        self.normalize = nn.BatchNorm1d(n_classes)

    def forward(self, X):
        return self.normalize(super().forward(X))


class TableAndCode(nn.Module):
    """Takes the entries of a dict: numbers, and codes up to two."""

    def __init__(self, n_classes):
        super().__init__()
        self.embedding = nn.Embedding(3, 4)
        self.numbers = nn.LazyLinear(4)
        self.head = nn.Linear(8, n_classes)

    def forward(self, table, code):
        return self.head(torch.cat([self.numbers(table), self.embedding(code)], dim=1))


class RaisesInConstructor(Linear):
    def __init__(self, n_features, n_classes):
        raise OwnError("no such net")


class RaisesInTraining(Linear):
    def forward(self, X):
        if self.training:
            raise OwnError("no training")
        return super().forward(X)


class RaisingCallback(Callback):
    def __init__(self, hook="on_epoch_end"):
        self.hook = hook

    def on_epoch_end(self, net, **kwargs):
        if self.hook == "on_epoch_end":
            raise OwnError("no second epoch")

    def on_train_end(self, net, **kwargs):
        if self.hook == "on_train_end":
            raise OwnError("no end")


class Listed(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


class WithTargets(Listed):
    @property
    def targets(self):
        return [label for _, label in self.items]


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(3), 0


class RaisesInFit(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise OwnError("no final fit")

    def predict(self, X):
        return np.zeros(len(X))


def skorch_net(module, **params):
    return NeuralNetClassifier(
        module, **QUIET | {"criterion": nn.CrossEntropyLoss, "lr": 0.05} | params
    )


def softmax_net(module=Softmax, **params):
    """Return a net with skorch's default criterion, for which modules return probabilities."""
    return NeuralNetClassifier(module, **QUIET | {"lr": 0.05} | params)


def small_table_net(**params):
    return TabularNet(module__n_units=8, **params)


def small_image_net(**params):
    return VisionNet(module__depth=10, module__width=2, **params)


def fitted_net():
    X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    net = skorch_net(Linear, module__n_features=3, module__n_classes=2, max_epochs=1)
    with seeded_torch():
        return net.fit(X, np.arange(8) % 2)


@contextlib.contextmanager
def seeded_torch():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
