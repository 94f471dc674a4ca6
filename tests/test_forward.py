import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from skorch.dataset import ValidSplit
from small_data import of_all_rows
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import Forward
from sknoisy.methods._forward import TransitionStep, estimate_matrix, train_first
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import Trainer, TrainingData
from sknoisy.transition import count_transitions

SHORT = {"max_epochs": 3, "device": "cpu", "random_state": 0}
MATRIX = np.array([[0.7, 0.3], [0.2, 0.8]])


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def pair_of_classes():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def trainer_of(X, y, trusted=None, **settings):
    trusted = np.zeros(len(y), dtype=bool) if trusted is None else trusted
    data = TrainingData(X.astype(np.float32), y.astype(np.int64), y.max() + 1, trusted)
    return Trainer(None, data, device="cpu", seed=0, **settings)


def test_losses_by_hand_are_corrected_but_for_trusted_rows(pair_of_classes):
    X, y = pair_of_classes
    trusted = np.arange(len(y)) % 2 == 0
    run = trainer_of(X, y, trusted).new_run()
    batch = next(iter(run.batches(np.arange(20))))
    losses, weights, logits = TransitionStep(run, MATRIX).losses(batch)
    probabilities = logits.softmax(dim=1).detach().numpy()
    rows = np.arange(20)
    plain = -np.log(probabilities[rows, y[:20]])
    corrected = -np.log((probabilities @ MATRIX)[rows, y[:20]])
    expected = np.where(trusted[:20], plain, corrected)
    assert weights is None
    assert_allclose(losses.detach().numpy(), expected, rtol=1e-4)


def test_quality_is_the_posterior_of_the_given_label(pair_of_classes):
    X, y = pair_of_classes
    model = RobustClassifier(Forward(transition_matrix=MATRIX), **SHORT).fit(X, y)
    joint = model.predict_proba(X)[:, :, None] * MATRIX
    rows = np.arange(len(y))
    expected = joint[rows, y, y] / joint.sum(axis=1)[rows, y]
    learnt = np.delete(rows, model.evidence_.held_out_rows)
    assert_allclose(model.evidence_.score[learnt], expected[learnt], atol=1e-4)
    assert_allclose(model.transition_matrix_, MATRIX)


@pytest.mark.slow
@pytest.mark.parametrize("flip", [flip_pair, flip_symmetric])
def test_classifier_is_better_than_plain_training_under_class_dependent_noise(digits, flip):
    X, y = digits
    y_noisy, _ = flip(y, 0.4, random_state=0)
    train = np.arange(len(y)) % 3 > 0
    forward, plain = (
        RobustClassifier(method, random_state=0).fit(X[train], y_noisy[train])
        for method in ("forward", "cross_entropy")
    )
    assert forward.score(X[~train], y[~train]) > plain.score(X[~train], y[~train]) + 0.05


