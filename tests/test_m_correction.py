import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import beta
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import MCorrection
from sknoisy.methods._m_correction import CorrectionStep, wrong_label_posterior
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS, N_CLASSES = 6, 3
NO_MIXING = 1e-9


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_step(*, trusted=(), alpha=NO_MIXING):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask)
    net = plain_skorch_net(batch_size=N_ROWS, max_epochs=20)
    run = Trainer(net, data, device="cpu", seed=0).new_run()
    return CorrectionStep(run, MCorrection(alpha=alpha), np.random.RandomState(0))


@pytest.mark.parametrize("epoch", [0, 10], ids=["warm-up", "correction"])
def test_loss_without_mixing_is_that_of_the_paper(epoch):
    step = small_step()
    step._epoch = epoch
    weights = np.array([0.0, 0.2, 0.5, 0.8, 1.0, 1.0])
    step._posterior.copy_(torch.from_numpy(weights))
    (batch,) = step.run.batches(np.arange(N_ROWS))
    with torch.no_grad():
        p = step.run.logits(batch.X).softmax(dim=1).numpy().astype(float)
    given = np.eye(N_CLASSES)[np.arange(N_ROWS) % N_CLASSES]
    doubt = weights[:, None] * (epoch >= 7)
    targets = (1 - doubt) * given + doubt * np.eye(N_CLASSES)[p.argmax(axis=1)]
    penalty = np.log(1 / N_CLASSES / p.mean(axis=0)).mean()
    expected = -(targets * np.log(p)).sum(axis=1).mean() + penalty
    loss, _ = step.train_batch(batch)
    assert_allclose(loss, expected, rtol=1e-5)


def test_posterior_parts_small_from_large_losses():
    rng = np.random.default_rng(0)
    losses = np.r_[5 * beta(1.5, 9).rvs(600, random_state=0), 5 * rng.beta(8, 2, 300)]
    posterior = wrong_label_posterior(losses, np.ones(900, dtype=bool))
    assert ((posterior > 0.5) == (np.arange(900) >= 600)).mean() > 0.97
    # The order of the losses, but for those of one hundredth of the range.
    assert np.diff(posterior[np.argsort(losses)]).min() > -1e-12


def test_posterior_is_zero_for_rows_that_are_not_judged_and_where_losses_are_equal():
    judged = np.array([True, True, True, False])
    assert wrong_label_posterior(np.array([0.1, 0.2, 5.0, 9.0]), judged)[3] == 0
    assert_array_equal(wrong_label_posterior(np.full(4, 0.3), judged), 0)
    assert_array_equal(wrong_label_posterior(np.arange(4.0), np.zeros(4, dtype=bool)), 0)


def test_trusted_rows_keep_their_labels():
    step = small_step(trusted=[2, 4])
    step.end_epoch(10)
    assert_array_equal(step.noisy_posterior()[[2, 4]], 0)


def test_mixing_is_with_other_rows_of_the_batch():
    losses = []
    for alpha in (NO_MIXING, 1e6):
        step = small_step(alpha=alpha)
        (batch,) = step.run.batches(np.arange(N_ROWS))
        losses.append(float(step.train_batch(batch)[0]))
    assert losses[0] != losses[1]


@pytest.mark.slow
def test_classifier_and_verdict_are_better_than_plain_training(digits):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "m_correction")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.8 and report["auc"] > 0.95


@pytest.mark.parametrize("parameter", [{"warmup_share": 1.0}, {"alpha": 0}], ids=str)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of MCorrection"):
        NoisyLabelDetector(MCorrection(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
