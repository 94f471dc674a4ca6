from itertools import islice

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import L2RW, LSW, MetaWeightNet
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.training import (
    RunningGradient,
    Trainer,
    TrainingData,
    TrainingRun,
    batch_derivatives,
    functional_losses,
    probe_step,
    row_derivatives,
    trusted_gradient,
)
from sknoisy.training._batches import fits_on, read_ahead, read_rows
from sknoisy.training._net_outputs import infer_in_parts

CPU = torch.device("cpu")


def start_run(net, X, y):
    data = TrainingData(X, y, int(y.max()) + 1, np.zeros(len(y), dtype=bool))
    run = TrainingRun(net, data, device=CPU, seed=0)
    run.module.train()
    return run


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)).astype(np.float32), rng.integers(0, 3, 60)


# -- predictions as in training -------------------------------------------------------------------


def test_predictions_as_in_training_leave_no_trace(table):
    X, y = table
    net = TabularNet(module__n_units=8, module__dropout=0.5, max_epochs=2)
    looked, alone = (start_run(net, X, y) for _ in range(2))
    every = np.arange(60)

    def logits_as_in_training():
        return looked.predict(every, lambda batch, logits: logits, as_in_training=True)

    before = looked.state()
    first, again = logits_as_in_training(), logits_as_in_training()
    assert_array_equal(first, again)
    assert (first != looked.predict(every, lambda batch, logits: logits)).any()
    for name, value in looked.state().items():
        assert torch.equal(value, before[name])
    for run in (looked, alone):
        run.fit()
    for name, value in looked.state().items():
        assert torch.equal(value, alone.state()[name])


# -- skorch's table of epochs --------------------------------------------------------------------


def test_a_table_of_epochs_that_nobody_is_to_see_is_not_drawn(table):
    run = start_run(TabularNet(max_epochs=2), *table).fit()
    print_log = dict(run.net.callbacks_)["print_log"]
    # It draws its header once.
    assert print_log.first_iteration_
    run.net.set_params(verbose=1)
    run.fit()
    assert not print_log.first_iteration_


@pytest.mark.parametrize("verbose", [0, 3])
def test_lines_of_the_table_go_where_the_user_wants_them(table, verbose, capsys):
    lines = []
    net = TabularNet(max_epochs=3, callbacks__print_log__sink=lines.append)
    detector = NoisyLabelDetector("cross_entropy", net=net, verbose=verbose, random_state=0)
    detector.fit(*table)
    assert len(lines) == 2 + 3 and "train_loss" in lines[0]


def test_the_table_is_printed_on_request(table, capsys):
    net = TabularNet(max_epochs=3)
    detector = NoisyLabelDetector("cross_entropy", net=net, verbose=3, random_state=0)
    detector.fit(*table)
    assert "train_loss" in capsys.readouterr().out


# -- streaming -----------------------------------------------------------------------------------


def test_rows_of_a_file_come_in_the_order_asked_for(tmp_path):
    array = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.int16, shape=(50, 2))
    array[:] = np.arange(100).reshape(50, 2)
    rows = np.array([40, 3, 17, 3])
    assert_array_equal(read_rows(array, rows), array[rows])


def test_reading_ahead_keeps_the_order():
    assert list(read_ahead(lambda chunk: chunk**2, range(20))) == [n**2 for n in range(20)]


def test_reading_ahead_is_only_a_few_reads_ahead():
    done = []
    reads = read_ahead(done.append, range(100))
    next(reads)
    reads.close()
    assert len(done) < 10


def test_error_of_a_read_reaches_the_training():
    with pytest.raises(OSError, match="gone"):
        list(read_ahead(_fail, range(3)))


def _fail(chunk):
    raise OSError("The file is gone.")


def test_anything_fits_where_it_already_is():
    assert fits_on(CPU, 2**60)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["wrong_event", LSW(self_trusted=0.3)])
def test_mapped_images_are_learnt_from_as_those_in_memory(tmp_path, method):
    images, y = load_digits().images[:300].astype(np.uint8) * 15, load_digits().target[:300]
    np.save(tmp_path / "images.npy", images)
    net = VisionNet(module__depth=10, module__width=4, max_epochs=2)
    qualities = [
        NoisyLabelDetector(method, net=net, random_state=0).fit(X, y).label_quality_
        for X in (images, np.load(tmp_path / "images.npy", mmap_mode="r"))
    ]
    assert_array_equal(*qualities)


