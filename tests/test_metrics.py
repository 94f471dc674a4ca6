import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy.metrics import (
    clean_accuracy_scorer,
    f1_from_fdr_recall,
    noise_detection_report,
    noise_f1_scorer,
    trusted_accuracy_scorer,
)
from sknoisy.noise import flip_pair
from sknoisy.pipeline import make_pipeline as make_row_dropping_pipeline

# CIFAR-10 columns: symmetric 0.3 to 0.6, pair 0.3 to 0.5, instance dependent 0.3 to 0.6.
PUBLISHED_FDR = [9.57, 6.78, 5.68, 4.52, 9.12, 4.92, 4.34, 10.56, 8.42, 9.61, 6.25]
PUBLISHED_RECALL = [94.31, 92.47, 92.53, 90.02, 91.31, 91.39, 90.24, 95.80, 95.57, 95.21, 96.12]
PUBLISHED_F1 = [92.32, 92.84, 93.41, 92.66, 91.09, 93.19, 92.87, 92.51, 93.53, 92.73, 94.92]

SCORERS = {
    "y_clean": clean_accuracy_scorer,
    "flipped": noise_f1_scorer,
    "trusted": trusted_accuracy_scorer,
}


class NeighbourDetector(ClassifierMixin, BaseEstimator):
    """A classifier whose verdict on a label is: the neighbours say otherwise."""

    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, X, y):
        self.neighbors_ = KNeighborsClassifier(self.n_neighbors).fit(X, y)
        self.classes_ = self.neighbors_.classes_
        return self

    def predict(self, X):
        return self.neighbors_.predict(X)

    def predict_noise(self, X, y):
        return self.predict(X) != np.asarray(y)


class TrustingDetector(NeighbourDetector):
    """Takes the mask of trusted rows, and refuses one that does not go with X."""

    def fit(self, X, y, trusted=None):
        if trusted is None or len(trusted) != len(X):
            raise ValueError("trusted was not routed to fit")
        self.trusted_ = trusted
        return super().fit(X, y)


@pytest.fixture(autouse=True)
def metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def data():
    generator = np.random.RandomState(0)
    y_clean = np.arange(240) % 3
    X = generator.normal(size=(240, 2)) + 4 * np.eye(3)[y_clean][:, :2]
    y_noisy, flipped = flip_pair(y_clean, 0.4, random_state=0)
    trusted = ~flipped & (generator.random_sample(240) < 0.5)
    return {"X": X, "y": y_noisy, "y_clean": y_clean, "flipped": flipped, "trusted": trusted}


def metadata_for(name, data):
    return {name: data[name]}


def score_by_hand(name, estimator, data, rows):
    X, y = data["X"][rows], data["y"][rows]
    if name == "y_clean":
        return np.mean(estimator.predict(X) == data["y_clean"][rows])
    if name == "flipped":
        return f1_score(data["flipped"][rows], estimator.predict_noise(X, y))
    mask = data["trusted"][rows]
    return np.mean(estimator.predict(X[mask]) == y[mask])


every_scorer = pytest.mark.parametrize(("name", "scorer"), list(SCORERS.items()), ids=list(SCORERS))


@pytest.mark.parametrize(
    ("fdr", "recall", "f1"), list(zip(PUBLISHED_FDR, PUBLISHED_RECALL, PUBLISHED_F1, strict=True))
)
def test_published_f1_follows_from_published_fdr_and_recall(fdr, recall, f1):
    assert 100 * f1_from_fdr_recall(fdr / 100, recall / 100) == pytest.approx(f1, abs=0.06)


def test_f1_of_arrays_is_an_array():
    assert_allclose(f1_from_fdr_recall([0.5, 1.0, 0.0], [0.5, 0.0, 1.0]), [0.5, 0.0, 1.0])


@pytest.mark.parametrize(("fdr", "recall", "name"), [(9.57, 0.9, "fdr"), (0.1, 94.3, "recall")])
def test_percentages_are_refused(fdr, recall, name):
    with pytest.raises(ValueError, match=f"{name} must be in .* no percentage"):
        f1_from_fdr_recall(fdr, recall)


def test_report_counts_by_hand():
    flipped = [True] * 4 + [False] * 6
    noise_mask = [True, True, True, False] + [True] + [False] * 5
    report = noise_detection_report(flipped, noise_mask, np.linspace(0, 1, 10))
    assert report == {"fdr": 0.25, "recall": 0.75, "precision": 0.75, "f1": 0.75, "auc": 1.0}
    assert all(type(value) is float for value in report.values())


def test_report_agrees_with_scikit_learn():
    generator = np.random.RandomState(0)
    flipped, noise_mask = generator.random_sample((2, 500)) < 0.3
    quality = generator.random_sample(500).round(1)
    report = noise_detection_report(flipped, noise_mask, quality)
    assert report["f1"] == pytest.approx(f1_score(flipped, noise_mask))
    assert report["auc"] == pytest.approx(roc_auc_score(flipped, 1 - quality))
    assert report["f1"] == pytest.approx(f1_from_fdr_recall(report["fdr"], report["recall"]))


