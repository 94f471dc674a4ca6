import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn
from torch.func import functional_call

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW
from sknoisy.methods._self_trust import fewest_events
from sknoisy.methods.lsw._lsw import ranks_to_quality
from sknoisy.methods.lsw._weight_learning import weight_gradient
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import TrainingData, TrainingRun, functional_losses, row_derivatives

# -- the gradient against the double backward ----------------------------------------------------


class ConvolutionalNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(4 * 4 * 4, 3),
        )

    def forward(self, X):
        return self.layers(X)


@pytest.fixture
def float64_run():
    """A run in double precision, and a noisy and a trusted batch."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 1, 6, 6)).astype(np.float32)
    y = rng.integers(0, 3, 12)
    net = NeuralNetClassifier(
        ConvolutionalNet, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0
    )
    data = TrainingData(X, y, 3, np.zeros(12, dtype=bool))
    run = TrainingRun(net, data, device=torch.device("cpu"), seed=0)
    run.module.double().train()
    X, y = torch.from_numpy(X).double(), torch.from_numpy(y)
    return run, (X[:7], y[:7]), (X[7:], y[7:])


def gradient_through_the_step(run, noisy, trusted, alpha, *, lr, momentum, weight_decay, nesterov):
    """Equations 1 and 2 as they stand: differentiate through the real optimiser's step."""
    cross_entropy = nn.functional.cross_entropy
    alpha = alpha.clone().requires_grad_()
    names, values = run.names, run.parameters
    losses = cross_entropy(run.module(noisy[0]), noisy[1], reduction="none")
    loss = (alpha * losses).sum() / alpha.sum()
    gradients = torch.autograd.grad(loss, values, create_graph=True)
    moved = {}
    for name, value, gradient in zip(names, values, gradients, strict=True):
        gradient = gradient + weight_decay * value
        velocity = momentum * 0.3 * torch.ones_like(value) + gradient
        step = gradient + momentum * velocity if nesterov else velocity
        moved[name] = value.detach() - lr * step
    logits = functional_call(run.module, moved, (trusted[0],))
    trusted_loss = cross_entropy(logits, trusted[1], reduction="sum")
    moved_gradient = torch.autograd.grad(trusted_loss, list(moved.values()), retain_graph=True)
    tangent = dict(zip(names, moved_gradient, strict=True))
    return torch.autograd.grad(trusted_loss, alpha)[0], tangent


