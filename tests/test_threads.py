"""How many threads torch computes with, in processes for which nothing has been chosen."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from skorch.callbacks import Callback
from threadpoolctl import threadpool_info, threadpool_limits

from sknoisy import NoisyLabelDetector
from sknoisy.nets import CifarResNet, TabularNet, VisionNet
from sknoisy.training import class_probabilities, few_threads, fit_clone

# Each starts processes, or needs one that another test has started.
pytestmark = pytest.mark.slow

CHOSEN_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def environment(**variables):
    """Let processes started meanwhile have these variables, and no others that choose."""
    before = {name: os.environ.pop(name, None) for name in CHOSEN_BY}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in CHOSEN_BY:
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def process(**variables):
    context = multiprocessing.get_context("spawn")
    with environment(**variables), ProcessPoolExecutor(1, mp_context=context) as executor:
        # The first call starts the process.
        executor.submit(torch.get_num_threads).result()
        yield lambda function, *arguments: executor.submit(function, *arguments).result()


@contextmanager
def unlimited_process():
    """A process where torch has several threads by itself.

    Not one forked from a server: that of other tests has been told to take one thread.
    """
    with process() as call:
        if call(torch.get_num_threads) == 1:
            pytest.skip("torch has one thread here")
        yield call


@pytest.fixture(scope="module")
def apart():
    """Call a function in a process where torch has several threads by itself."""
    with unlimited_process() as call:
        yield call


@pytest.fixture
def alone():
    """The same in a process that no other test has used."""
    with unlimited_process() as call:
        yield call


class AfterEachBatch(Callback):
    def __init__(self, call):
        self.call = call

    def on_batch_end(self, net, **kwargs):
        self.call()


def table():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def fit_table(call=None, **settings):
    """Return a detector fitted on a table, with a function called after each batch."""
    callbacks = None if call is None else [AfterEachBatch(call)]
    net = TabularNet(callbacks=callbacks, max_epochs=2)
    return NoisyLabelDetector(net=net, device="cpu", random_state=0, **settings).fit(*table())


def numbers_in_fit():
    """Return the numbers of threads in a fit on a table and after it."""
    seen = set()
    fit_table(lambda: seen.add(torch.get_num_threads()))
    return seen, torch.get_num_threads()


# -- the number for the work at hand -------------------------------------------------------------


def usual_number():
    return torch.get_num_threads(), min(torch.get_num_threads(), joblib.cpu_count())


def test_a_fit_on_a_table_takes_one_thread(apart):
    usual, _ = apart(usual_number)
    assert apart(numbers_in_fit) == ({1}, usual)


class Watching(CifarResNet):
    """Notes with how many threads it is called to train, and to predict."""

    seen = {True: set(), False: set()}

    def forward(self, X):
        self.seen[self.training].add(torch.get_num_threads())
        return super().forward(X)


def numbers_of_images(batch_size):
    """Return the numbers of threads in training and in a later prediction."""
    X = np.random.default_rng(0).random((8, 3, 32, 32), dtype=np.float32)
    net = VisionNet(Watching, module__depth=10, batch_size=batch_size, weak_view=None)
    detector = NoisyLabelDetector("cross_entropy", net=net, device="cpu", max_epochs=1)
    detector.fit(X, np.arange(8) % 2)
    Watching.seen[False].clear()
    detector.predict(X)
    return Watching.seen[True], Watching.seen[False]


@pytest.mark.parametrize(("batch_size", "is_large"), [(8, True), (2, False)])
def test_large_batches_of_images_take_all_threads_in_training_and_prediction(
    alone, batch_size, is_large
):
    _, usable = alone(usual_number)
    expected = {usable if is_large else 1}
    assert alone(numbers_of_images, batch_size) == (expected, expected)


def helped(function):
    """Return whether other threads have done part of a function's work."""
    whole, own = time.process_time(), time.thread_time()
    function()
    whole, own = time.process_time() - whole, time.thread_time() - own
    return whole - own > 0.25 * own


def multiply():
    X = torch.ones(1500, 1500)
    for _ in range(5):
        X @ X


def help_in_and_after_a_block():
    with few_threads(1):
        inside = helped(multiply)
    return inside, helped(multiply)


def test_one_thread_does_all_the_work(apart):
    assert apart(help_in_and_after_a_block) == (False, True)


def numbers_of_openmp():
    import sklearn.ensemble  # noqa: F401

    with few_threads(1):
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"}


