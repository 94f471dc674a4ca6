import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from reweighting import accuracy, losses_at, make_run
from sklearn.datasets import load_digits
from torch import nn

from sknoisy import NoisyLabelDetector
from sknoisy.methods import FSR
from sknoisy.methods._fsr import FastReweightingStep, last_layer_names, queued_rows
from sknoisy.methods._l2rw import normalized_weights
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric

STEP_SIZE = 0.5
LAYER = ["4.weight", "4.bias"]


@pytest.fixture
def run():
    run = make_run()
    # Trusted rows weigh more than the formula says.
    run.data.trusted[:] = False
    return run


def moved_in_the_last_layer(run, leaves, weights, rows):
    """Return the parameters after a step of the last layer, differentiable by the weights."""
    loss = (weights * losses_at(run, leaves, rows)).sum()
    slopes = torch.autograd.grad(loss, [leaves[name] for name in LAYER], create_graph=True)
    moved = dict(leaves)
    for name, slope in zip(LAYER, slopes, strict=True):
        moved[name] = leaves[name] - STEP_SIZE * slope
    return moved


def test_weights_are_those_of_differentiation_through_the_step(run):
    rows, queued = np.arange(12), np.arange(12, 20)
    leaves = {name: value.requires_grad_() for name, value in run.parameter_values().items()}
    weights = torch.full((12,), 1 / 12, dtype=torch.double, requires_grad=True)
    moved = moved_in_the_last_layer(run, leaves, weights, rows)
    expected = torch.autograd.grad(losses_at(run, moved, queued).mean(), weights)[0]
    step = FastReweightingStep(run, FSR(step_size=STEP_SIZE))
    step._gradient = "forward"
    step._reward_batches = iter(run.batches(queued))
    (batch,) = run.batches(rows)
    _, found, _ = step.losses(batch)
    assert_allclose(found, normalized_weights(-expected), atol=1e-9)
    assert found.max() > 0.1


@pytest.mark.parametrize("ranking", ["loss", "margin"])
def test_rows_are_ranked_by_the_loss_after_a_step_or_by_what_it_takes_off_the_loss(run, ranking):
    rows = np.arange(12)
    values = {name: value.requires_grad_() for name, value in run.parameter_values().items()}
    moved = moved_in_the_last_layer(run, values, torch.full((12,), 1 / 12), rows)
    expected = -losses_at(run, moved, rows).detach()
    if ranking == "margin":
        expected += losses_at(run, values, rows).detach()
    step = FastReweightingStep(run, FSR(step_size=STEP_SIZE, momentum=0.75, ranking=ranking))
    (batch,) = run.batches(rows)
    step.losses(batch)
    assert_allclose(run.row_state["meta margin"][:12], 0.25 * expected, rtol=1e-4)
    assert_array_equal(run.row_state["meta margin"][12:], 0)


def test_queues_hold_the_largest_margins_of_each_class():
    margins = np.array([0.9, 0.1, 0.8, 0.2, 0.05, 0.01, 0.04, 0.02])
    codes = np.repeat([0, 1], 4)
    trusted = np.arange(8) == 5
    found = queued_rows(margins, codes, np.arange(8), 0.5, trusted)
    assert_array_equal(found, [0, 2, 4, 5, 6])


def test_weights_are_equal_in_the_warmup(run):
    run.net.set_params(max_epochs=20)
    step = FastReweightingStep(run, FSR())
    (batch,) = run.batches(np.arange(12))
    found = []
    for epoch in range(3):
        found.append(step.losses(batch)[1] is None)
        step.end_epoch(epoch)
    assert found == [True, True, False]


def test_last_layer_is_the_last_linear_one(run):
    assert last_layer_names(run) == LAYER


def test_module_without_a_linear_layer_moves_its_last_parameters():
    class Prototypes(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.BatchNorm1d(4)
            self.centers = nn.Parameter(torch.eye(2, 4))

        def forward(self, X):
            return -torch.cdist(self.scale(X.float()), self.centers)

    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 4)) + 2 * np.eye(2, 4)[y]
    model = NoisyLabelDetector("fsr", net=Prototypes, max_epochs=4, random_state=0).fit(X, y)
    assert model.noise_mask_.mean() < 0.3


@pytest.mark.slow
def test_wrong_labels_are_found():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    model = NoisyLabelDetector(FSR(), random_state=0).fit(X, y_noisy)
    assert noise_detection_report(flipped, label_quality=model.label_quality_)["auc"] > 0.9


@pytest.mark.slow
def test_classifier_is_better_than_plain_training():
    X, y = load_digits(return_X_y=True)
    digits = X, y, np.zeros(len(y), dtype=bool)
    assert accuracy(digits, "fsr") > accuracy(digits, "cross_entropy") + 0.03


@pytest.mark.parametrize(
    "parameter",
    [
        {"queue_share": 0},
        {"reward_batch_size": 0},
        {"momentum": 1.0},
        {"step_size": 0},
        {"ranking": "both"},
    ],
    ids=str,
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of FSR"):
        NoisyLabelDetector(FSR(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
