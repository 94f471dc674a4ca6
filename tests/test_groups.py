"""Rows that belong together: annotators, batches, sites."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_validate

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import GroupStandsOutWarning

TREES = HistGradientBoostingClassifier(max_iter=20)
ESTIMATORS = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])


def table(careless=0.0, n_rows=600):
    """Rows by six annotators, the third of whom gives a share of wrong labels."""
    X, y = make_blobs(n_rows, centers=3, n_features=4, cluster_std=2.0, random_state=0)
    groups = np.array(["ann", "bob", "cy", "dee", "eve", "flo"])[np.arange(n_rows) % 6]
    generator = np.random.RandomState(0)
    wrong = (groups == "cy") & (generator.rand(n_rows) < careless)
    return X, np.where(wrong, (y + 1) % 3, y), groups


@pytest.mark.first_case_is_quick
@ESTIMATORS
def test_a_careless_annotator_is_named(estimator_class):
    X, y, groups = table(careless=0.6)
    model = estimator_class(estimator=TREES, random_state=0)
    with pytest.warns(GroupStandsOutWarning, match=r"'cy' \(\d+%, others \d+%\)\.$"):
        model.fit(X, y, groups=groups)
    rates = model.group_noise_rates_
    assert list(rates.index) == ["ann", "bob", "cy", "dee", "eve", "flo"]
    assert rates.idxmax() == "cy" and rates["cy"] > 0.3
    assert rates.drop("cy").max() < 0.1


def test_groups_alike_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", GroupStandsOutWarning)
        X, y, groups = table()
        NoisyLabelDetector(estimator=TREES, random_state=0).fit(X, y, groups=groups)


def test_rates_of_groups_are_the_means_of_their_rows():
    X, y, groups = table()
    detector = NoisyLabelDetector(estimator=TREES, random_state=0).fit(X, y, groups=groups)
    expected = pd.Series(1 - detector.label_quality_).groupby(groups).mean()
    assert_allclose(detector.group_noise_rates_, expected)


def test_no_group_is_partly_held_out():
    X, y, _ = table()
    groups = np.arange(len(y)) // 5
    assert len(np.unique(groups)) == 120
    detector = NoisyLabelDetector(estimator=TREES, random_state=0).fit(X, y, groups=groups)
    held_out = detector.evidence_.held_out_rows
    assert 40 <= len(held_out) <= 60
    assert_array_equal(held_out, np.flatnonzero(np.isin(groups, groups[held_out])))


def test_rates_of_groups_follow_a_review():
    X, y, groups = table(careless=0.6)
    truth = table()[1]
    detector = NoisyLabelDetector(estimator=TREES, random_state=0)
    with pytest.warns(GroupStandsOutWarning):
        detector.fit(X, y, groups=groups)
        rows = np.flatnonzero(groups == "cy")
        detector.apply_review(dict(zip(rows.tolist(), truth[rows].tolist(), strict=True)))
    assert_allclose(detector.group_noise_rates_["cy"], np.mean(y[rows] != truth[rows]))


def test_a_fit_without_groups_has_no_rates_of_them():
    X, y, groups = table()
    detector = NoisyLabelDetector(estimator=TREES).fit(X, y, groups=groups).fit(X, y)
    assert not hasattr(detector, "group_noise_rates_")


def test_groups_reach_fit_and_splitter_by_metadata_routing():
    X, y, groups = table()
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            NoisyLabelDetector(estimator=TREES, random_state=0),
            X,
            y,
            cv=GroupKFold(3),
            params={"groups": groups},
            return_estimator=True,
        )
    for detector in found["estimator"]:
        assert len(detector.group_noise_rates_) == 4


@ESTIMATORS
@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"] * 600, "two groups or more. Got one only: 'a'"),
        (["a", "b"], r"shape \(600,\), one group per row. Got \(2,\)"),
        ([None, *["a", "b"] * 299, "a"], "missing values. Row 0 has one"),
        (csr_array(np.ones((600, 1))), "one name or number per row: sparse"),
        (np.ones((600, 2)), "one name or number per row: Data must be 1-dimensional"),
        ([{1}, {2}] * 300, "one name or number per row: unhashable"),
    ],
)
def test_groups_that_mean_nothing_are_refused(estimator_class, groups, message):
    X, y, _ = table()
    with pytest.raises((TypeError, ValueError), match=f"groups must.*{message}"):
        estimator_class(estimator=TREES).fit(X, y, groups=groups)