def test_boosted_trees_of_scikit_learn_are_limited_too(apart):
    assert apart(numbers_of_openmp) == {1}


class Noting(DummyClassifier):
    """Notes how many threads boosted trees would take."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(torch.get_num_threads())
        return super().fit(X, y, sample_weight)

    def predict_proba(self, X):
        self.seen.append(torch.get_num_threads())
        return super().predict_proba(X)


def numbers_of_trees(shape):
    Noting.seen.clear()
    X, y = np.zeros(shape), np.arange(shape[0]) % 2
    classifier = fit_clone(Noting(), 0, X, y)
    class_probabilities(classifier, X, 2)
    return Noting.seen


@pytest.mark.parametrize(
    ("shape", "is_large"), [((100, 3), False), ((100_000, 20), True), ((10, 1, 8, 8), True)]
)
def test_trees_take_all_threads_on_large_tables_alone(apart, shape, is_large):
    usual, usable = apart(usual_number)
    expected = (usual if len(shape) > 2 else usable) if is_large else 1
    assert apart(numbers_of_trees, shape) == [expected, expected]


def qualities():
    return fit_table().label_quality_


def test_a_small_fit_is_equal_to_the_bit_with_one_thread_and_by_default(apart):
    with process(OMP_NUM_THREADS="1") as limited:
        np.testing.assert_array_equal(apart(qualities), limited(qualities))


# -- put back ------------------------------------------------------------------------------------


def number_after(error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        fit_table(fail)
    return torch.get_num_threads()


@pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit()], ids=repr)
def test_the_number_is_put_back_after_an_error(apart, error):
    assert apart(number_after, error) == apart(torch.get_num_threads)


def numbers_after_fits_side_by_side():
    both = threading.Barrier(2)
    meets = iter([both.wait, both.wait])

    def fit():
        meet = next(meets)
        first = []
        # Both are inside of a fit at once.
        fit_table(lambda: first or first.append(meet()))
        return torch.get_num_threads()

    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(fit) for _ in range(2)]
        numbers = {each.result() for each in found}
    return numbers | {torch.get_num_threads()}


def test_the_number_is_put_back_after_fits_side_by_side(apart):
    assert apart(numbers_after_fits_side_by_side) == {apart(torch.get_num_threads)}


def numbers_of_threads_begun_in_a_fit():
    seen = set()
    with ThreadPoolExecutor(1) as thread:
        ask = partial(thread.submit, torch.get_num_threads)
        fit_table(lambda: seen.add(ask().result()))
        return seen | {ask().result()}


def test_other_threads_are_not_concerned(apart):
    assert apart(numbers_of_threads_begun_in_a_fit) == {apart(torch.get_num_threads)}


def numbers_in_nested_blocks():
    found = []
    with few_threads(1):
        found.append(torch.get_num_threads())
        with few_threads(10_000):
            found.append(torch.get_num_threads())
        found.append(torch.get_num_threads())
    return found


def test_the_innermost_block_counts_and_never_takes_more_than_there_were(apart):
    usual, _ = apart(usual_number)
    assert apart(numbers_in_nested_blocks) == [1, usual, 1]


# -- chosen by the program -----------------------------------------------------------------------


def numbers_with_threads_set(n_threads):
    torch.set_num_threads(n_threads)
    return numbers_in_fit()


@pytest.mark.parametrize("more", [0, 1])
def test_a_number_set_by_torch_is_kept(alone, more):
    n_threads = alone(torch.get_num_threads) + more
    if not more and not torch.backends.mkl.is_available():
        pytest.skip("without MKL the usual number looks like one that nobody has set")
    assert alone(numbers_with_threads_set, n_threads) == ({n_threads}, n_threads)


def numbers_with_limit(n_threads):
    with threadpool_limits(n_threads):
        return numbers_in_fit()


def test_a_limit_by_threadpoolctl_is_kept(apart):
    n_threads = apart(torch.get_num_threads) + 1
    assert apart(numbers_with_limit, n_threads) == ({n_threads}, n_threads)


@pytest.mark.parametrize("name", CHOSEN_BY)
def test_a_number_from_the_environment_is_kept(name):
    n_threads = joblib.cpu_count(only_physical_cores=True)
    if n_threads == 1:
        pytest.skip("there is one core")
    with process(**{name: str(n_threads)}) as call:
        assert call(numbers_in_fit) == ({n_threads}, n_threads)