@pytest.mark.parametrize("gradient", ["forward", "double_backward"])
@pytest.mark.parametrize(
    "momentum, weight_decay, nesterov", [(0, 0, False), (0.9, 5e-4, False), (0.9, 5e-4, True)]
)
def test_weight_gradient_equals_differentiation_through_the_step(
    float64_run, gradient, momentum, weight_decay, nesterov
):
    run, noisy, trusted = float64_run
    alpha = torch.rand(7, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    lr = 0.1
    expected, tangent = gradient_through_the_step(
        run,
        noisy,
        trusted,
        alpha,
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        nesterov=nesterov,
    )
    derivatives = row_derivatives(
        functional_losses(run, *noisy),
        run.module,
        run.parameter_values(),
        tangent,
        gradient=gradient,
    )
    # The weight of the batch's gradient in the step: Nesterov's look ahead adds momentum once.
    size = lr * (1 + momentum) if nesterov else lr
    actual = -size * weight_gradient(derivatives, alpha)
    assert_allclose(actual, expected, atol=1e-9)
    assert expected.abs().max() > 1e-4


def test_weight_gradient_of_two_rows_by_hand():
    derivatives, weights = torch.tensor([3.0, 1.0]), torch.tensor([0.25, 0.75])
    # sum of weights 1, weighted mean 1.5
    assert_allclose(weight_gradient(derivatives, weights), [1.5, -0.5])
    assert_allclose(weight_gradient(derivatives, weights, centered=False), [3.0, 1.0])


def test_finite_difference_is_close_to_the_exact_derivative(float64_run):
    run, noisy, _ = float64_run
    generator = torch.Generator().manual_seed(1)
    parameters = run.parameter_values()
    tangent = {
        name: torch.randn(value.shape, dtype=value.dtype, generator=generator)
        for name, value in parameters.items()
    }
    losses = functional_losses(run, *noisy)
    exact, finite = (
        row_derivatives(losses, run.module, parameters, tangent, gradient=gradient)
        for gradient in ("forward", "finite_difference")
    )
    assert (exact - finite).norm() < 0.03 * exact.norm()


class SequenceNet(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(8, 3)

    def forward(self, X):
        return self.output(self.layer(X)).mean(dim=1)


def sequence_derivatives(layer, gradient):
    torch.manual_seed(0)
    module = SequenceNet(layer()).train()
    X, y = torch.randn(6, 4, 8), torch.arange(6) % 3
    parameters = {name: value.detach() for name, value in module.named_parameters()}

    def losses(parameters):
        logits = functional_call(module, parameters, (X,))
        return nn.functional.cross_entropy(logits, y, reduction="none")

    tangent = {name: torch.randn_like(value) for name, value in parameters.items()}
    return row_derivatives(losses, module, parameters, tangent, gradient=gradient)


def attention():
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)


class Doubling(torch.autograd.Function):
    """Differentiable backward only, as recurrent layers on CUDA are."""

    @staticmethod
    def forward(ctx, X):
        return 2 * X

    @staticmethod
    def backward(ctx, slope):
        return 2 * slope


class DoublingLayer(nn.Linear):
    def forward(self, X):
        return Doubling.apply(super().forward(X))


def doubling():
    return DoublingLayer(8, 8)


def test_attention_is_differentiated_alike_by_every_gradient():
    exact = sequence_derivatives(attention, "double_backward")
    assert_allclose(sequence_derivatives(attention, "forward"), exact, rtol=1e-4, atol=1e-5)
    finite = sequence_derivatives(attention, "finite_difference")
    assert (finite - exact).norm() < 0.05 * exact.norm()


def test_module_without_a_forward_derivative_is_told_what_to_choose():
    with pytest.raises(ValueError, match="'forward' needs.*'finite_difference'"):
        sequence_derivatives(doubling, "forward")
    assert sequence_derivatives(doubling, "finite_difference").isfinite().all()


@pytest.mark.parametrize("gradient", ["finite_difference", "forward", "double_backward"])
def test_derivative_leaves_the_running_statistics_alone(float64_run, gradient):
    run, noisy, _ = float64_run
    before = {name: value.clone() for name, value in run.module.state_dict().items()}
    parameters = run.parameter_values()
    tangent = {name: torch.ones_like(value) for name, value in parameters.items()}
    row_derivatives(
        functional_losses(run, *noisy), run.module, parameters, tangent, gradient=gradient
    )
    for name, value in run.module.state_dict().items():
        assert_array_equal(value, before[name])


class FunctionalDropout(nn.Module):
    def forward(self, X):
        return nn.functional.dropout(X, 0.5, self.training)


def run_behind(layer):
    """A run of a linear net behind a layer, and its batch."""
    X = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    y = np.arange(8) % 3
    module = nn.Sequential(layer, nn.Linear(5, 3))
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0)
    data = TrainingData(X, y, 3, np.zeros(8, dtype=bool))
    run = TrainingRun(net, data, device=torch.device("cpu"), seed=0)
    run.module.train()
    return run, torch.from_numpy(X), torch.from_numpy(y)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), FunctionalDropout()])
def test_derivative_sees_the_dropout_mask_of_the_training_pass(layer):
    run, X, y = run_behind(layer)
    losses = functional_losses(run, X, y)
    parameters = run.parameter_values()
    nowhere = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for _ in range(3):
        randomness = run.randomness.state()
        with torch.no_grad(), run.randomness.drawing():
            seen = losses(parameters)
        derivatives = row_derivatives(
            losses, run.module, parameters, nowhere, losses=seen, randomness=randomness
        )
        assert_array_equal(derivatives, torch.zeros(8))


def test_steps_that_draw_no_random_numbers_are_not_replayed():
    run, X, _ = run_behind(nn.ReLU())
    states = []
    for _ in range(3):
        states.append(run.randomness.state())
        run.logits(X)
    assert states[0] is not None and states[1:] == [None, None]


