"""Trainings that are taken from the cache, and those that aren't."""

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from skorch.callbacks import (
    Callback,
)
from small_data import SHORT, easy_table, plain_skorch_net
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import WrongEvent
from sknoisy.nets import TabularNet


class CountTrainings(Callback):
    n_trainings = 0

    def on_train_begin(self, net, **kwargs):
        CountTrainings.n_trainings += 1


def counting_net():
    CountTrainings.n_trainings = 0
    return TabularNet(max_epochs=2, callbacks=[("count", CountTrainings())])


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(("caches", "n_trainings"), [(True, 2), (False, 6)])
def test_a_grid_over_thresholds_trains_once_per_fold_with_memory(caches, n_trainings, tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(
        net=counting_net(), memory=str(tmp_path) if caches else None, random_state=0
    )
    grid = {"threshold": [0.2, 0.4, 0.6]}
    GridSearchCV(detector, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert CountTrainings.n_trainings == n_trainings


def test_a_grid_over_final_estimators_trains_the_net_once_per_fold_with_memory(tmp_path):
    X, y, _ = easy_table(80)
    model = RobustClassifier(net=counting_net(), memory=str(tmp_path), random_state=0)
    grid = {"final_estimator": [LogisticRegression(), KNeighborsClassifier()]}
    GridSearchCV(model, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert CountTrainings.n_trainings == 2


def test_a_net_that_holds_tensors_is_found_again_in_memory(tmp_path):
    X, y, _ = easy_table(80)
    CountTrainings.n_trainings = 0
    for _ in range(2):
        net = plain_skorch_net(
            criterion__weight=torch.tensor([1.0, 2.0]), callbacks=[("count", CountTrainings())]
        )
        NoisyLabelDetector(net=net, memory=str(tmp_path), random_state=0).fit(X, y)
    assert CountTrainings.n_trainings == 1


def test_a_dataset_is_found_again_in_memory(tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(net=counting_net(), memory=str(tmp_path), random_state=0)
    for _ in range(2):
        detector.fit(TensorDataset(torch.from_numpy(X), torch.from_numpy(y)))
    assert CountTrainings.n_trainings == 1


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.02},
        {"random_state": 1},
        {"method": WrongEvent(holdout=0.3)},
        {"net__module__n_units": 8},
        {"net__criterion__weight": torch.tensor([1.0, 2.0])},
    ],
    ids=str,
)
def test_what_changes_the_training_is_not_taken_from_memory(change, tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(
        WrongEvent(), net=counting_net(), memory=str(tmp_path), random_state=0
    )
    detector.fit(X, y)
    detector.set_params(**change).fit(X, y)
    assert CountTrainings.n_trainings == 2


def test_those_that_need_the_same_training_at_the_same_time_share_it(tmp_path):
    X, y, _ = easy_table(80)
    net = counting_net().set_params(max_epochs=30)
    detector = NoisyLabelDetector(net=net, memory=str(tmp_path), random_state=0)
    parallel = Parallel(n_jobs=2, backend="threading")
    fitted = parallel(delayed(clone(detector).fit)(X, y) for _ in range(2))
    assert CountTrainings.n_trainings == 1
    np.testing.assert_array_equal(*(model.label_quality_ for model in fitted))


@pytest.mark.slow
def test_a_grid_in_two_processes_gives_what_one_gives_with_memory(tmp_path):
    X, y, _ = easy_table(80)
    scores = []
    for n_jobs in (1, 2):
        detector = NoisyLabelDetector(
            max_epochs=3, memory=str(tmp_path / str(n_jobs)), random_state=0
        )
        search = GridSearchCV(detector, {"threshold": [0.2, 0.6]}, cv=2, n_jobs=n_jobs)
        scores.append(search.fit(X, y).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


@pytest.mark.slow
def test_trainings_from_memory_give_the_same_estimator(tmp_path):
    X, y, _ = easy_table(80)
    model = RobustClassifier(memory=str(tmp_path), **SHORT)
    first = clone(model).fit(X, y)
    second = clone(model).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    np.testing.assert_array_equal(first.label_quality_, second.label_quality_)
