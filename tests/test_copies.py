"""Clones, pickles, and fitted estimators inside those of scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from small_data import (
    BOTH,
    SHORT,
    easy_table,
)

from sknoisy import RobustClassifier
from sknoisy.methods import WrongEvent
from sknoisy.nets import TabularNet


@BOTH
def test_clone_keeps_parameters_and_drops_what_was_learnt(estimator_class):
    X, y, _ = easy_table(80)
    method, net = WrongEvent(holdout=0.2), TabularNet(module__n_units=8)
    fitted = estimator_class(method, net=net, threshold=0.4, **SHORT).fit(X, y)
    copy = clone(fitted)
    assert (copy.threshold, copy.method.holdout, copy.net.module__n_units) == (0.4, 0.2, 8)
    assert list(copy.get_params()) == list(fitted.get_params())
    assert copy.method is not method and copy.net is not net
    assert not hasattr(copy, "noise_mask_")


@pytest.mark.first_case_is_quick
@BOTH
def test_fitted_estimators_survive_pickling(estimator_class):
    X, y, _ = easy_table(80)
    fitted = estimator_class(**SHORT).fit(X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.get_label_issues(), fitted.get_label_issues())


@pytest.mark.first_case_is_quick
@BOTH
def test_frozen_estimators_aren_t_fitted_again(estimator_class):
    X, y, _ = easy_table(80)
    fitted = estimator_class(**SHORT).fit(X, y)
    frozen = FrozenEstimator(fitted).fit(X, 1 - y)
    np.testing.assert_array_equal(frozen.predict(X), fitted.predict(X))


@pytest.mark.slow
def test_calibration_fits_clones():
    X, y, y_clean = easy_table()
    model = CalibratedClassifierCV(RobustClassifier(**SHORT), cv=2).fit(X, y)
    assert model.score(X, y_clean) > 0.95


@pytest.mark.slow
def test_calibration_takes_a_frozen_classifier():
    X, y, y_clean = easy_table()
    frozen = FrozenEstimator(RobustClassifier(**SHORT).fit(X, y))
    assert CalibratedClassifierCV(frozen).fit(X, y).score(X, y_clean) > 0.95
