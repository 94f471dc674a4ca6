"""Classifiers of scikit-learn, or fresh nets, that learn what the verdict leaves."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline as make_scikit_learn_pipeline
from sklearn.preprocessing import StandardScaler
from small_data import SHORT, easy_table
from torch.utils.data import TensorDataset

from sknoisy import RobustClassifier


def test_final_estimator_sees_the_kept_rows_only():
    X, y, _ = easy_table()
    final = KNeighborsClassifier()
    model = RobustClassifier(final="filter", final_estimator=final, **SHORT).fit(X, y)
    assert model.noise_mask_.any()
    assert model.final_estimator_.n_samples_fit_ == (~model.noise_mask_).sum()


@pytest.mark.slow
def test_soft_training_leaves_out_what_is_probably_wrong():
    X, y, _ = easy_table()
    final = KNeighborsClassifier()
    model = RobustClassifier(final="soft", final_estimator=final, **SHORT).fit(X, y)
    assert 0 < model.final_estimator_.n_samples_fit_ < len(y)
    assert model.final_estimator_.n_samples_fit_ == (model.label_quality_ > 0.375).sum()


def test_plain_training_sees_all_rows():
    X, y, _ = easy_table()
    final = KNeighborsClassifier()
    model = RobustClassifier(final="plain", final_estimator=final, **SHORT).fit(X, y)
    assert model.final_estimator_.n_samples_fit_ == len(y)


@pytest.mark.slow
def test_final_estimator_keeps_column_names():
    X, y, _ = easy_table()
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(X, y)
    assert list(model.final_estimator_.feature_names_in_) == ["a", "b", "c", "d"]


@pytest.mark.slow
def test_final_estimator_may_be_a_pipeline():
    X, y, y_clean = easy_table()
    final = make_scikit_learn_pipeline(StandardScaler(), LogisticRegression())
    model = RobustClassifier(final_estimator=final, **SHORT).fit(X, y)
    assert model.score(X, y_clean) > 0.95


@pytest.mark.slow
def test_weights_reach_a_final_estimator():
    X, y, _ = easy_table()
    settings = {"final_estimator": LogisticRegression(), "contamination": 0.2, **SHORT}
    plain = RobustClassifier(final="filter", **settings).fit(X, y)
    weighted = RobustClassifier(final="weight", **settings).fit(X, y)
    expected = LogisticRegression().fit(X, y, sample_weight=weighted.sample_weights_)
    np.testing.assert_allclose(weighted.final_estimator_.coef_, expected.coef_, rtol=1e-5)
    assert not np.allclose(plain.final_estimator_.coef_, expected.coef_)


@pytest.mark.slow
def test_soft_weights_rise_with_the_quality():
    X, y, _ = easy_table()
    final = LogisticRegression()
    model = RobustClassifier(final="soft", final_estimator=final, **SHORT).fit(X, y)
    weights = np.clip(4 * model.label_quality_ - 1.5, 0, 1)
    kept = weights > 0
    expected = final.fit(X[kept], y[kept], sample_weight=weights[kept])
    np.testing.assert_allclose(model.final_estimator_.coef_, expected.coef_, rtol=1e-5)


def test_predict_proba_is_missing_where_the_final_estimator_has_none():
    from sklearn.svm import LinearSVC

    X, y, _ = easy_table()
    model = RobustClassifier(final_estimator=LinearSVC(), **SHORT).fit(X, y)
    assert not hasattr(model, "predict_proba")
    assert model.predict(X).shape == y.shape


def test_labels_of_new_rows_are_scored_by_the_final_estimator():
    X, y, _ = easy_table()
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(X, y)
    given = model.final_estimator_.predict_proba(X)[np.arange(len(y)), y]
    scores = model.score_labels(X, y)
    # Beyond rounding, rows keep the order of the final estimator.
    assert np.diff(scores[np.argsort(given)]).min() >= -1e-12
    np.testing.assert_array_equal(scores < model.threshold_, given < 0.5)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("final", ["weight", "filter", "filter_weight"])
@pytest.mark.parametrize("final_estimator", [None, LogisticRegression()], ids=["net", "estimator"])
def test_classifiers_of_the_final_training_know_all_classes(final, final_estimator):
    X, y, _ = easy_table(n_classes=4)
    weights = np.ones(len(y))
    weights[np.flatnonzero(y == 2)[3:]] = 0
    model = RobustClassifier(
        "cross_entropy", final=final, final_estimator=final_estimator, contamination=0.95, **SHORT
    ).fit(X, y, sample_weight=weights)
    assert model.predict_proba(X).shape == (len(y), 4)


def test_sample_weight_needs_a_final_estimator_that_takes_it():
    X, y, _ = easy_table(80)
    model = RobustClassifier(final_estimator=KNeighborsClassifier(), **SHORT)
    with pytest.raises(ValueError, match="sample_weight needs a classifier as 'final_estimator'"):
        model.fit(X, y, sample_weight=np.ones(80))


def test_a_final_estimator_needs_arrays():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    with pytest.raises(TypeError, match="'final_estimator' learns from arrays"):
        RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(dataset)
