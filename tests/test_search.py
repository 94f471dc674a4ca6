"""Grid search and cross-validation, with trusted rows and weights by metadata routing."""

import numpy as np
import pytest
import sklearn
from sklearn.base import is_classifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from small_data import BOTH, SHORT, easy_table

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, CrossEntropy, WrongEvent
from sknoisy.metrics import clean_accuracy_scorer, noise_f1_scorer, trusted_accuracy_scorer
from sknoisy.nets import TabularNet


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def searched(estimator, grid, X, y):
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(X, y)
    assert all(np.isfinite(search.cv_results_["mean_test_score"]))
    return search


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    "grid",
    [
        {"threshold": ["auto", 0.3]},
        {"contamination": [0.1, 0.3]},
        {"method": ["cross_entropy", "wrong_event"]},
        {"method": [CrossEntropy(), LSW(self_trusted=0.2)]},
        {"method__holdout": [0.0, 0.2]},
        {"method": [WrongEvent()], "method__per_class": [True, False]},
        {"net__module__n_units": [4, 8]},
        {"net__optimizer__weight_decay": [0.0, 0.1]},
        {"net": [TabularNet, TabularNet(module__n_layers=1)][1:], "net__lr": [0.01, 0.02]},
    ],
    ids=str,
)
def test_parameters_are_searchable(estimator_class, grid):
    X, y, _ = easy_table(80)
    estimator = estimator_class(WrongEvent(), net=TabularNet(), max_epochs=3, random_state=0)
    search = searched(estimator, grid, X, y)
    assert set(search.best_params_) == set(grid)


def test_parameters_of_the_classifier_alone_are_searchable():
    X, y, _ = easy_table(80)
    estimator = RobustClassifier(final_estimator=LogisticRegression(), **SHORT)
    grid = {"final": ["filter", "filter_weight"], "final_estimator__C": [0.1, 1.0]}
    assert set(searched(estimator, grid, X, y).best_params_) == set(grid)


def test_searched_parameters_reach_the_net():
    X, y, _ = easy_table(80)
    estimator = NoisyLabelDetector(net=TabularNet(), max_epochs=2, random_state=0)
    search = searched(estimator, {"net__module__n_units": [7]}, X, y)
    assert search.best_estimator_.net_.module_.head.in_features == 7


@BOTH
def test_estimators_are_classifiers_so_that_splits_are_stratified(estimator_class):
    assert is_classifier(estimator_class())


@BOTH
def test_trusted_rows_reach_fit_in_cross_validation(routing, estimator_class):
    X, y, y_clean = easy_table(80)
    estimator = estimator_class("lsw", **SHORT)
    params = {"trusted": y == y_clean}
    results = cross_validate(estimator, X, y, cv=2, params=params, error_score="raise")
    assert np.isfinite(results["test_score"]).all()


@BOTH
def test_sample_weight_is_routed_on_request(routing, estimator_class):
    X, y, _ = easy_table(80)
    weights = np.ones(len(y))
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(
            estimator_class(**SHORT), X, y, params={"sample_weight": weights}, error_score="raise"
        )
    estimator = estimator_class(**SHORT)
    estimator.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    cross_validate(estimator, X, y, cv=2, params={"sample_weight": weights}, error_score="raise")


@pytest.mark.parametrize(
    ("scorer", "metadata"),
    [
        (clean_accuracy_scorer, "y_clean"),
        (noise_f1_scorer, "flipped"),
        (trusted_accuracy_scorer, "trusted"),
    ],
)
@BOTH
def test_scorers_on_what_is_known_of_the_truth(routing, estimator_class, scorer, metadata):
    X, y, y_clean = easy_table()
    known = {"y_clean": y_clean, "flipped": y != y_clean, "trusted": np.arange(len(y)) % 4 == 0}
    known["trusted"] &= y == y_clean
    search = GridSearchCV(
        estimator_class(**SHORT), {"threshold": [0.5]}, scoring=scorer, cv=2, error_score="raise"
    )
    search.fit(X, y, **{metadata: known[metadata]})
    assert search.best_score_ > 0.8