# -- prediction ----------------------------------------------------------------------------------


def test_prediction_goes_on_in_parts_where_memory_does_not_suffice():
    sizes = []

    def infer(X):
        if len(X) > 3:
            raise torch.OutOfMemoryError
        sizes.append(len(X))
        return 2 * X

    X = torch.arange(11.0)
    assert_array_equal(infer_in_parts(infer, X), 2 * X)
    assert sum(sizes) == 11


def test_one_row_that_does_not_fit_is_an_error():
    def infer(X):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        infer_in_parts(infer, torch.zeros(4))


# -- optimiser, precision and layout -------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
def test_updates_are_fused(table, optimizer):
    run = start_run(TabularNet(optimizer=optimizer), *table)
    assert run.net.optimizer_.param_groups[0]["fused"]


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer__foreach": True},
        {"optimizer__fused": False},
        {"optimizer": torch.optim.RMSprop},
    ],
)
def test_form_of_update_that_the_user_chose_stays(table, settings):
    run = start_run(TabularNet(**settings), *table)
    assert not run.net.optimizer_.param_groups[0].get("fused")


def small_images(**settings):
    images = load_digits().images[:400].astype(np.float32) / 16
    net = VisionNet(
        module__depth=10,
        module__width=8,
        max_epochs=3,
        weak_view=None,
        strong_view=None,
        **settings,
    )
    return net, images, load_digits().target[:400]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event"])
def test_bfloat16_gives_nearly_what_float32_gives(method):
    probabilities = []
    for precision in ("float32", "bfloat16"):
        net, images, y = small_images(precision=precision)
        model = RobustClassifier(method, net=net, device="cpu", random_state=0).fit(images, y)
        probabilities.append(model.predict_proba(images))
        assert {value.dtype for value in model.net_.module_.parameters()} == {torch.float32}
    assert not np.array_equal(*probabilities)
    assert np.abs(probabilities[0] - probabilities[1]).mean() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lsw", "l2rw", "meta_weight_net"])
def test_finite_differences_are_taken_in_float32(method):
    qualities = []
    for precision in ("float32", "bfloat16"):
        net, images, y = small_images(precision=precision)
        trusted = np.arange(len(y)) < 100
        model = NoisyLabelDetector(method, net=net, device="cpu", random_state=0)
        evidence = model.fit(images, y, trusted=trusted).evidence_
        qualities.append(np.delete(evidence.score, evidence.held_out_rows))
    assert_array_equal(*qualities)


@pytest.mark.slow
@pytest.mark.parametrize("method", [LSW, L2RW, MetaWeightNet])
def test_forward_derivatives_are_taken_in_the_precision_of_the_net(method):
    qualities = []
    for precision in ("float32", "bfloat16"):
        net, images, y = small_images(precision=precision)
        trusted = np.arange(len(y)) < 100
        model = NoisyLabelDetector(
            method(gradient="forward"), net=net, device="cpu", random_state=0
        )
        qualities.append(model.fit(images, y, trusted=trusted).label_quality_)
    assert not np.array_equal(*qualities)


@pytest.mark.slow
def test_forward_derivative_in_bfloat16_is_close_to_the_exact_one():
    net, images, y = small_images(precision="float32")
    data = TrainingData(images[:, None], y, 10, np.zeros(len(y), dtype=bool))
    state = Trainer(net, data, device="cpu", seed=0).new_run().fit().state()
    derivatives = []
    for precision in ("float32", "bfloat16"):
        net.set_params(precision=precision)
        run = Trainer(net, data, device="cpu", seed=0).new_run(state=state)
        run.module.train()
        batch, trusted = islice(run.batches(np.arange(200), batch_size=100), 2)
        losses = run.row_losses(run.logits(batch.X), batch.y)
        found = batch_derivatives(
            run,
            batch.X,
            batch.y,
            trusted_gradient(run, trusted),
            losses=losses,
            randomness=None,
            gradient="forward",
        )
        derivatives.append(found - found.mean())
    error = (derivatives[1] - derivatives[0]).norm() / derivatives[0].norm()
    assert 0 < error < 0.15


def test_unknown_precision_is_named():
    net, images, y = small_images(precision="half")
    with pytest.raises(ValueError, match="'precision'.*'half'"):
        RobustClassifier(net=net).fit(images, y)