def test_report_tells_tiny_qualities_apart():
    assert noise_detection_report([True, False], label_quality=[1e-30, 1e-20])["auc"] == 1


def test_nothing_flagged_has_no_false_discoveries_and_f1_zero():
    report = noise_detection_report([True, False], [False, False])
    assert (report["fdr"], report["precision"], report["recall"], report["f1"]) == (0, 1, 0, 0)


def test_recall_is_undefined_and_f1_zero_when_no_label_is_wrong():
    report = noise_detection_report([False, False], [True, False])
    assert report["fdr"] == 1
    assert report["f1"] == 0
    assert np.isnan(report["recall"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("flipped", [[True, True], [False, False]])
def test_auc_is_undefined_with_one_kind_of_label(flipped):
    assert np.isnan(noise_detection_report(flipped, label_quality=[0.1, 0.9])["auc"])


def test_report_leaves_out_what_it_was_not_given():
    mask_only = noise_detection_report([True, False], noise_mask=[True, False])
    quality_only = noise_detection_report([True, False], label_quality=[0.1, 0.9])
    assert np.isnan(mask_only["auc"]) and mask_only["f1"] == 1
    assert np.isnan(quality_only["f1"]) and quality_only["auc"] == 1


def test_report_takes_series_and_zeros_and_ones():
    flipped = pd.Series([1, 0, 1], index=[5, 6, 7])
    assert noise_detection_report(flipped, pd.Series([1, 0, 0]))["recall"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([True, False],), "noise_mask or label_quality"),
        (([True, False], [True]), r"noise_mask must be a mask of shape \(2,\)"),
        (([[True, False]], [True]), "flipped must be a mask of shape"),
        (([True, False], [0, 2]), "must be a boolean mask"),
        (([True, False], None, [0.5]), "label_quality must have the shape"),
        (([True, False], None, [0.5, np.nan]), "label_quality must be finite"),
    ],
)
def test_unusable_report_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise_detection_report(*arguments)


@every_scorer
def test_scorer_in_cross_validate_matches_a_loop_by_hand(name, scorer, data):
    folds = StratifiedKFold(4)
    result = cross_validate(
        NeighbourDetector(),
        data["X"],
        data["y"],
        cv=folds,
        scoring=scorer,
        params=metadata_for(name, data),
        error_score="raise",
    )
    expected = [
        score_by_hand(name, NeighbourDetector().fit(data["X"][train], data["y"][train]), data, test)
        for train, test in folds.split(data["X"], data["y"])
    ]
    assert_allclose(result["test_score"], expected)


@every_scorer
def test_grid_search_needs_no_request_by_the_user(name, scorer, data):
    search = GridSearchCV(
        NeighbourDetector(), {"n_neighbors": [1, 45]}, scoring=scorer, error_score="raise"
    )
    search.fit(data["X"], data["y"], **metadata_for(name, data))
    # One neighbour repeats every mistake of its training fold.
    assert search.best_params_ == {"n_neighbors": 45}
    expected = score_by_hand(name, search.best_estimator_, data, slice(None))
    assert search.score(data["X"], data["y"], **metadata_for(name, data)) == expected


@pytest.mark.parametrize("name", ["y_clean", "trusted"])
def test_scorer_takes_a_plain_scikit_learn_classifier(name, data):
    scores = cross_val_score(
        LogisticRegression(),
        data["X"],
        data["y"],
        scoring=SCORERS[name],
        params=metadata_for(name, data),
        error_score="raise",
    )
    assert ((scores > 0.5) & (scores <= 1)).all()


def test_clean_scorer_sees_what_accuracy_on_noisy_labels_hides(data):
    estimator = NeighbourDetector(45).fit(data["X"], data["y"])
    clean = clean_accuracy_scorer(estimator, data["X"], data["y"], y_clean=data["y_clean"])
    assert clean > estimator.score(data["X"], data["y"]) + 0.2


@pytest.mark.slow
def test_all_scorers_work_together_in_two_processes(data):
    metadata = {name: data[name] for name in SCORERS}
    result = {
        n_jobs: cross_validate(
            NeighbourDetector(),
            data["X"],
            data["y"],
            cv=2,
            scoring=SCORERS,
            params=metadata,
            n_jobs=n_jobs,
            error_score="raise",
        )
        for n_jobs in (None, 2)
    }
    for name in SCORERS:
        assert_allclose(result[2][f"test_{name}"], result[None][f"test_{name}"])


@every_scorer
def test_pickled_and_cloned_scorers_keep_their_request(name, scorer, data):
    estimator = NeighbourDetector().fit(data["X"], data["y"])
    expected = scorer(estimator, data["X"], data["y"], **metadata_for(name, data))
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert copy(estimator, data["X"], data["y"], **metadata_for(name, data)) == expected
        assert copy.get_metadata_routing().score.requests == {name: True}


