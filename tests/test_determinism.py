"""Equal seeds give equal results everywhere, and nothing outside the estimator is changed."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import make_bookings
from sknoisy.methods import LSW, METHODS
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.noise import flip_symmetric
from sknoisy.training import seeded_global_state
from sknoisy.training._seeding import OwnRandomness

# Equality to the bit is promised on the CPU.
SHORT = {"max_epochs": 4, "lr": 0.01, "batch_size": 32, "device": "cpu"}
ESTIMATORS = {
    "detector": NoisyLabelDetector(**SHORT),
    "detector, cross_entropy": NoisyLabelDetector("cross_entropy", **SHORT),
    "detector, lsw": NoisyLabelDetector(LSW(self_trusted=0.2), **SHORT),
    "classifier": RobustClassifier(**SHORT),
    "classifier, lsw": RobustClassifier(LSW(self_trusted=0.2), **SHORT),
    "classifier, filter": RobustClassifier(final="filter", **SHORT),
    "classifier, final_estimator": RobustClassifier(final_estimator=LogisticRegression(), **SHORT),
    "classifier, dropout": RobustClassifier(net=TabularNet(module__dropout=0.3), **SHORT),
    "detector, lsw, dropout": NoisyLabelDetector(
        LSW(self_trusted=0.2), net=TabularNet(module__dropout=0.3), **SHORT
    ),
}
EACH = pytest.mark.parametrize("name", ESTIMATORS)


def noisy_table(n_rows=120):
    X, y = make_classification(n_rows, 6, n_informative=4, random_state=0)
    return X, flip_symmetric(y, 0.2, random_state=0)[0]


def results(fitted, X):
    return [
        fitted.label_quality_,
        fitted.sample_weights_,
        fitted.suggested_labels_,
        fitted.transition_matrix_,
        fitted.predict_proba(X),
    ]


def assert_equal_results(first, second, X):
    for left, right in zip(results(first, X), results(second, X), strict=True):
        np.testing.assert_array_equal(left, right)


# -- seeds -------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH
def test_equal_seeds_give_results_equal_to_the_bit(name):
    X, y = noisy_table()
    estimator = clone(ESTIMATORS[name]).set_params(random_state=7)
    first = clone(estimator).fit(X, y)
    torch.rand(3)
    np.random.rand(3)
    second = clone(estimator).fit(X, y)
    assert_equal_results(first, second, X)


@pytest.mark.slow
@EACH
def test_other_seeds_give_other_results(name):
    X, y = noisy_table()
    first, second = (
        clone(ESTIMATORS[name]).set_params(random_state=seed).fit(X, y) for seed in (0, 1)
    )
    assert (first.label_quality_ != second.label_quality_).any()


@pytest.mark.slow
@EACH
def test_a_second_fit_of_the_same_estimator_equals_the_first(name):
    X, y = noisy_table()
    estimator = clone(ESTIMATORS[name]).set_params(random_state=0)
    first = [array.copy() for array in results(estimator.fit(X, y), X)]
    for left, right in zip(first, results(estimator.fit(X, y), X), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
@EACH
def test_generators_in_equal_states_give_equal_results(name):
    X, y = noisy_table()
    first, second = (
        clone(ESTIMATORS[name]).set_params(random_state=np.random.RandomState(0)).fit(X, y)
        for _ in range(2)
    )
    assert_equal_results(first, second, X)


@pytest.mark.slow
def test_a_generator_moves_on_with_each_fit():
    X, y = noisy_table()
    detector = NoisyLabelDetector(random_state=np.random.RandomState(0), **SHORT)
    first, second = (detector.fit(X, y).label_quality_ for _ in range(2))
    assert (first != second).any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, np.int64(5), 2**32 - 1])
def test_seeds_may_be_any_that_numpy_takes(seed):
    X, y = noisy_table()
    estimator = RobustClassifier(final="filter", random_state=seed, **SHORT)
    assert_equal_results(clone(estimator).fit(X, y), clone(estimator).fit(X, y), X)


@pytest.mark.slow
def test_without_a_seed_two_fits_differ():
    X, y = noisy_table()
    first, second = (NoisyLabelDetector(**SHORT).fit(X, y) for _ in range(2))
    assert (first.label_quality_ != second.label_quality_).any()


@pytest.mark.slow
def test_without_a_seed_numpys_global_seed_decides():
    X, y = noisy_table()
    state = np.random.get_state()
    try:
        fitted = []
        for _ in range(2):
            np.random.seed(3)
            fitted.append(NoisyLabelDetector(**SHORT).fit(X, y))
    finally:
        np.random.set_state(state)
    assert_equal_results(*fitted, X)


@pytest.mark.slow
def test_images_are_reproducible():
    random = np.random.default_rng(0)
    X, y = random.random((24, 3, 8, 8)), np.arange(24) % 2
    net = VisionNet(module__depth=10, module__width=4, batch_size=8, max_epochs=2)
    estimator = NoisyLabelDetector(net=net, device="cpu", random_state=0)
    assert_equal_results(clone(estimator).fit(X, y), clone(estimator).fit(X, y), X)


# -- several jobs ------------------------------------------------------------------------------

IN_JOBS = ("classifier", "classifier, lsw", "detector", "detector, lsw, dropout")


@pytest.fixture(scope="module")
def serial_scores():
    X, y = noisy_table()
    return {
        name: cross_val_score(
            clone(ESTIMATORS[name]).set_params(random_state=0), X, y, cv=3, scoring="neg_log_loss"
        )
        for name in IN_JOBS
    }


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("name", IN_JOBS)
def test_two_jobs_give_what_one_gives(name, backend, serial_scores):
    X, y = noisy_table()
    estimator = clone(ESTIMATORS[name]).set_params(random_state=0)
    with parallel_config(backend):
        scores = cross_val_score(estimator, X, y, cv=3, n_jobs=2, scoring="neg_log_loss")
    np.testing.assert_array_equal(scores, serial_scores[name])


@pytest.mark.parametrize("block", [OwnRandomness(1).drawing, lambda: seeded_global_state(1)])
def test_no_thread_disturbs_the_initial_weights_of_another(block):
    with seeded_global_state(0):
        alone = torch.rand(4)
    inside, finished = threading.Event(), threading.Event()

    def disturb():
        with block():
            inside.set()
            finished.wait()

    other = threading.Thread(target=disturb)
    with seeded_global_state(0):
        other.start()
        # A thread that respects the lock isn't inside before this block ends.
        inside.wait(timeout=0.2)
        drawn = torch.rand(4)
    finished.set()
    other.join()
    np.testing.assert_array_equal(drawn, alone)


class DrawnRows(TensorDataset):
    """Rows with noise from torch's global generator, as random transforms draw it."""

    def __getitem__(self, row):
        x, y = super().__getitem__(row)
        return x + 0.1 * torch.randn(x.shape), y


@pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
def test_what_a_dataset_draws_is_seeded_in_other_threads_too(estimator_class):
    X, y = noisy_table(60)
    dataset = DrawnRows(torch.from_numpy(X).float(), torch.from_numpy(y))
    estimator = estimator_class(net=TabularNet(), random_state=0, **SHORT)
    alone = clone(estimator).fit(dataset)
    torch.rand(3)
    with ThreadPoolExecutor(1) as thread:
        in_thread = thread.submit(clone(estimator).fit, dataset).result()
    np.testing.assert_array_equal(in_thread.label_quality_, alone.label_quality_)
    np.testing.assert_array_equal(in_thread.noise_rate_, alone.noise_rate_)


@pytest.mark.slow
def test_threads_take_turns_in_forward_mode():
    X, y = noisy_table(400)
    detector = NoisyLabelDetector(LSW(gradient="forward"), **SHORT)
    trusted = np.arange(len(y)) % 10 == 0

    def quality(seed):
        fitted = clone(detector).set_params(random_state=seed).fit(X, y, trusted=trusted)
        return fitted.label_quality_

    in_threads = Parallel(n_jobs=4, backend="threading")(map(delayed(quality), range(4)))
    np.testing.assert_array_equal(in_threads, [quality(seed) for seed in range(4)])


