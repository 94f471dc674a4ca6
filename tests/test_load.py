"""Many fits in one process, and many at once."""

import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from small_data import easy_table, tiny_images

from sknoisy import NoisyLabelDetector, RobustClassifier, thresholds
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.thresholds import label_margins
from sknoisy.training import _estimator_trainer, class_probabilities

N_THREADS = 8
FEW = {"device": "cpu", "random_state": 0}


def models():
    net = TabularNet(module__n_units=8, module__dropout=0.2, max_epochs=2)
    trees = HistGradientBoostingClassifier(max_iter=3)
    return {
        "cross entropy": NoisyLabelDetector("cross_entropy", net=net, **FEW),
        "both stages": RobustClassifier(net=net, final="method", **FEW),
        "LSW": NoisyLabelDetector("lsw", net=net, **FEW),
        "DivideMix": NoisyLabelDetector("dividemix", net=net, **FEW),
        "trees": NoisyLabelDetector(estimator=trees, random_state=0),
    }


def answers(model, X, y):
    return [model.label_quality_, model.predict_proba(X), model.score_labels(X, y)]


# -- one after the other -------------------------------------------------------------------------


def what_the_process_holds():
    gc.collect()
    tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    handles = Path("/proc/self/fd")
    return {
        "threads": threading.active_count(),
        "handles": len(list(handles.iterdir())) if handles.exists() else None,
        "tensors": len(tensors),
    }


def test_fits_leave_no_threads_file_handles_or_tensors_behind(tmp_path):
    X, y, truth = easy_table(60)
    trusted = (np.arange(len(y)) % 3 == 0) & (y == truth)
    several = models()
    several["both stages"].set_params(checkpoint_dir=tmp_path / "checkpoints")
    several["cross entropy"].set_params(memory=str(tmp_path / "cache"))
    X_mapped = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", shape=X.shape)
    X_mapped[:] = X

    def use_each():
        for model in several.values():
            answers(model.fit(X_mapped, y, trusted=trusted), X_mapped, y)

    # The first ones import libraries.
    use_each()
    before = what_the_process_holds()
    for _ in range(5):
        use_each()
    assert what_the_process_holds() == before


# -- at once -------------------------------------------------------------------------------------


def at_once(functions):
    """Return what functions return that all begin together, each in a thread of its own."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        barrier.wait()
        return function()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        with ThreadPoolExecutor(len(functions)) as threads:
            return list(threads.map(run, functions))
    finally:
        sys.setswitchinterval(interval)


def fit_and_answer(name, seed, X, y, trusted):
    model = models()[name].set_params(random_state=seed)
    return answers(model.fit(X, y, trusted=trusted), X, y)


def test_eight_threads_that_fit_and_predict_find_what_one_finds():
    X, y, truth = easy_table(60)
    trusted = (np.arange(len(y)) % 3 == 0) & (y == truth)
    names = [*models(), *models()][:N_THREADS]
    jobs = [partial(fit_and_answer, name, seed, X, y, trusted) for seed, name in enumerate(names)]
    alone = [job() for job in jobs]
    for name, found, expected in zip(names, at_once(jobs), alone, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("name", ["both stages", "trees"])
def test_eight_threads_may_ask_the_same_model(name):
    X, y, truth = easy_table(60)
    model = models()[name].fit(X, y)
    parts = [np.roll(X, shift, axis=0)[: 20 + shift] for shift in range(N_THREADS)]
    labels = [np.roll(y, shift)[: 20 + shift] for shift in range(N_THREADS)]
    jobs = [partial(answers, model, *each) for each in zip(parts, labels, strict=True)]
    for found, expected in zip(at_once(jobs * 2), [job() for job in jobs] * 2, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert_array_equal(one, other)


@pytest.mark.slow
def test_images_are_learnt_in_several_threads_at_once():
    X, y = tiny_images(24)
    net = VisionNet(module__depth=10, module__width=4, max_epochs=1, batch_size=8)

    def fitted(seed):
        model = NoisyLabelDetector(net=net, device="cpu", random_state=seed).fit(X, y)
        return model.predict_proba(X)

    jobs = [partial(fitted, seed) for seed in range(4)]
    alone = [job() for job in jobs]
    for found, expected in zip(at_once(jobs), alone, strict=True):
        assert_array_equal(found, expected)


# -- many rows -----------------------------------------------------------------------------------


class CountingTrees(HistGradientBoostingClassifier):
    """Remembers how many values it was asked about at a time."""

    sizes: ClassVar[list] = []

    def predict_proba(self, X):
        self.sizes.append(X.size)
        return super().predict_proba(X)


def test_trees_predict_large_tables_in_blocks(monkeypatch):
    X, y, _ = easy_table(90)
    trees = CountingTrees(max_iter=5).fit(X, y)
    expected = class_probabilities(trees, X, 3)
    monkeypatch.setattr(_estimator_trainer, "MAX_VALUES", 50)
    CountingTrees.sizes.clear()
    assert_array_equal(class_probabilities(trees, X, 3), expected)
    assert max(CountingTrees.sizes) <= 50
    assert sum(CountingTrees.sizes) == X.size


def test_margins_of_many_rows_are_those_of_each_alone(monkeypatch):
    monkeypatch.setattr(thresholds, "BLOCK_ROWS", 7)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    codes = np.arange(20) % 3
    alone = [label_margins(probabilities[[row]], codes[[row]]) for row in range(20)]
    assert_array_equal(label_margins(probabilities, codes), np.concatenate(alone))
