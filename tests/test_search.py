"""Grid search and cross-validation, with trusted rows and weights by metadata routing."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from small_data import BOTH, SHORT, easy_table
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, CrossEntropy, Method, WrongEvent
from sknoisy.metrics import clean_accuracy_scorer, noise_f1_scorer, trusted_accuracy_scorer
from sknoisy.nets import TabularNet, VisionNet


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


@pytest.mark.slow
def test_parameters_of_the_classifier_alone_are_searchable():
    X, y, _ = easy_table(80)
    estimator = RobustClassifier(final_estimator=LogisticRegression(), **SHORT)
    grid = {"final": ["filter", "filter_weight"], "final_estimator__C": [0.1, 1.0]}
    assert set(searched(estimator, grid, X, y).best_params_) == set(grid)


DEFAULTS = [
    {"net__lr": [0.01, 0.02]},
    {"net__module__n_units": [4, 8]},
    {"net__weak_view": [None, "noise"], "lr": [0.01]},
    {"net__optimizer__weight_decay": [0.0, 0.1]},
    {"method__holdout": [0.0, 0.2]},
]


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("grid", DEFAULTS, ids=str)
def test_parameters_of_the_defaults_are_searchable(estimator_class, grid):
    X, y, _ = easy_table(80)
    search = searched(estimator_class(**SHORT), grid, X, y)
    assert set(search.best_params_) == set(grid)
    assert {name: search.best_estimator_.get_params()[name] for name in grid} == search.best_params_


@pytest.mark.slow
def test_a_search_needs_no_object_where_the_method_has_a_name():
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector("cores", **SHORT)
    search = searched(detector, {"method__beta": [1.0, 2.0]}, X, y)
    assert isinstance(search.best_estimator_.method, Method)


def parameters_of_net(**parameters):
    """Return a detector with the default net, some of whose parameters are set."""
    return NoisyLabelDetector(**SHORT).set_params(**parameters)


def test_parameters_of_the_default_net_reach_it():
    X, y, _ = easy_table(60)
    detector = parameters_of_net(net__module__n_units=7, net__lr=0.02, net__weak_view="noise")
    detector.set_params(lr=None)
    net = detector.fit(X, y).net_
    assert isinstance(net, TabularNet)
    assert (net.module_.head.in_features, net.lr, net.weak_view) == (7, 0.02, "noise")


def test_parameters_of_the_default_net_for_images_reach_it():
    images = np.random.default_rng(0).random((8, 1, 8, 8))
    detector = parameters_of_net(net__module__depth=10, net__module__width=4)
    net = detector.set_params(max_epochs=1).fit(images, np.arange(8) % 2).net_
    assert isinstance(net, VisionNet)
    assert net.module_.head.in_features == 32


def test_parameters_may_be_those_of_a_module_class():
    class Linear(nn.Linear):
        def __init__(self, n_features, n_classes, bias=True):
            super().__init__(n_features, n_classes, bias)

    X, y, _ = easy_table(60)
    detector = NoisyLabelDetector(net=Linear, **SHORT)
    detector.set_params(net__module__bias=False, net__lr=0.1).fit(X, y)
    assert isinstance(detector.net_.module_, Linear)
    assert detector.net_.module_.bias is None


COPIES = {
    "clone": clone,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "parameters": lambda estimator: NoisyLabelDetector().set_params(**estimator.get_params()),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_have_the_parameters_of_the_defaults(copied):
    detector = parameters_of_net(net__lr=0.3, method__holdout=0.2, net__module__n_units=5)
    found = copied(detector).get_params()
    assert found["net__lr"] == 0.3
    assert found["net__module__n_units"] == 5
    assert found["method__holdout"] == 0.2


def test_setting_a_clones_parameter_leaves_the_original():
    detector = parameters_of_net(net__lr=0.3)
    clone(detector).set_params(net__lr=0.4)
    assert detector.get_params()["net__lr"] == 0.3


def test_the_parameters_of_the_default_net_are_shown():
    assert "lr=0.3" in repr(parameters_of_net(net__lr=0.3))


def test_none_is_the_default_net_without_parameters_again():
    detector = parameters_of_net(net__lr=0.3).set_params(net=None)
    assert detector.net is None
    assert "net__lr" not in detector.get_params()


@pytest.mark.slow
def test_equal_parameters_of_the_default_net_share_a_cached_training(tmp_path):
    X, y, _ = easy_table(60)
    settings = {"net__module__n_units": 7, "memory": str(tmp_path)}

    def fit(lr):
        detector = parameters_of_net(**settings, net__lr=lr)
        detector.fit(X, y)
        return len(list(tmp_path.rglob("output.pkl")))

    assert [fit(0.01), fit(0.01), fit(0.02)] == [1, 1, 2]


@BOTH
@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"net__learning_rate": 0.1}, "'net__lr'"),
        ({"net__module__units": 4}, "'net__module__n_units'"),
        ({"method__hold_out": 0.1}, "'holdout'"),
        ({"method": "wrong_events", "method__holdout": 0.1}, "'wrong_event'"),
    ],
    ids=str,
)
def test_unknown_names_are_refused_before_the_fit(estimator_class, parameters, named):
    estimator = estimator_class()
    with pytest.raises(ValueError, match=named):
        estimator.set_params(**parameters)
    assert (estimator.method, estimator.net) == ("wrong_event", None)


def test_a_parameter_of_the_net_for_images_is_refused_for_a_table():
    X, y, _ = easy_table(60)
    detector = parameters_of_net(net__module__depth=10)
    with pytest.raises(ValueError, match="TabularNet takes 'net__module__dropout'"):
        detector.fit(X, y)


def test_what_is_no_net_has_no_parameters():
    with pytest.raises(TypeError, match="The 'net' parameter must be None.* Got 5"):
        NoisyLabelDetector(net=5).set_params(net__lr=0.1)


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


@pytest.mark.first_case_is_quick
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


@pytest.mark.slow
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