@pytest.mark.slow
def test_the_order_of_a_grid_makes_no_difference():
    X, y = noisy_table()
    detector = NoisyLabelDetector(random_state=0, **SHORT)
    scores = []
    for lrs in ([0.01, 0.02], [0.02, 0.01]):
        search = GridSearchCV(detector, {"lr": lrs}, cv=2, scoring="neg_log_loss").fit(X, y)
        by_lr = zip(lrs, search.cv_results_["mean_test_score"], strict=True)
        scores.append(sorted(by_lr))
    assert scores[0] == scores[1]


ELSEWHERE = """
import sys
from sknoisy import NoisyLabelDetector
from sknoisy.datasets import make_bookings

detector = NoisyLabelDetector(max_epochs=2, device="cpu", random_state=0)
detector.fit(*make_bookings(100, random_state=0)).get_label_issues().to_pickle(sys.argv[1])
"""


@pytest.mark.slow
def test_a_process_with_other_hashes_of_strings_gives_the_same(tmp_path):
    file = tmp_path / "issues.pickle"
    other_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, file],
        env=os.environ | {"PYTHONHASHSEED": other_seed},
        check=True,
    )
    detector = NoisyLabelDetector(max_epochs=2, device="cpu", random_state=0)
    issues = detector.fit(*make_bookings(100, random_state=0)).get_label_issues()
    pd.testing.assert_frame_equal(pd.read_pickle(file), issues, check_exact=True)


# -- torch's deterministic algorithms ------------------------------------------------------------

# What torch refuses on CUDA when it is told to use deterministic algorithms, as its documentation
# lists it; of these a fit on a CPU shows whether it would be called.
REFUSED_ON_CUDA = {
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "_ctc_loss_backward",
    "_embedding_bag_dense_backward",
    "_upsample_bilinear2d_aa_backward",
    "_upsample_bicubic2d_aa_backward",
    "adaptive_max_pool2d_backward",
    "avg_pool3d_backward",
    "bincount with weights",
    "fractional_max_pool2d_backward",
    "fractional_max_pool3d_backward",
    "grid_sampler_2d_backward",
    "grid_sampler_3d_backward",
    "histc",
    "kthvalue",
    "max_unpool2d",
    "max_unpool3d",
    "median",
    "nll_loss2d_backward",
    "nll_loss2d_forward",
    "put_",
    "reflection_pad1d_backward",
    "reflection_pad2d_backward",
    "reflection_pad3d_backward",
    "upsample_bicubic2d_backward",
    "upsample_bilinear2d_backward",
    "upsample_linear1d_backward",
    "upsample_trilinear3d_backward",
}


