"""Modules and skorch nets of the user's, with their callbacks, splits and criteria."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.dataset import ValidSplit
from small_data import BOTH, Logits, easy_table, plain_skorch_net
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier


class Probabilities(nn.Module):
    def __init__(self, n_inputs=4, n_outputs=2):
        super().__init__()
        self.linear = nn.Linear(n_inputs, n_outputs)

    def forward(self, X):
        return self.linear(X).softmax(dim=1)


@pytest.mark.first_case_is_quick
@BOTH
def test_a_module_class_may_be_the_net(estimator_class):
    X, y, y_clean = easy_table()
    fitted = estimator_class("cross_entropy", net=Logits, lr=0.1, random_state=0).fit(X, y)
    assert isinstance(fitted.net_.module_, Logits)
    assert fitted.score(X, y_clean) > 0.95


@BOTH
def test_a_module_that_returns_probabilities_works_with_skorchs_own_defaults(estimator_class):
    X, y, y_clean = easy_table()
    net = NeuralNetClassifier(Probabilities, max_epochs=10, lr=0.1, batch_size=32, verbose=0)
    fitted = estimator_class("cross_entropy", net=net, random_state=0).fit(X, y)
    assert fitted.score(X, y_clean) > 0.95
    X_tensor = torch.from_numpy(X.astype(np.float32))
    direct = fitted.net_.module_(X_tensor).detach().numpy()
    np.testing.assert_allclose(fitted.predict_proba(X), direct, atol=1e-5)


def test_a_learning_rate_scheduler_of_the_net_is_stepped():
    X, y, _ = easy_table(80)
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    net = plain_skorch_net(callbacks=[("scheduler", scheduler)], max_epochs=3)
    fitted = RobustClassifier("cross_entropy", net=net, random_state=0).fit(X, y)
    np.testing.assert_allclose([epoch["event_lr"] for epoch in fitted.history_], [0.1, 0.05, 0.025])


def test_early_stopping_of_the_net_ends_the_training():
    X, y, _ = easy_table(80)
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = plain_skorch_net(callbacks=[("stopping", stopping)], max_epochs=50)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert len(fitted.history_) < 10


class LargestGradient(Callback):
    """Records the largest norm of a gradient that the optimiser gets to see."""

    def on_epoch_begin(self, net, **kwargs):
        self.largest_ = 0.0

    def on_batch_end(self, net, training=False, **kwargs):
        gradients = [p.grad for p in net.module_.parameters() if p.grad is not None]
        if training:
            norm = torch.stack([gradient.norm() for gradient in gradients]).norm().item()
            self.largest_ = max(self.largest_, norm)

    def on_epoch_end(self, net, **kwargs):
        net.history.record("largest_gradient", self.largest_)


@pytest.mark.parametrize("clips", [False, True])
def test_gradients_are_clipped_by_the_nets_callback(clips):
    X, y, _ = easy_table(80)
    callbacks = [("largest", LargestGradient())]
    if clips:
        callbacks.insert(0, ("clipping", GradientNormClipping(0.01)))
    net = plain_skorch_net(callbacks=callbacks, max_epochs=2)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    largest = max(epoch["largest_gradient"] for epoch in fitted.history_)
    assert (largest <= 0.0101) == clips


@pytest.mark.parametrize("use_caching", [True, False])
def test_training_scores_of_the_nets_callbacks_are_recorded(use_caching):
    X, y, _ = easy_table(80)
    scoring = EpochScoring(
        "accuracy", name="train_acc", on_train=True, lower_is_better=False, use_caching=use_caching
    )
    net = plain_skorch_net(callbacks=[("scoring", scoring)], max_epochs=3)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert all(0 < epoch["train_acc"] <= 1 for epoch in fitted.history_)


def test_rows_held_out_by_the_nets_own_split_are_validated_and_judged():
    X, y, _ = easy_table()
    net = plain_skorch_net(train_split=ValidSplit(4), max_epochs=5)
    detector = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert {"valid_loss", "valid_acc"} <= set(detector.history_[-1])
    assert np.isfinite(detector.label_quality_).all()


def test_early_stopping_on_the_validation_loss_of_the_nets_own_split():
    X, y, _ = easy_table()
    stopping = EarlyStopping(monitor="valid_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = plain_skorch_net(
        train_split=ValidSplit(4, stratified=True),
        callbacks=[("stopping", stopping)],
        max_epochs=50,
    )
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert len(fitted.history_) < 10


def test_the_nets_class_weights_change_what_is_learnt():
    X, y = make_classification(200, 4, n_clusters_per_class=1, class_sep=0.3, random_state=0)
    shares = []
    for weights in ([1.0, 1.0], [1.0, 20.0]):
        net = plain_skorch_net(criterion__weight=torch.tensor(weights))
        fitted = RobustClassifier("cross_entropy", net=net, random_state=0).fit(X, y)
        shares.append(fitted.predict(X).mean())
    assert shares[1] > shares[0] + 0.1


@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event"])
def test_label_smoothing_of_the_net_makes_it_less_sure(method):
    X, y, _ = easy_table()
    confidences = []
    for smoothing in (0.0, 0.4):
        net = plain_skorch_net(criterion__label_smoothing=smoothing)
        fitted = RobustClassifier(method, net=net, random_state=0).fit(X, y)
        confidences.append(fitted.predict_proba(X).max(axis=1).mean())
    assert confidences[1] < confidences[0]


def test_a_module_instance_starts_every_training_and_is_left_as_it_was():
    X, y, _ = easy_table(80)
    module = Logits(4, 2)
    before = module.linear.weight.detach().clone()
    model = RobustClassifier(net=plain_skorch_net(module), device="cpu", random_state=0)
    first, second = (model.fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(module.linear.weight, before)


def test_the_net_given_by_the_user_stays_unfitted():
    X, y, _ = easy_table(80)
    net = plain_skorch_net()
    RobustClassifier(net=net, random_state=0).fit(X, y)
    assert not net.initialized_ and not hasattr(net, "module_")
