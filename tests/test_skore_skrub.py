"""sknoisy beside skore and skrub."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import make_noisy_classification
from sknoisy.skore import CheckLabelNoise

TREES = HistGradientBoostingClassifier(max_iter=20, random_state=0)
DETECTOR = NoisyLabelDetector(estimator=TREES, random_state=0)


def noisy(rate=0.3):
    return make_noisy_classification(500, rate=rate, class_sep=2.0, random_state=0)


# skore


@pytest.fixture(scope="module")
def skore():
    return pytest.importorskip("skore")


def finding(report, check):
    report.checks.add([check])
    others = [line.split(" - ")[0] for line in report.checks.available()]
    results = report.checks.summarize(ignore=[code for code in others if code != check.code])
    frame = results.frame().set_index("code")
    return frame.loc[check.code]


def test_check_has_what_skore_asks_of_one(skore):
    assert isinstance(CheckLabelNoise(), skore.Check)


@pytest.mark.parametrize("splitter", [0.25, 3], ids=["one split", "cross-validation"])
def test_many_wrong_labels_are_an_issue(skore, splitter):
    data = noisy()
    report = skore.evaluate(LogisticRegression(), data.X, data.y, splitter=splitter)
    check = CheckLabelNoise(DETECTOR)
    found = finding(report, check)
    assert (found["title"], found["section"]) == ("Wrong labels", "issue")
    assert (
        f"About {check.detector_.noise_rate_:.0%} of the labels are wrong" in found["explanation"]
    )
    assert check.detector_.noise_rate_ == pytest.approx(0.3, abs=0.1)
    n_rows = 375 if splitter == 0.25 else 500
    assert f"of {n_rows} rows are flagged" in found["explanation"]
    assert len(check.detector_.review_queue(5)) == 5


@pytest.mark.parametrize(("rate", "max_noise_rate"), [(0, 0.1), (0.3, 0.6)])
def test_fewer_wrong_labels_than_the_stated_rate_pass(skore, rate, max_noise_rate):
    data = noisy(rate)
    report = skore.evaluate(LogisticRegression(), data.X, data.y, splitter=0.25)
    check = CheckLabelNoise(DETECTOR, max_noise_rate=max_noise_rate)
    assert finding(report, check)["section"] == "passed"


@pytest.mark.slow
def test_the_fitted_estimator_of_a_report_is_asked_and_not_trained_again(skore):
    data = noisy()
    model = make_pipeline(StandardScaler(), RobustClassifier(estimator=TREES, random_state=0))
    report = skore.evaluate(model, data.X, data.y, splitter=0.25)
    check = CheckLabelNoise(DETECTOR, severity="tip", code="LAB001")
    assert finding(report, check)["section"] == "tip"
    assert check.detector_ is report.estimator_[-1]


def test_the_check_leaves_its_detector_as_it_was(skore):
    data = noisy()
    report = skore.evaluate(LogisticRegression(), data.X, data.y, splitter=0.25)
    finding(report, CheckLabelNoise(DETECTOR))
    assert not hasattr(DETECTOR, "noise_rate_")


def test_regression_is_none_of_the_checks_business(skore):
    data = noisy()
    report = skore.evaluate(HistGradientBoostingRegressor(), data.X, data.X[:, 0], splitter=0.25)
    found = finding(report, CheckLabelNoise(DETECTOR))
    assert found["section"] == "not_applicable"
    assert "Labels of classes are needed" in found["explanation"]


def test_model_that_was_fitted_elsewhere_has_no_labels_to_check(skore):
    data = noisy()
    model = LogisticRegression().fit(data.X, data.y)
    report = skore.EstimatorReport(model, X_test=data.X, y_test=data.y)
    found = finding(report, CheckLabelNoise(DETECTOR))
    assert found["section"] == "not_applicable"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_noise_rate": 1.5}, r"max_noise_rate must be a number in \[0, 1\), got 1.5"),
        ({"severity": "error"}, "severity must be 'issue' or 'tip', got 'error'"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        CheckLabelNoise(**parameters)


# skrub


@pytest.fixture(scope="module")
def tabular_pipeline():
    return pytest.importorskip("skrub").tabular_pipeline


@pytest.fixture(scope="module")
def table():
    return make_noisy_classification(
        300, rate=0.2, class_sep=2.0, n_string_columns=3, missing=0.05, random_state=0
    )


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [None, TREES], ids=["net", "trees"])
def test_skrubs_pipeline_ends_in_a_robust_classifier(tabular_pipeline, table, estimator):
    model = tabular_pipeline(RobustClassifier(estimator=estimator, random_state=0))
    model.fit(table.X, table.y)
    assert model.score(table.X, table.y_true) > 0.8
    assert model[-1].noise_mask_[table.flipped].mean() > 0.4
    issues = model[-1].get_label_issues()
    assert set(issues["given_label"]) <= set(table.y)


def test_trusted_rows_pass_through_skrubs_pipeline(tabular_pipeline, table):
    trusted = ~table.flipped & (np.arange(len(table.y)) < 60)
    with config_context(enable_metadata_routing=True):
        classifier = RobustClassifier(estimator=TREES, random_state=0)
        model = tabular_pipeline(classifier.set_fit_request(trusted=True))
        model.fit(table.X, table.y, trusted=trusted)
    assert not model[-1].noise_mask_[trusted].any()
    assert (model[-1].sample_weights_[trusted] == 1).all()
