import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.losses import importance_weights
from sknoisy.methods import TRevision
from sknoisy.methods._t_revision import MatrixRevisionStep, SharedMatrix
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import Trainer, TrainingData

SHORT = {"max_epochs": 3, "device": "cpu", "random_state": 0}
MATRIX = np.array([[0.7, 0.3], [0.2, 0.8]])


@pytest.fixture(scope="module")
def table():
    return make_classification(
        4000, 12, n_informative=8, n_redundant=2, n_classes=4, class_sep=1.5, random_state=0
    )


@pytest.fixture(scope="module")
def pair_of_classes():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def test_columns_are_those_of_the_revised_matrix_by_hand():
    matrix = SharedMatrix(torch.from_numpy(MATRIX))
    y = torch.tensor([1, 0])
    assert_allclose(matrix.columns(torch.arange(2), y), [[0.3, 0.8], [0.7, 0.2]])
    revision = torch.tensor([[0.0, -1.0], [0.0, 0.0]], dtype=torch.double)
    revised = matrix.columns(torch.arange(2), y, revision)
    assert_allclose(revised, [[0.5, 0.8], [0.5, 0.2]])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flip", "rate", "margin"), [(flip_pair, 0.3, 0.03), (flip_symmetric, 0.4, 0.07)]
)
def test_classifier_is_better_than_plain_training_under_class_dependent_noise(
    table, flip, rate, margin
):
    X, y = table
    y_noisy, _ = flip(y, rate, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    revised, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("t_revision", "cross_entropy")
    )
    assert revised.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + margin


@pytest.mark.slow
def test_wrong_labels_have_a_small_posterior(table):
    X, y = table
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector("t_revision", random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.7 and report["auc"] > 0.9


def test_gradient_of_the_net_does_not_go_through_the_weights(pair_of_classes):
    X, y = pair_of_classes
    data = TrainingData(X, y, 2, np.zeros(len(y), dtype=bool))
    run = Trainer(None, data, device="cpu", seed=0).new_run()
    step = MatrixRevisionStep(run, SharedMatrix(torch.from_numpy(MATRIX).float()), 0.01)
    (batch,) = run.batches(np.arange(40), batch_size=40)
    run.module.eval()
    losses, _, logits = step.losses(batch)
    (found,) = torch.autograd.grad(losses.sum(), logits, retain_graph=True)
    columns = torch.from_numpy(MATRIX).float()[:, batch.y].T
    weights = importance_weights(logits.detach(), batch.y, columns)
    expected = weights[:, None] * (logits.softmax(dim=1) - torch.eye(2)[batch.y])
    assert_allclose(found, expected.detach(), atol=1e-6)
    (of_matrix,) = torch.autograd.grad(losses.sum(), step.revision)
    assert of_matrix.abs().max() > 0


def test_matrix_is_revised_in_training(pair_of_classes):
    X, y = pair_of_classes
    moved, kept = (
        NoisyLabelDetector(TRevision(transition_matrix=MATRIX, revision_lr=lr), **SHORT).fit(X, y)
        for lr in (0.05, 0)
    )
    assert_allclose(kept.transition_matrix_, MATRIX, atol=1e-6)
    assert np.abs(moved.transition_matrix_ - MATRIX).max() > 0.02
    assert_allclose(moved.transition_matrix_.sum(axis=1), 1, rtol=1e-5)


def test_quality_is_the_posterior_by_the_revised_matrix(pair_of_classes):
    X, y = pair_of_classes
    model = RobustClassifier(TRevision(revision_lr=0.05), **SHORT).fit(X, y)
    joint = model.predict_proba(X)[:, :, None] * model.transition_matrix_
    rows = np.arange(len(y))
    expected = joint[rows, y, y] / joint.sum(axis=1)[rows, y]
    learnt = np.delete(rows, model.evidence_.held_out_rows)
    assert_allclose(model.evidence_.score[learnt], expected[learnt], atol=1e-4)


@pytest.mark.parametrize("max_epochs", [1, 2, 10])
def test_every_stage_has_an_epoch_and_all_have_those_of_the_net(pair_of_classes, max_epochs):
    settings = {**SHORT, "max_epochs": max_epochs}
    detector = NoisyLabelDetector("t_revision", **settings).fit(*pair_of_classes)
    n_first = max(1, round(0.15 * max_epochs))
    assert len(detector.history_) == n_first + max(2, max_epochs)


def test_trusted_rows_are_learnt_as_they_are_and_never_judged_wrong(pair_of_classes):
    X, y = pair_of_classes
    wrong = y.copy()
    wrong[:60] = 1 - wrong[:60]
    trusted = np.arange(200) < 60
    method = TRevision(transition_matrix=[[0.5, 0.5], [0.5, 0.5]])
    model = NoisyLabelDetector(method, **SHORT).fit(X, wrong, trusted=trusted)
    assert (model.label_quality_[trusted] == 1).all() and not model.noise_mask_[trusted].any()


def test_class_with_two_rows_and_few_rows_are_no_obstacle(pair_of_classes):
    X, y = pair_of_classes
    y = np.where(np.arange(len(y)) % 6 == 1, 2, y)[:12]
    model = NoisyLabelDetector("t_revision", **SHORT).fit(X[:12], y)
    assert model.transition_matrix_.shape == (3, 3)
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimation": "guess"}, "'estimation' parameter of TRevision"),
        ({"training_share": 0}, "'training_share' parameter of TRevision"),
        ({"revision_share": 1.0}, "'revision_share' parameter of TRevision"),
        ({"revision_lr": -1}, "'revision_lr' parameter of TRevision"),
        ({"transition_matrix": np.eye(3)}, "'transition_matrix' parameter of TRevision"),
    ],
)
def test_parameter_out_of_range_is_named(pair_of_classes, parameters, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(TRevision(**parameters), **SHORT).fit(*pair_of_classes)
