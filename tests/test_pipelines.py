"""The estimators as steps of pipelines of imbalanced-learn and scikit-learn."""

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as make_scikit_learn_pipeline
from sklearn.preprocessing import StandardScaler
from small_data import BOTH, SHORT, easy_table

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.pipeline import make_pipeline


def test_detector_in_the_middle_of_a_pipeline_drops_rows_at_fit():
    X, y, _ = easy_table()
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), KNeighborsClassifier())
    pipeline.fit(X, y)
    kept = ~pipeline["noisylabeldetector"].noise_mask_
    assert 0 < kept.sum() < len(y)
    assert pipeline[-1].n_samples_fit_ == kept.sum()


def test_detector_in_the_middle_of_a_pipeline_drops_no_row_at_predict():
    X, y, y_clean = easy_table()
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), LogisticRegression())
    assert (pipeline.fit(X, y).predict(X) == y_clean).mean() > 0.95


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("make", [make_pipeline, make_scikit_learn_pipeline])
def test_detector_is_the_last_step_of_a_pipeline(make):
    X, y, _ = easy_table()
    pipeline = make(StandardScaler(), NoisyLabelDetector(**SHORT)).fit(X, y)
    assert pipeline[-1].noise_mask_.shape == y.shape
    assert pipeline.predict(X).shape == y.shape


def test_detector_at_the_end_of_a_pipeline_gives_its_verdict_by_fit_predict():
    X, y, y_clean = easy_table()
    pipeline = make_scikit_learn_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT))
    assert (pipeline.fit_predict(X, y) == (y != y_clean)).mean() > 0.9


@pytest.mark.slow
def test_classifier_with_final_estimator_in_a_scikit_learn_pipeline():
    X, y, y_clean = easy_table()
    model = RobustClassifier(final_estimator=HistGradientBoostingClassifier(), **SHORT)
    pipeline = make_scikit_learn_pipeline(StandardScaler(), model).fit(X, y)
    assert pipeline.score(X, y_clean) > 0.95
    assert pipeline.predict_proba(X).shape == (len(y), 2)


def test_pipelines_of_scikit_learn_and_imbalanced_learn_share_a_base():
    assert isinstance(make_pipeline(NoisyLabelDetector()), Pipeline)


def searched(estimator, grid, X, y):
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(X, y)
    assert all(np.isfinite(search.cv_results_["mean_test_score"]))
    return search


@pytest.mark.slow
def test_parameters_of_pipeline_steps_are_searchable():
    X, y, _ = easy_table(80)
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), LogisticRegression())
    grid = {"noisylabeldetector__threshold": [0.2, 0.8], "logisticregression__C": [0.1, 1.0]}
    search = searched(pipeline, grid, X, y)
    detector = search.best_estimator_["noisylabeldetector"]
    assert detector.threshold_ == search.best_params_["noisylabeldetector__threshold"]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@BOTH
@pytest.mark.parametrize("make", [make_pipeline, make_scikit_learn_pipeline])
def test_trusted_rows_reach_the_last_step_of_a_pipeline(routing, make, estimator_class):
    X, y, y_clean = easy_table(80)
    trusted = y == y_clean
    pipeline = make(StandardScaler(), estimator_class("lsw", **SHORT)).fit(X, y, trusted=trusted)
    assert (pipeline[-1].sample_weights_[trusted] == 1).all()


def test_trusted_rows_reach_a_detector_in_the_middle_of_a_pipeline(routing):
    X, y, y_clean = easy_table(80)
    trusted = y == y_clean
    detector = NoisyLabelDetector("lsw", **SHORT)
    pipeline = make_pipeline(StandardScaler(), detector, LogisticRegression())
    pipeline.fit(X, y, trusted=trusted)
    assert (pipeline[1].sample_weights_[trusted] == 1).all()