class SeenOperations(TorchDispatchMode):
    """Notes the names of torch's operations, those of backward passes too."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        has_weights = name == "bincount" and (len(args) > 1 and args[1] is not None)
        self.names.add("bincount with weights" if has_weights else name)
        return operation(*args, **kwargs or {})


@contextmanager
def deterministic_algorithms():
    torch.use_deterministic_algorithms(True)
    try:
        yield
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_operations_of_backward_passes_are_seen():
    X = torch.rand(1, 1, 4, 4, requires_grad=True)
    with SeenOperations() as seen:
        torch.nn.functional.interpolate(X, scale_factor=2, mode="bilinear").sum().backward()
    assert seen.names & REFUSED_ON_CUDA == {"upsample_bilinear2d_backward"}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_no_method_calls_what_torch_refuses_in_its_deterministic_mode(method):
    X, y = np.random.default_rng(0).random((24, 3, 8, 8)), np.arange(24) % 2
    net = VisionNet(module__depth=10, module__width=4, batch_size=12, max_epochs=1)
    model = RobustClassifier(method, net=net, device="cpu", random_state=0)
    with deterministic_algorithms(), SeenOperations() as seen:
        model.fit(X, y, trusted=np.arange(24) % 3 == 0).predict_proba(X)
    assert "_log_softmax" in seen.names
    assert not seen.names & REFUSED_ON_CUDA


@pytest.mark.parametrize("name", ["classifier", "classifier, lsw"])
def test_torchs_deterministic_mode_changes_nothing_on_a_cpu(name):
    X, y = noisy_table()
    estimator = clone(ESTIMATORS[name]).set_params(random_state=0)
    with deterministic_algorithms():
        first = clone(estimator).fit(X, y)
    assert_equal_results(first, estimator.fit(X, y), X)


# -- the program outside -----------------------------------------------------------------------


def global_state():
    return {
        "numpy": np.random.get_state()[1].tobytes() + bytes([np.random.get_state()[2] % 256]),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def use_everything(estimator, X, y):
    estimator.fit(X, y)
    estimator.predict(X)
    estimator.predict_proba(X)
    estimator.predict_noise(X, y)
    estimator.get_label_issues()


@pytest.mark.first_case_is_quick
@EACH
def test_global_state_is_as_before(name):
    X, y = noisy_table()
    before = global_state()
    use_everything(clone(ESTIMATORS[name]).set_params(random_state=0), X, y)
    assert global_state() == before


def test_global_state_is_as_before_with_a_dataset():
    X, y = noisy_table()
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    before = global_state()
    use_everything(NoisyLabelDetector(random_state=0, **SHORT), dataset, y)
    assert global_state() == before


@pytest.mark.slow
@pytest.mark.parametrize("method", ["wrong_event", LSW(self_trusted=0.3)])
def test_global_state_is_as_before_with_images(method):
    X, y = np.random.default_rng(0).random((16, 8, 8)), np.arange(16) % 2
    net = VisionNet(module__depth=10, module__width=4, batch_size=8, max_epochs=2)
    before = global_state()
    use_everything(RobustClassifier(method, net=net, random_state=0), X, y)
    assert global_state() == before


@pytest.mark.slow
def test_global_state_of_a_fit_in_threads_is_as_before():
    X, y = noisy_table()
    before = global_state()
    with parallel_config("threading"):
        cross_val_score(RobustClassifier(random_state=0, **SHORT), X, y, cv=2, n_jobs=2)
    assert global_state() == before


# -- inputs ------------------------------------------------------------------------------------


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.slow
@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_may_be_read_only(name, dtype):
    X, y = noisy_table()
    X = X.astype(dtype)
    estimator = clone(ESTIMATORS[name]).set_params(random_state=0)
    trusted, weights = np.arange(len(y)) < 40, np.linspace(0, 1, len(y))
    first = clone(estimator).fit(X, y, trusted=trusted, sample_weight=weights)
    second = clone(estimator).fit(
        frozen(X), frozen(y), trusted=frozen(trusted), sample_weight=frozen(weights)
    )
    use = frozen(X)
    assert_equal_results(first, second, use)
    second.predict_noise(use, frozen(y))


@pytest.mark.first_case_is_quick
@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_are_left_as_they_were(name, dtype):
    X, y = noisy_table()
    inputs = X.astype(dtype), y, np.arange(len(y)) < 40, np.linspace(0, 1, len(y))
    before = [array.copy() for array in inputs]
    X, y, trusted, weights = inputs
    fitted = clone(ESTIMATORS[name]).set_params(random_state=0)
    fitted.fit(X, y, trusted=trusted, sample_weight=weights)
    fitted.predict_noise(X, y)
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_left_as_they_were(dtype):
    X = np.random.default_rng(0).integers(0, 2, (16, 3, 8, 8)).astype(dtype)
    y, before = np.arange(16) % 2, X.copy()
    net = VisionNet(module__depth=10, module__width=4, batch_size=8, max_epochs=2)
    RobustClassifier(net=net, random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_what_was_learnt_does_not_change_with_the_inputs():
    X, y = noisy_table()
    fitted = NoisyLabelDetector(random_state=0, **SHORT).fit(X, y)
    issues = fitted.get_label_issues()
    y[:] = 0
    pd.testing.assert_frame_equal(fitted.get_label_issues(), issues)
