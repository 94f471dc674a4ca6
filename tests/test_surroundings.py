"""A fit gives the same bits, whatever the program round it has set."""

import multiprocessing
import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
import torch

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, METHODS
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.training import ordinary_surroundings, seeded_global_state
from sknoisy.training._jacobian_vector_product import _exact_gradients


@contextmanager
def double_precision():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SURROUNDINGS = {
    "float64": double_precision,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "device": lambda: torch.device("meta"),
    "errstate": lambda: np.errstate(all="raise"),
}


def inner_device_wins():
    with torch.device("meta"), torch.device("cpu"):
        return torch.empty(0).device.type == "cpu"


# In torch 2.6 the outer of two such contexts wins, so that nothing can be done within.
NEEDS = {"device": pytest.mark.skipif(not inner_device_wins(), reason="torch lets the outer win")}
ALL = pytest.mark.parametrize(
    "surroundings",
    [pytest.param(make, marks=NEEDS.get(name, ()), id=name) for name, make in SURROUNDINGS.items()],
)


def table():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def results(method, **settings):
    X, y = table()
    if "net" in settings:
        X = np.random.default_rng(0).random((60, 1, 8, 8))
    trusted = np.arange(len(y)) % 3 == 0
    parameters = {"max_epochs": 2, "device": "cpu", "random_state": 0} | settings
    model = RobustClassifier(method, **parameters).fit(X, y, trusted=trusted)
    return [
        model.label_quality_,
        model.sample_weights_,
        model.transition_matrix_,
        model.predict_proba(X),
        model.score_labels(X, y),
    ]


# One fit for all surroundings that it is compared with.
ordinary_results = cache(results)


def check_equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("method", list(METHODS))
def test_a_fit_gives_the_same_in_all_surroundings(method, surroundings):
    expected = ordinary_results(method)
    with surroundings():
        found = results(method)
    check_equal(expected, found)


@pytest.mark.first_case_is_quick
@ALL
@pytest.mark.parametrize("gradient", ["forward", "double_backward", "last_layer"])
def test_gradients_are_the_same_in_all_surroundings(gradient, surroundings):
    method = LSW(gradient=gradient, self_trusted=0.3, warmup_epochs=0)
    expected = results(method)
    with surroundings():
        found = results(method)
    check_equal(expected, found)


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("final", ["filter", "weight"])
def test_a_final_net_on_images_is_the_same_in_all_surroundings(final, surroundings):
    settings = {"net": VisionNet(module__depth=10, module__width=4), "final": final}
    expected = results("cross_entropy", **settings)
    with surroundings():
        found = results("cross_entropy", **settings)
    check_equal(expected, found)


@ALL
def test_a_net_fitted_elsewhere_predicts_and_can_be_trained_on(surroundings):
    X, y = table()
    with surroundings():
        model = RobustClassifier("cross_entropy", max_epochs=2, device="cpu", random_state=0)
        model.fit(X, y)
    values = list(model.net_.module_.parameters())
    assert not any(value.is_inference() or value.dtype != torch.float32 for value in values)
    before = model.predict_proba(X)
    with surroundings():
        np.testing.assert_array_equal(model.predict_proba(X), before)
    model.net_.partial_fit(X.astype(np.float32), y)


def test_surroundings_are_the_programs_own_again():
    with double_precision(), torch.no_grad(), np.errstate(all="raise"):
        results("cross_entropy")
        assert torch.get_default_dtype() == torch.float64
        assert not torch.is_grad_enabled()
        assert np.geterr()["under"] == "raise"
        with pytest.raises(ValueError, match="'batch_size'"):
            results("cross_entropy", batch_size=1)
        assert torch.get_default_dtype() == torch.float64
        assert not torch.is_grad_enabled()


def test_the_kind_of_floats_is_put_back_by_the_last_thread():
    inside, leave = threading.Event(), threading.Event()

    def work():
        with ordinary_surroundings:
            inside.set()
            leave.wait()

    thread = threading.Thread(target=work)
    with double_precision():
        with ordinary_surroundings:
            thread.start()
            inside.wait()
        assert torch.get_default_dtype() == torch.float32
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64


# -- forked processes ----------------------------------------------------------------------------


@contextmanager
def held_by_another_thread(*contexts):
    """Have another thread inside of some blocks."""
    inside, leave = threading.Event(), threading.Event()

    def work(remaining):
        if not remaining:
            inside.set()
            leave.wait()
            return
        with remaining[0]:
            work(remaining[1:])

    thread = threading.Thread(target=work, args=(contexts,))
    thread.start()
    inside.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def in_fork(function):
    """Return what a function returns in a forked process; None if that hangs."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("processes can't be forked here")
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(function()))
    process.start()
    answer = receiver.recv() if receiver.poll(20) else None
    process.kill()
    process.join()
    return answer


def take_generators():
    with seeded_global_state(0):
        return "done"


def take_exact_gradients():
    with _exact_gradients("forward"):
        return "done"


def kind_of_floats():
    return str(torch.get_default_dtype())


@pytest.mark.parametrize("take", [take_generators, take_exact_gradients])
def test_a_forked_process_does_not_wait_for_a_lock_of_a_thread_that_it_lacks(take):
    with held_by_another_thread(seeded_global_state(0), _exact_gradients("forward")):
        assert in_fork(take) == "done"


def test_a_forked_process_has_the_programs_kind_of_floats():
    with double_precision(), held_by_another_thread(ordinary_surroundings):
        assert kind_of_floats() == "torch.float32"
        assert in_fork(kind_of_floats) == "torch.float64"


@pytest.mark.slow
def test_a_forked_process_fits_while_another_thread_trains():
    X, y = table()
    net = TabularNet(module__dropout=0.2)
    detector = NoisyLabelDetector(
        LSW(self_trusted=0.3, gradient="forward"), net=net, max_epochs=2, random_state=0
    )
    expected = detector.fit(X, y).label_quality_
    n_threads = torch.get_num_threads()
    # The threads that torch computes with aren't forked either: with one there are none.
    torch.set_num_threads(1)
    try:
        with held_by_another_thread(
            seeded_global_state(0), _exact_gradients("forward"), ordinary_surroundings
        ):
            quality = in_fork(lambda: detector.fit(X, y).label_quality_)
    finally:
        torch.set_num_threads(n_threads)
    np.testing.assert_allclose(quality, expected, atol=1e-5)