# -- stand-ins and mixed evidence ----------------------------------------------------------------


def test_stand_ins_are_the_rows_of_each_class_with_the_fewest_events():
    counts = np.array([3, 0, 1, 1, 5, 0, 2, 2])
    losses = np.array([0, 0, 0.2, 0.1, 0, 0, 0.3, 0.1])
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    mask = fewest_events(counts, losses, codes, 0.5, candidates=np.ones(8, bool))
    assert_array_equal(np.flatnonzero(mask), [1, 3, 5, 7])


def test_rows_judged_wrong_are_no_stand_ins():
    counts, codes = np.array([0, 1, 2, 3]), np.zeros(4, int)
    candidates = np.array([False, True, False, False])
    mask = fewest_events(counts, np.zeros(4), codes, 0.75, candidates=candidates)
    assert_array_equal(np.flatnonzero(mask), [1])


def test_every_class_gets_a_stand_in():
    counts, losses, codes = np.zeros(5, int), np.arange(5.0), np.array([0, 0, 0, 0, 1])
    mask = fewest_events(counts, losses, codes, 0.1, candidates=np.zeros(5, bool))
    assert_array_equal(np.flatnonzero(mask), [0, 4])


def test_ranks_to_quality_puts_the_wanted_number_below_the_threshold():
    scores = np.random.default_rng(0).random(50)
    quality = ranks_to_quality(scores, 12, 0.3)
    assert (quality < 0.3).sum() == 12
    assert_array_equal(np.argsort(quality), np.argsort(scores))
    assert 0 <= quality.min() and quality.max() <= 1


# -- as a whole ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair_noise():
    X, y = load_digits(return_X_y=True)
    trusted = np.random.default_rng(0).random(len(y)) < 0.1
    y_noisy, _ = flip_pair(y, 0.4, random_state=0)
    y_noisy = np.where(trusted, y, y_noisy)
    return X, y, y_noisy, trusted


@pytest.fixture(scope="module")
def robust(pair_noise):
    """A classifier whose verdict is that of a detector with the same seed."""
    X, _, y_noisy, trusted = pair_noise
    return RobustClassifier("lsw", random_state=0).fit(X, y_noisy, trusted=trusted)


def auc_of(model, pair_noise, rows):
    _, y, y_noisy, _ = pair_noise
    wrong = (y_noisy != y)[rows]
    return noise_detection_report(wrong, label_quality=model.label_quality_[rows])["auc"]


@pytest.mark.slow
def test_finds_pair_noise_better_than_wrong_events(pair_noise, robust):
    X, _, y_noisy, trusted = pair_noise
    events = NoisyLabelDetector("wrong_event", random_state=0).fit(X, y_noisy, trusted=trusted)
    found = auc_of(robust, pair_noise, ~trusted)
    assert found > 0.97
    assert found > auc_of(events, pair_noise, ~trusted) + 0.03


@pytest.mark.slow
def test_filtered_retraining_beats_plain_training(pair_noise, robust):
    X, y, y_noisy, trusted = pair_noise
    plain = RobustClassifier("cross_entropy", random_state=0).fit(X, y_noisy, trusted=trusted)
    assert robust.score(X, y) > plain.score(X, y) + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("final", ["method", "weight", "filter", "filter_weight"])
def test_every_final_of_the_paper_trains(pair_noise, final):
    X, y, y_noisy, trusted = pair_noise
    model = RobustClassifier("lsw", final=final, max_epochs=12, random_state=0)
    assert model.fit(X, y_noisy, trusted=trusted).score(X, y) > 0.75


@pytest.mark.slow
@pytest.mark.parametrize("parametrization", ["mirror", "logit", "clip"])
def test_every_parametrization_ranks_wrong_labels_low(pair_noise, parametrization):
    X, y, y_noisy, trusted = pair_noise
    detector = NoisyLabelDetector(
        LSW(parametrization=parametrization), max_epochs=12, random_state=0
    )
    detector.fit(X, y_noisy, trusted=trusted)
    report = noise_detection_report(y_noisy != y, label_quality=detector.label_quality_)
    assert report["auc"] > 0.9


