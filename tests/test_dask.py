"""Grids, cross-validation and bagging on a Dask cluster give what one process gives."""

import os
import re
import signal
import threading
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

pytest.importorskip("distributed")
dd = pytest.importorskip("dask.dataframe")
from dask_cluster import CountedArray, NoteTrainings, two_workers  # noqa: E402

from sknoisy import NoisyLabelDetector, RobustClassifier  # noqa: E402
from sknoisy.dask import detect_in_partitions  # noqa: E402
from sknoisy.methods import LSW  # noqa: E402
from sknoisy.nets import TabularNet  # noqa: E402
from sknoisy.noise import flip_symmetric  # noqa: E402

pytestmark = pytest.mark.slow

SHORT = {"max_epochs": 3, "lr": 0.01, "batch_size": 32, "device": "cpu", "random_state": 0}
PLAIN = RobustClassifier("cross_entropy", net=TabularNet(), **SHORT)
ESTIMATORS = {
    "net and trees": NoisyLabelDetector(**SHORT),
    "net with dropout": RobustClassifier(
        LSW(self_trusted=0.2), net=TabularNet(module__dropout=0.3), **SHORT
    ),
}


@pytest.fixture(scope="module")
def client():
    with two_workers() as client:
        yield client


def noisy_table(n_rows=160):
    X, y = make_classification(n_rows, 6, n_informative=4, random_state=0)
    return X, flip_symmetric(y, 0.2, random_state=0)[0]


def scores(estimator, X, y, cv=2):
    return cross_val_score(estimator, X, y, cv=cv, scoring="neg_log_loss", error_score="raise")


def search(estimator, grid, X, y):
    found = GridSearchCV(estimator, grid, cv=2, scoring="neg_log_loss", error_score="raise")
    return found.fit(X, y).cv_results_["mean_test_score"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_cross_validation_gives_what_one_process_gives(name, client):
    X, y = noisy_table()
    with parallel_config("dask"):
        on_cluster = scores(ESTIMATORS[name], X, y)
    np.testing.assert_array_equal(on_cluster, scores(ESTIMATORS[name], X, y))


def test_bagged_estimators_are_those_of_one_process(client):
    X, y = noisy_table()
    bagging = BaggingClassifier(PLAIN, n_estimators=2, random_state=0)
    alone = clone(bagging).fit(X, y)
    with parallel_config("dask"):
        on_cluster = clone(bagging).fit(X, y)
    for one, other in zip(alone.estimators_, on_cluster.estimators_, strict=True):
        np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_two_searches_give_what_one_process_gives_and_scattered_data_is_sent_once(client):
    X, y = noisy_table()
    X = X.view(CountedArray)
    grid = {"lr": [0.01, 0.02]}
    CountedArray.n_sent = 0
    with parallel_config("dask", scatter=[X, y]):
        on_cluster = [search(PLAIN, grid, X, y) for _ in range(2)]
    assert CountedArray.n_sent == 1
    np.testing.assert_array_equal(on_cluster, [search(PLAIN, grid, X, y)] * 2)


def test_a_search_sends_data_once_even_if_it_was_not_scattered(client):
    X, y = noisy_table()
    X = X.view(CountedArray)
    CountedArray.n_sent = 0
    with parallel_config("dask"):
        search(PLAIN, {"lr": [0.01, 0.02]}, X, y)
    assert CountedArray.n_sent == 1


def test_a_grid_over_thresholds_trains_once_per_fold_with_memory(client, tmp_path):
    X, y = noisy_table()
    folder = tmp_path / "trainings"
    folder.mkdir()
    net = TabularNet(callbacks=[("note", NoteTrainings(str(folder)))])
    detector = NoisyLabelDetector(net=net, memory=str(tmp_path / "cache"), **SHORT)
    grid = {"threshold": [0.2, 0.4, 0.6]}
    with parallel_config("dask"):
        on_cluster = GridSearchCV(detector, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert len(list(folder.iterdir())) == 2
    alone = GridSearchCV(clone(detector).set_params(memory=None), grid, cv=2, refit=False)
    np.testing.assert_array_equal(
        on_cluster.cv_results_["mean_test_score"], alone.fit(X, y).cv_results_["mean_test_score"]
    )


def test_partitions_are_judged_on_workers_by_a_detector_that_is_not_sent_with_each(client):
    X, y = noisy_table()
    frame = dd.from_pandas(pd.DataFrame(X, columns=list("abcdef")).assign(label=y), npartitions=8)
    verdicts, detector = detect_in_partitions(
        NoisyLabelDetector(**SHORT), frame, "label", sample_size=80, random_state=0
    )
    here = verdicts.compute(scheduler="sync")
    detector.label_quality_ = detector.label_quality_.view(CountedArray)
    CountedArray.n_sent = 0
    pd.testing.assert_frame_equal(verdicts.compute(), here)
    # Dask pickles the graph for its size, and to send it.
    assert CountedArray.n_sent <= 2


def test_scores_are_the_same_if_a_worker_is_killed_in_the_middle(client, tmp_path):
    X, y = noisy_table()
    net = TabularNet(callbacks=[("note", NoteTrainings(str(tmp_path)))])
    model = clone(PLAIN).set_params(net=net, max_epochs=20)
    splits = list(StratifiedKFold(6).split(X, y))
    killed = []

    def kill_who_begins_the_third_training():
        while len(list(tmp_path.iterdir())) < 3:
            assert not done.wait(0.01)
        latest = max(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        killed.append(int(latest.name.split()[0]))
        os.kill(killed[0], signal.SIGKILL)

    done = threading.Event()
    killer = threading.Thread(target=kill_who_begins_the_third_training)
    killer.start()
    # Copies of scattered data are dropped while none needs them, unless told otherwise.
    client.amm.stop()
    with parallel_config("dask", scatter=[X, y, *chain.from_iterable(splits)]):
        on_cluster = scores(model, X, y, cv=splits)
    done.set()
    killer.join()
    assert killed[0] not in client.run(os.getpid).values()
    assert len(list(tmp_path.iterdir())) > len(splits)
    np.testing.assert_array_equal(on_cluster, scores(model, X, y, cv=splits))


def test_snippets_of_the_user_guide_run_in_order(client):
    page = Path(__file__).parents[1] / "docs" / "user_guide" / "grids_on_clusters.md"
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "__main__"}
    try:
        for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
            exec(compile(block, str(page), "exec"), namespace)
    finally:
        namespace["client"].close()
    assert namespace["search"].best_params_["max_epochs"] in (5, 10)
    assert 0 < namespace["share"] < 0.3