@every_scorer
def test_scorer_works_inside_nested_cross_validation(name, scorer, data):
    search = GridSearchCV(
        NeighbourDetector(), {"n_neighbors": [1, 45]}, scoring=scorer, cv=2, error_score="raise"
    )
    scores = cross_val_score(
        search,
        data["X"],
        data["y"],
        cv=2,
        scoring=scorer,
        params=metadata_for(name, data),
        error_score="raise",
    )
    assert np.isfinite(scores).all()


@every_scorer
def test_missing_metadata_is_named_with_the_way_to_pass_it(name, scorer, data):
    search = GridSearchCV(
        NeighbourDetector(), {"n_neighbors": [1]}, scoring=scorer, error_score="raise"
    )
    with pytest.raises(ValueError, match=rf"{scorer} needs {name}, .*\.fit\(X, y, {name}={name}\)"):
        search.fit(data["X"], data["y"])


def test_missing_metadata_is_a_warning_where_scikit_learn_swallows_errors(data):
    with pytest.warns(UserWarning, match="clean_accuracy_scorer needs y_clean"):
        scores = cross_val_score(
            LogisticRegression(),
            data["X"],
            data["y"],
            scoring=clean_accuracy_scorer,
            params={},  # scikit-learn 1.6 needs some
        )
    assert np.isnan(scores).all()


@every_scorer
def test_scorer_called_directly_needs_no_routing(name, scorer, data):
    estimator = NeighbourDetector().fit(data["X"], data["y"])
    with sklearn.config_context(enable_metadata_routing=False):
        score = scorer(estimator, data["X"], data["y"], **metadata_for(name, data))
    assert score == score_by_hand(name, estimator, data, slice(None))


def test_metadata_may_be_passed_under_another_name(data):
    scorer = clean_accuracy_scorer.set_score_request(y_clean="truth")
    arguments = (LogisticRegression(), data["X"], data["y"])
    expected = cross_val_score(
        *arguments, scoring=clean_accuracy_scorer, params={"y_clean": data["y_clean"]}
    )
    assert_allclose(
        cross_val_score(*arguments, scoring=scorer, params={"truth": data["y_clean"]}), expected
    )
    with pytest.raises(ValueError, match="needs truth"):
        cross_val_score(*arguments, scoring=scorer, params={}, error_score="raise")


def test_another_name_leaves_the_shared_scorer_alone():
    clean_accuracy_scorer.set_score_request(y_clean="truth")
    assert clean_accuracy_scorer.get_metadata_routing().score.requests == {"y_clean": True}


def test_request_for_foreign_metadata_is_refused():
    with pytest.raises(TypeError, match="takes a request for trusted"):
        trusted_accuracy_scorer.set_score_request(y_clean=True)


def test_trusted_is_routed_to_the_scorer_and_to_fit(data):
    search = GridSearchCV(
        TrustingDetector().set_fit_request(trusted=True),
        {"n_neighbors": [1, 45]},
        scoring=trusted_accuracy_scorer,
        error_score="raise",
    ).fit(data["X"], data["y"], trusted=data["trusted"])
    assert search.best_params_ == {"n_neighbors": 45}
    assert_allclose(search.best_estimator_.trusted_, data["trusted"])


def test_fold_without_trusted_rows_is_an_error(data):
    estimator = NeighbourDetector().fit(data["X"], data["y"])
    with pytest.raises(ValueError, match="at least one of the scored rows"):
        trusted_accuracy_scorer(estimator, data["X"], data["y"], trusted=np.zeros(240, dtype=bool))


def test_trusted_must_be_a_mask_and_no_row_numbers(data):
    estimator = NeighbourDetector().fit(data["X"], data["y"])
    with pytest.raises(ValueError, match=r"trusted must be a mask of shape \(240,\)"):
        trusted_accuracy_scorer(estimator, data["X"], data["y"], trusted=[3, 17, 40])


def test_noise_scorer_refuses_an_estimator_without_a_verdict(data):
    estimator = LogisticRegression().fit(data["X"], data["y"])
    with pytest.raises(TypeError, match="predict_noise.* got LogisticRegression"):
        noise_f1_scorer(estimator, data["X"], data["y"], flipped=data["flipped"])


@pytest.mark.parametrize("make", [make_pipeline, make_row_dropping_pipeline])
def test_noise_scorer_reaches_the_last_step_of_a_pipeline(make, data):
    X_scaled = StandardScaler().fit_transform(data["X"])
    last_step = NeighbourDetector().fit(X_scaled, data["y"])
    model = make(StandardScaler(), NeighbourDetector()).fit(data["X"], data["y"])
    assert noise_f1_scorer(model, data["X"], data["y"], flipped=data["flipped"]) == (
        noise_f1_scorer(last_step, X_scaled, data["y"], flipped=data["flipped"])
    )


def test_row_dropping_pipeline_drops_rows_at_fit_only(data):
    class FirstHalf(BaseEstimator):
        def fit_resample(self, X, y):
            return X[: len(X) // 2], y[: len(y) // 2]

    model = make_row_dropping_pipeline(FirstHalf(), KNeighborsClassifier())
    model.fit(data["X"], data["y"])
    assert model[-1].n_samples_fit_ == 120
    assert len(model.predict(data["X"])) == 240
