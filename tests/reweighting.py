"""What the tests of L2RW and Meta-Weight-Net share: one step in double precision, and digits."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn
from torch.func import functional_call

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import TrainingData, TrainingRun

LR = 0.3


class ToDouble(nn.Module):
    def forward(self, X):
        return X.double()


def small_net():
    layers = [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)]
    return nn.Sequential(ToDouble(), *layers).double()


def make_run():
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


def digits_and_trusted():
    """Return digits, and a tenth of the rows as trusted ones."""
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


def accuracy(digits, method):
    """Accuracy of a classifier on right labels, after training on symmetric noise."""
    X, y, trusted = digits
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    train = np.arange(len(y)) % 3 > 0
    model = RobustClassifier(method, random_state=0)
    model.fit(X[train], y_noisy[train], trusted=trusted[train])
    return model.score(X[~train], y[~train])
