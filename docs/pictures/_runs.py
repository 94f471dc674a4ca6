"""Real runs on scikit-learn's digits, a part of whose labels are made wrong."""

import warnings
from functools import cache

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sknoisy import NoisyLabelDetector
from sknoisy.methods import METHODS, WrongEvent
from sknoisy.mixtures import gaussian_clean_posterior
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_pair, flip_symmetric

KEPT = {}


class KeptWrongEvent(WrongEvent):
    """Wrong event that leaves its counts for the picture."""

    def detect(self, trainer):
        KEPT["wrong_event"] = super().detect(trainer)
        return KEPT["wrong_event"]


@cache
def noisy_digits(noise="symmetric", rate=0.4, trusted_share=0.1):
    """Return X, right labels, given labels, and which rows are trusted."""
    X, y = load_digits(return_X_y=True)
    if noise == "symmetric":
        given = flip_symmetric(y, rate, random_state=0)[0]
    else:
        given = flip_pair(y, rate, random_state=0)[0]
    trusted = np.random.default_rng(0).random(len(y)) < trusted_share
    return X, y, given, trusted


@cache
def fitted(name, noise="symmetric", rate=0.4, trusted_share=0.1):
    """Return a detector, and which of the rows that it judged have a wrong label."""
    X, y, given, trusted = noisy_digits(noise, rate, trusted_share)
    options = {}
    if METHODS[name].needs_trusted:
        given = np.where(trusted, y, given)
        options["trusted"] = trusted
    method = KeptWrongEvent() if name == "wrong_event" else name
    detector = NoisyLabelDetector(method, net=TabularNet(), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector.fit(X, given, **options)
    judged = ~trusted if options else np.ones(len(y), dtype=bool)
    return detector, given != y, judged


@cache
def plain_training(n_epochs=60):
    """Return, by epoch, the shares of right and of wrong labels predicted, and the test accuracy.

    The losses of the given labels after the third epoch come with them.
    """
    X, y, given, _ = noisy_digits()
    X, X_test, y, y_test, given, _ = train_test_split(X / 16, y, given, random_state=0)
    wrong = given != y
    net = MLPClassifier(256, learning_rate_init=3e-3, batch_size=64, random_state=0)
    shares, losses = [], None
    for epoch in range(n_epochs):
        net.partial_fit(X, given, classes=np.arange(10))
        agrees = net.predict(X) == given
        shares.append((agrees[~wrong].mean(), agrees[wrong].mean(), net.score(X_test, y_test)))
        if epoch == 2:
            probability = net.predict_proba(X)[np.arange(len(given)), given]
            losses = -np.log(probability.clip(1e-9))
    return np.array(shares), losses, wrong


def posterior_of_losses(losses):
    """Return the mixture's probability that each label is right."""
    return gaussian_clean_posterior(losses, random_state=0)