@pytest.mark.slow
def test_wrong_labels_have_a_small_posterior(digits):
    X, y = digits
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector(of_all_rows(Forward), random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.85 and report["auc"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("estimation", ["dual_t", "anchors", "hoc"])
def test_matrix_is_estimated_after_a_short_training(digits, estimation):
    X, y = digits
    y_noisy, _ = flip_pair(y, 0.3, random_state=0)
    true = count_transitions(y, y_noisy, 10)
    found = estimate_matrix(train_first(trainer_of(X, y_noisy), 0.3), estimation)
    assert_allclose(found.sum(axis=1), 1)
    # The identity is off by 0.6 in each row.
    assert np.abs(found - true).sum(axis=1).mean() < 0.4


@pytest.mark.slow
def test_first_training_and_matrix_leave_trusted_rows_out(digits):
    X, y = digits
    y_noisy, _ = flip_pair(y, 0.4, random_state=0)
    trusted = np.arange(len(y)) % 2 == 0
    mixed = np.where(trusted, y, y_noisy)
    found, alone = (
        estimate_matrix(train_first(trainer, 0.2), "dual_t")
        for trainer in (
            trainer_of(X, mixed, trusted),
            trainer_of(X[~trusted], y_noisy[~trusted]),
        )
    )
    assert_allclose(found, alone, atol=0.15)
    assert abs(np.diag(found).mean() - np.diag(alone).mean()) < 0.05


@pytest.mark.parametrize(("share", "n_epochs"), [(0.01, 1), (0.5, 5), (1.0, 10)])
def test_first_training_has_its_share_of_the_epochs(pair_of_classes, share, n_epochs):
    run = train_first(trainer_of(*pair_of_classes, max_epochs=10), share)
    assert len(run.history()) == n_epochs


def test_given_matrix_saves_the_first_training(pair_of_classes):
    X, y = pair_of_classes
    estimated = NoisyLabelDetector(Forward(), **SHORT).fit(X, y)
    given = NoisyLabelDetector(Forward(transition_matrix=MATRIX.tolist()), **SHORT).fit(X, y)
    assert len(estimated.history_) == 3 + 1 and len(given.history_) == 3


@pytest.mark.slow
def test_classes_of_the_given_matrix_are_in_the_order_of_classes(pair_of_classes):
    X, y = pair_of_classes
    names = np.array(["rose", "aster"])[y]
    flipped = (y == 0) & (np.random.default_rng(1).random(len(y)) < 0.5)
    # Half of the roses are called asters; of "aster", "rose" the rose is the second.
    matrix = np.array([[1.0, 0.0], [0.5, 0.5]])
    settings = {"max_epochs": 20, "lr": 0.01, "device": "cpu", "random_state": 0}
    scores = [
        RobustClassifier(Forward(transition_matrix=given), **settings)
        .fit(X, np.where(flipped, "aster", names))
        .score(X, names)
        for given in (matrix, np.flip(matrix))
    ]
    assert scores[0] > 0.85 and scores[0] > scores[1] + 0.2


@pytest.mark.slow
def test_trusted_rows_are_never_judged_wrong(digits):
    X, y = digits
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    trusted = np.arange(len(y)) % 5 == 0
    model = NoisyLabelDetector("forward", **SHORT).fit(X, y_noisy, trusted=trusted)
    assert (model.label_quality_[trusted] == 1).all() and not model.noise_mask_[trusted].any()
    assert model.noise_mask_.any()


def test_all_rows_may_be_trusted(pair_of_classes):
    X, y = pair_of_classes
    model = NoisyLabelDetector("forward", **SHORT).fit(X, y, trusted=np.ones(len(y), bool))
    assert not model.noise_mask_.any()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("estimation", ["dual_t", "anchors", "hoc"])
def test_class_with_two_rows_and_few_rows_are_no_obstacle(pair_of_classes, estimation):
    X, y = pair_of_classes
    y = np.where(np.arange(len(y)) % 6 == 1, 2, y)[:12]
    model = NoisyLabelDetector(Forward(estimation=estimation), **SHORT).fit(X[:12], y)
    assert model.transition_matrix_.shape == (3, 3)
    assert np.isfinite(model.label_quality_).all()


def test_neighbours_of_two_rows_are_not_enough(pair_of_classes):
    X, trusted = pair_of_classes[0][:4], np.array([True, False, True, False])
    with pytest.raises(ValueError, match="'hoc' needs at least 3 rows.*Got 2"):
        NoisyLabelDetector(Forward(estimation="hoc"), **SHORT).fit(X, [0, 0, 1, 1], trusted=trusted)


@pytest.mark.slow
def test_dataset_and_held_out_rows_are_judged(pair_of_classes):
    X, y = pair_of_classes
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    net = TabularNet(train_split=ValidSplit(5))
    for given, labels, its_net in ((dataset, y, None), (X, y, net)):
        model = NoisyLabelDetector("forward", net=its_net, **SHORT).fit(given, labels)
        assert model.label_quality_.shape == (len(y),) and np.isfinite(model.label_quality_).all()


def test_users_matrix_is_untouched(pair_of_classes):
    X, y = pair_of_classes
    matrix = MATRIX.copy()
    NoisyLabelDetector(Forward(transition_matrix=matrix), **SHORT).fit(X, y)
    assert_array_equal(matrix, MATRIX)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimation": "guess"}, "'estimation' parameter of Forward"),
        ({"training_share": 0}, "'training_share' parameter of Forward"),
        ({"training_share": 1.5}, "'training_share' parameter of Forward"),
        ({"transition_matrix": np.eye(3)}, "'transition_matrix' parameter of Forward .*(2, 2)"),
        ({"transition_matrix": 0.5}, "'transition_matrix' parameter of Forward"),
        ({"transition_matrix": np.array(0.5)}, "'transition_matrix' parameter of Forward"),
        ({"transition_matrix": [[1, 1], [0, 1]]}, "sum of 2 in row 0"),
    ],
)
def test_parameter_out_of_range_is_named(pair_of_classes, parameters, message):
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(Forward(**parameters), **SHORT).fit(*pair_of_classes)