@pytest.mark.slow
def test_literal_reading_of_the_algorithm_forgets_what_it_learned(pair_noise):
    X, y, y_noisy, trusted = pair_noise
    found = []
    for parametrization in ("literal", "mirror"):
        detector = NoisyLabelDetector(
            LSW(parametrization=parametrization), max_epochs=20, random_state=0
        )
        detector.fit(X, y_noisy, trusted=trusted)
        found.append(detector.noise_mask_[y_noisy != y].mean())
    assert found[0] < 0.2 < 0.7 < found[1]


def test_weights_do_not_move_in_the_first_two_epochs(pair_noise):
    X, _, y_noisy, trusted = pair_noise
    detector = NoisyLabelDetector("lsw", max_epochs=2, random_state=0)
    detector.fit(X, y_noisy, trusted=trusted)
    learnt = ~trusted
    learnt[detector.evidence_.held_out_rows] = False
    assert_array_equal(detector.sample_weights_[learnt], 0.5)


@pytest.mark.slow
def test_step_is_free_of_the_scale_of_the_learning_rate(pair_noise):
    X, _, y_noisy, trusted = pair_noise
    spread = []
    for lr in (1e-4, 1e-3):
        net = TabularNet(lr=lr, max_epochs=6)
        detector = NoisyLabelDetector("lsw", net=net, random_state=0)
        detector.fit(X, y_noisy, trusted=trusted)
        learnt = ~trusted
        learnt[detector.evidence_.held_out_rows] = False
        weights = detector.sample_weights_[learnt]
        spread.append(np.log(weights / (1 - weights)).std())
    assert 1 / 3 < spread[0] / spread[1] < 3


@pytest.mark.slow
def test_weight_two_counts_as_two_rows_of_weight_one_in_the_loss(pair_noise):
    X, _, y_noisy, trusted = pair_noise
    weights = np.ones(len(X))
    doubled = NoisyLabelDetector("lsw", max_epochs=4, random_state=0)
    doubled.fit(X, y_noisy, trusted=trusted, sample_weight=2 * weights)
    single = NoisyLabelDetector("lsw", max_epochs=4, random_state=0)
    single.fit(X, y_noisy, trusted=trusted, sample_weight=weights)
    assert_allclose(doubled.sample_weights_, single.sample_weights_, atol=1e-4)


@pytest.mark.slow
def test_self_trusted_form_needs_no_trusted_row():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    detector = NoisyLabelDetector(LSW(self_trusted=0.2), random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["auc"] > 0.97 and report["f1"] > 0.9


@pytest.mark.slow
def test_mixed_evidence_with_trusted_rows_orders_by_both(pair_noise, robust):
    X, _, y_noisy, trusted = pair_noise
    mixed = NoisyLabelDetector(LSW(mix=True), random_state=0).fit(X, y_noisy, trusted=trusted)
    auc = [auc_of(model, pair_noise, slice(None)) for model in (mixed, robust)]
    assert auc[0] != auc[1] and min(auc) > 0.93
    assert not mixed.noise_mask_[trusted].any() and not robust.noise_mask_[trusted].any()


@pytest.mark.slow
def test_stand_ins_may_still_be_flagged():
    X, y = load_digits(return_X_y=True)
    y_noisy, _ = flip_pair(y, 0.45, random_state=0)
    detector = NoisyLabelDetector(LSW(self_trusted=0.9, mix=True), max_epochs=5, random_state=0)
    detector.fit(X, y_noisy)
    assert detector.noise_mask_.mean() > 0.1


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"self_trusted": 1.5}, "'self_trusted' parameter of LSW"),
        ({"parametrization": "x"}, "'parametrization' parameter of LSW must be one of"),
        ({"gradient": "x"}, "'gradient' parameter of LSW must be one of"),
    ],
)
def test_parameter_out_of_range_is_named(pair_noise, parameters, message):
    X, _, y_noisy, trusted = pair_noise
    with pytest.raises(ValueError, match=message):
        RobustClassifier(LSW(**parameters)).fit(X, y_noisy, trusted=trusted)
