import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import easy_table, plain_skorch_net
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import PES
from sknoisy.methods._pes import ConfidentStep, balanced_weights, train_late_layers
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import Trainer, TrainingData

N_ROWS = 12


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


class TwoLayers(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.early = nn.Linear(n_features, 8)
        self.middle = nn.BatchNorm1d(8)
        self.last = nn.Linear(8, n_classes)

    def forward(self, X):
        return self.last(torch.relu(self.middle(self.early(X))))


def small_trainer(module=TwoLayers, trusted=()):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % 3, 3, mask)
    net = plain_skorch_net(module, batch_size=N_ROWS, max_epochs=10)
    return Trainer(net, data, device="cpu", seed=0)


@pytest.mark.parametrize(
    ("n_layers", "kept"), [(1, {"early", "middle"}), (2, {"early"})], ids=["last", "last two"]
)
def test_late_layers_start_anew_and_early_ones_stay(n_layers, kept):
    trainer = small_trainer()
    run = trainer.new_run().fit(max_epochs=3)
    again = train_late_layers(trainer, run, n_layers, 0.2)
    for name in run.names:
        layer = name.partition(".")[0]
        same = torch.equal(run.state()[name], again.state()[name])
        assert same == (layer in kept), name
    assert len(again.history()) == 2


def test_net_of_one_layer_has_no_late_ones():
    trainer = small_trainer(plain_skorch_net().module)
    run = trainer.new_run()
    assert train_late_layers(trainer, run, 1, 0.2) is run


def confident_step(trusted=()):
    trainer = small_trainer(trusted=trusted)
    run = trainer.new_run()
    return ConfidentStep(run, run, PES(), np.random.RandomState(0))


def test_rows_whose_label_the_net_predicts_are_learnt_from():
    step = confident_step()
    run = step.run
    run.module.eval()
    said = run.module(torch.from_numpy(run.data.X)).argmax(dim=1).numpy()
    (batch,) = run.batches(np.arange(N_ROWS))
    _, weights, _ = step.losses(batch)
    assert_array_equal(weights > 0, said == run.data.y)
    assert 0 < (weights > 0).sum() < N_ROWS


def test_trusted_rows_are_confident():
    step = confident_step(trusted=range(N_ROWS))
    assert step._confident.all()


def test_classes_count_alike_by_their_weights():
    labels = torch.tensor([0, 0, 0, 1])
    weights = balanced_weights(labels, 3)
    assert_allclose(weights, [4 / 9, 4 / 3, 0])
    assert_allclose(weights[labels[:3]].sum(), weights[labels[3:]].sum())


@pytest.mark.slow
@pytest.mark.parametrize("semi", [False, True])
@pytest.mark.parametrize("flip", [flip_symmetric, flip_pair])
def test_classifier_and_verdict_are_better_than_plain_training(digits, semi, flip):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip(y, 0.3, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", PES(semi=semi))
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(flipped, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.9 and report["auc"] > 0.95


def test_trainings_together_take_the_epochs_of_the_net():
    X, y, _ = easy_table(80)
    net = plain_skorch_net(TwoLayers, max_epochs=20)
    detector = NoisyLabelDetector("pes", net=net, random_state=0).fit(X, y)
    assert len(detector.history_) == 20


def test_semi_supervised_form_refuses_what_cannot_be_mixed():
    X, y, _ = easy_table(40)
    named = {"left": X[:, :2], "right": X[:, 2:]}
    with pytest.raises(ValueError, match="PES"):
        NoisyLabelDetector(PES(semi=True), net=plain_skorch_net()).fit(named, y)


@pytest.mark.parametrize(
    "parameter",
    [
        {"training_share": 1.0},
        {"unlabelled_weight": -1},
        {"temperature": 0},
        {"alpha": 0},
        {"n_late": (0, 1)},
        {"n_late": (1.5, 1)},
        {"late_shares": (0.1,)},
        {"late_shares": (0.1, 1.0)},
    ],
    ids=str,
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of PES"):
        NoisyLabelDetector(PES(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