def test_memory_layout_changes_rounding_only():
    losses = []
    for channels_last in (True, False):
        net, images, y = small_images(channels_last=channels_last)
        run = start_run(net, images[:, None], y)
        assert run.module.stem[0].weight.is_contiguous(memory_format=torch.channels_last) or (
            not channels_last
        )
        X, codes = torch.from_numpy(images[:50, None]), torch.from_numpy(y[:50])
        losses.append(run.row_losses(run.logits(X), codes).detach())
    assert_allclose(*losses, rtol=1e-4)


@pytest.mark.slow
def test_compiled_net_is_trained(table):
    net = TabularNet(max_epochs=2, compile=True, compile__backend="eager")
    plain = TabularNet(max_epochs=2)
    models = [RobustClassifier(net=n, random_state=0).fit(*table) for n in (net, plain)]
    assert_allclose(*(model.predict_proba(table[0]) for model in models), rtol=1e-5)


# -- derivatives along the last layer ------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"criterion__label_smoothing": 0.2}])
def test_last_layer_derivative_is_the_exact_one_of_that_layer(table, settings):
    run = start_run(TabularNet(module__n_units=8, **settings), *table)
    batch, trusted = run.batches(np.arange(60), batch_size=40)
    head = [value for name, value in run.module.named_parameters() if "head" in name]
    trusted_losses = run.row_losses(run.logits(trusted.X), trusted.y)
    slopes = torch.autograd.grad(trusted_losses.mean(), head)
    tangent = {name: torch.zeros_like(value) for name, value in run.parameter_values().items()}
    tangent |= dict(zip(["head.weight", "head.bias"], slopes, strict=True))
    losses = functional_losses(run, batch.X, batch.y)
    exact = row_derivatives(
        losses, run.module, run.parameter_values(), tangent, gradient="double_backward"
    )
    probe = probe_step(run, batch.X, batch.y, "last_layer", RunningGradient(0))
    run.logits(batch.X)
    # No step in between, so that both batches see the same parameters.
    assert_allclose(probe.derivatives(iter([trusted]), None), exact, atol=1e-6)
    assert exact.abs().max() > 1e-3


@pytest.mark.parametrize(
    "module, criterion",
    [
        (nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 3), nn.Softmax(dim=1)), nn.NLLLoss),
        (nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), nn.CrossEntropyLoss),
        (
            nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 3, 5), nn.Flatten()),
            nn.CrossEntropyLoss,
        ),
    ],
    ids=["softmax", "other layer last", "no linear layer"],
)
def test_net_without_last_linear_layer_is_told_so(table, module, criterion):
    net = NeuralNetClassifier(module, criterion=criterion, train_split=None, verbose=0)
    method = LSW(self_trusted=0.3, gradient="last_layer", warmup_epochs=0)
    with pytest.raises(ValueError, match="last_layer.*Sequential"):
        NoisyLabelDetector(method, net=net, max_epochs=1).fit(*table)


@pytest.mark.slow
def test_weights_learn_in_every_second_epoch_only(table):
    trusted = np.arange(60) >= 40

    def learned(interval, max_epochs):
        method = LSW(epoch_interval=interval, warmup_epochs=1)
        detector = NoisyLabelDetector(method, max_epochs=max_epochs, batch_size=10, random_state=0)
        detector.fit(*table, trusted=trusted)
        return np.delete(detector.sample_weights_, detector.evidence_.held_out_rows)[:36]

    assert_allclose(learned(2, max_epochs=1), 0.5)
    assert (learned(2, max_epochs=2) != 0.5).all()
    assert_allclose(learned(2, max_epochs=3), learned(2, max_epochs=2))
    assert (learned(1, max_epochs=3) != learned(1, max_epochs=2)).all()


def gradients(*values):
    return iter({"weight": torch.tensor([value])} for value in values)


@pytest.mark.parametrize("momentum, average", [(0.75, 5.0), (0.0, 8.0)])
def test_running_gradient_is_a_moving_average(momentum, average):
    running, found = RunningGradient(momentum), gradients(4.0, 8.0)
    running.update(lambda: next(found))
    assert_allclose(running.update(lambda: next(found))["weight"], [average])


def test_gradient_is_computed_in_every_so_many_steps():
    running, found = RunningGradient(0.0, interval=3), gradients(1.0, 2.0, 3.0)
    seen = [running.update(lambda: next(found))["weight"].item() for _ in range(7)]
    assert seen == [1, 1, 1, 2, 2, 2, 3]
