"""A fit succeeds as a whole, or leaves the estimator as it was."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import Callback

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import NonFiniteLossError
from sknoisy.nets import TabularNet

SHORT = {"max_epochs": 3, "device": "cpu", "random_state": 0}
BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])


def table(n_features=3):
    return make_blobs(60, n_features, centers=2, random_state=0)


class Stop(Callback):
    """Ends a training by an error."""

    def __init__(self, error):
        self.error = error

    def on_batch_end(self, net, **kwargs):
        raise self.error


class Unlearnable(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise RuntimeError("not today")


def stopped_by(error):
    return {"net": TabularNet(callbacks=[("stop", Stop(error))])}


X, Y = table()
OTHER_X = np.hstack([X, X])
# Constructor parameters and data of a fit that fails, and its error.
FAILURES = {
    "bad parameter": ({"threshold": 2}, OTHER_X, Y, ValueError),
    "bad y": ({}, OTHER_X, np.where(np.arange(60) == 3, np.nan, Y), ValueError),
    "one class": ({}, OTHER_X, np.zeros(60), ValueError),
    "short y": ({}, OTHER_X, Y[:-1], ValueError),
    "infinite loss": ({"lr": 1e38}, OTHER_X, Y, NonFiniteLossError),
    "interrupt": (stopped_by(KeyboardInterrupt()), OTHER_X, Y, KeyboardInterrupt),
    "callback": (stopped_by(ZeroDivisionError()), OTHER_X, Y, ZeroDivisionError),
    "exit": (stopped_by(SystemExit()), OTHER_X, Y, SystemExit),
}
EACH_FAILURE = pytest.mark.parametrize("failure", FAILURES)


def fail(estimator, failure):
    params, X, y, error = FAILURES[failure]
    before = estimator.get_params(deep=False)
    with pytest.raises(error):
        estimator.set_params(**params).fit(X, y)
    for name in params:
        setattr(estimator, name, before[name])


@BOTH
@EACH_FAILURE
def test_an_unfitted_estimator_stays_unfitted(estimator_class, failure):
    estimator = estimator_class(**SHORT)
    before = dict(vars(estimator))
    fail(estimator, failure)
    assert vars(estimator) == before
    with pytest.raises(NotFittedError):
        estimator.predict(X)


@pytest.mark.first_case_is_quick
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@BOTH
@EACH_FAILURE
def test_a_fitted_estimator_stays_as_it_was(estimator_class, failure):
    estimator = estimator_class(**SHORT).fit(pd.DataFrame(X, columns=["a", "b", "c"]), Y)
    before = dict(vars(estimator))
    probabilities = estimator.predict_proba(X)
    fail(estimator, failure)
    assert vars(estimator).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(estimator).items())
    np.testing.assert_array_equal(estimator.predict_proba(X), probabilities)


@pytest.mark.slow
def test_a_final_estimator_that_fails_leaves_the_earlier_fit():
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="not today"):
        model.set_params(final_estimator=Unlearnable()).fit(OTHER_X, Y)
    assert vars(model).keys() == before.keys()
    assert model.n_features_in_ == 3
    np.testing.assert_array_equal(model.predict(X), before["final_estimator_"].predict(X))


@pytest.mark.slow
def test_rows_of_an_earlier_resampling_do_not_outlive_a_fit():
    detector = NoisyLabelDetector(**SHORT)
    detector.fit_resample(X, Y)
    detector.fit(X[:40], Y[:40])
    assert not hasattr(detector, "sample_indices_")


def test_a_resampling_that_fails_leaves_the_earlier_one():
    detector = NoisyLabelDetector(**SHORT)
    detector.fit_resample(X, Y)
    before = detector.sample_indices_
    with pytest.raises(ValueError, match="one class"):
        detector.fit_resample(X, np.zeros(60))
    assert detector.sample_indices_ is before


@pytest.mark.slow
def test_an_earlier_final_estimator_does_not_outlive_a_fit_without_one():
    model = RobustClassifier(final_estimator=DecisionTreeClassifier(), **SHORT).fit(X, Y)
    model.set_params(final_estimator=None).fit(X, Y)
    assert not hasattr(model, "final_estimator_")


def test_what_was_fitted_predicts_until_the_next_fit():
    model = RobustClassifier(final_estimator=DecisionTreeClassifier(), **SHORT).fit(X, Y)
    expected = model.predict_proba(X)
    model.set_params(final_estimator=None)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.slow
@BOTH
def test_column_names_of_an_earlier_table_do_not_outlive_a_fit_without(estimator_class):
    estimator = estimator_class(**SHORT).fit(pd.DataFrame(X, columns=["a", "b", "c"]), Y)
    assert not hasattr(estimator.fit(X, Y), "feature_names_in_")


@pytest.mark.slow
@BOTH
def test_parameters_requests_and_notes_of_the_user_outlive_a_fit(estimator_class):
    estimator = estimator_class(threshold=0.4, **SHORT)
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=False)
    estimator.note = "mine"
    requests = estimator._metadata_request
    estimator.fit(X, Y).fit(X, Y)
    assert (estimator.threshold, estimator.note) == (0.4, "mine")
    assert estimator._metadata_request is requests
