"""A scikit-learn classifier as judge in place of a net."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric
from sknoisy.training import predict_probabilities

ESTIMATORS = [NoisyLabelDetector, RobustClassifier]


def boosted(**parameters):
    return HistGradientBoostingClassifier(max_iter=20, **parameters)


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.fixture(scope="module")
def noisy():
    X, y = make_classification(
        400,
        8,
        n_informative=6,
        n_redundant=0,
        n_classes=3,
        n_clusters_per_class=1,
        class_sep=2.0,
        random_state=0,
    )
    y_noisy, flipped = flip_symmetric(y, 0.2, random_state=0)
    return X, y, y_noisy, flipped


@pytest.mark.parametrize("judge", [boosted, linear, GaussianNB], ids=["rounds", "folds", "bayes"])
def test_wrong_labels_are_found(noisy, judge):
    X, _, y_noisy, flipped = noisy
    detector = NoisyLabelDetector(estimator=judge(), random_state=0).fit(X, y_noisy)
    assert roc_auc_score(~flipped, detector.label_quality_) > 0.9
    assert detector.noise_mask_[flipped].mean() > 0.6
    assert detector.noise_mask_[~flipped].mean() < 0.2


def test_one_training_of_a_booster_does(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(estimator=boosted()).fit(X, y_noisy)
    assert len(detector.estimators_) == 1
    assert [each["round"] for each in detector.history_] == list(range(1, 21))


def test_folds_judge_a_booster_on_request(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(estimator=boosted(), cv=3).fit(X, y_noisy)
    assert len(detector.estimators_) == 3
    assert detector.history_ == []


def test_folds_judge_each_row_by_a_classifier_that_has_not_seen_it():
    X = np.arange(40.0)[:, None]
    y = np.random.RandomState(0).randint(2, size=40)
    detector = NoisyLabelDetector(estimator=KNeighborsClassifier(1), cv=4).fit(X, y)
    # The nearest neighbour in the training is the row itself, whose label it would agree with.
    assert 0.2 < detector.noise_mask_.mean() < 0.8


@pytest.mark.slow
def test_booster_counts_at_least_four_rounds_and_no_more_than_twice_its_best():
    X, y = load_digits(return_X_y=True)
    y_noisy, _ = flip_symmetric(y[:300], 0.4, random_state=0)
    trees = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.5, l2_regularization=0.001, min_samples_leaf=2
    )
    detector = NoisyLabelDetector(estimator=trees, random_state=0).fit(X[:300], y_noisy)
    losses = [each["held_out_loss"] for each in detector.history_]
    most = max(2 * (int(np.argmin(losses)) + 1), 4)
    assert 1 <= detector.estimators_[0].n_rounds <= most < 60
    assert len(losses) == 25


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("judge", [boosted, linear], ids=["rounds", "folds"])
def test_predictions_and_verdicts_on_new_rows(noisy, kind, judge):
    X, y, y_noisy, flipped = noisy
    model = kind(estimator=judge(), random_state=0).fit(X[:300], y_noisy[:300])
    assert model.score(X[300:], y[300:]) > 0.85
    assert_allclose(model.predict_proba(X[300:]).sum(axis=1), 1)
    verdict = model.predict_noise(X[300:], y_noisy[300:])
    assert_array_equal(verdict, model.score_labels(X[300:], y_noisy[300:]) < model.threshold_)
    assert verdict[flipped[300:]].mean() > 0.6 > 0.3 > verdict[~flipped[300:]].mean()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("judge", [boosted, linear], ids=["rounds", "folds"])
def test_integer_seed_makes_fits_equal(noisy, judge):
    X, _, y_noisy, _ = noisy
    one, other = (
        NoisyLabelDetector(estimator=judge(), random_state=3).fit(X, y_noisy) for _ in range(2)
    )
    assert_array_equal(one.label_quality_, other.label_quality_)


@pytest.mark.slow
def test_user_s_classifier_stays_unfitted(noisy):
    X, _, y_noisy, _ = noisy
    judge = boosted()
    RobustClassifier(estimator=judge).fit(X, y_noisy)
    assert not hasattr(judge, "classes_")


def test_trusted_rows_are_never_flagged(noisy):
    X, y, y_noisy, flipped = noisy
    trusted = np.arange(len(y)) < 60
    detector = NoisyLabelDetector(estimator=boosted()).fit(X, y_noisy, trusted=trusted)
    assert not detector.noise_mask_[trusted].any()
    assert (detector.sample_weights_[trusted] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("judge", [boosted, GaussianNB], ids=["rounds", "folds"])
def test_rows_of_weight_zero_are_judged_without_being_learnt_from(noisy, judge):
    X, y, y_noisy, _ = noisy
    weights = np.ones(len(y))
    weights[:100] = 0
    X_other = X.copy()
    X_other[:100] = 0
    first, second = (
        NoisyLabelDetector(estimator=judge(), random_state=0).fit(
            each, y_noisy, sample_weight=weights
        )
        for each in (X, X_other)
    )
    assert_allclose(first.label_quality_[100:], second.label_quality_[100:])
    # All of the second are one row with labels of three classes.
    assert len(np.unique(second.label_quality_[:100].round(12))) == 3


def test_weights_reach_the_classifier(noisy):
    X, _, y_noisy, _ = noisy
    weights = np.where(y_noisy == 0, 10.0, 1.0)
    plain, weighted = (
        NoisyLabelDetector(estimator=GaussianNB()).fit(X, y_noisy, sample_weight=each)
        for each in (None, weights)
    )
    assert weighted.predict_proba(X)[:, 0].mean() > plain.predict_proba(X)[:, 0].mean()


def test_share_is_flagged_on_request(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(estimator=boosted(), contamination=0.1).fit(X, y_noisy)
    assert detector.noise_mask_.sum() == 40


def test_rows_are_dropped_as_with_a_net(noisy):
    X, _, y_noisy, flipped = noisy
    detector = NoisyLabelDetector(estimator=boosted(), random_state=0)
    X_kept, y_kept = detector.fit_resample(X, y_noisy)
    assert_array_equal(X_kept, X[~detector.noise_mask_])
    assert len(y_kept) == len(X_kept) < len(X)


@pytest.mark.slow
def test_classes_are_the_user_s_own(noisy):
    X, _, y_noisy, _ = noisy
    names = np.array(["low", "middle", "high"])[y_noisy]
    model = RobustClassifier(estimator=boosted(), random_state=0).fit(X, names)
    assert set(model.predict(X)) <= set(names)
    assert model.get_label_issues().query("is_noise").suggested_label.isin(names).all()


def test_pandas_index_is_kept(noisy):
    X, _, y_noisy, _ = noisy
    table = pd.DataFrame(X, index=np.arange(len(X)) + 1000).add_prefix("x")
    issues = NoisyLabelDetector(estimator=boosted()).fit(table, y_noisy).get_label_issues()
    assert_array_equal(issues.index, table.index)


def test_equal_trainings_are_taken_from_the_cache(noisy, tmp_path):
    X, _, y_noisy, _ = noisy
    model = NoisyLabelDetector(estimator=boosted(), memory=str(tmp_path))
    first = model.fit(X, y_noisy).label_quality_
    # Without a seed a training of its own would hold out other rows.
    again = clone(model).set_params(threshold=0.3).fit(X, y_noisy).label_quality_
    assert_array_equal(first, again)


@pytest.mark.parametrize("judge", [boosted, linear], ids=["rounds", "folds"])
def test_pickled_estimator_predicts_alike(noisy, judge):
    X, _, y_noisy, _ = noisy
    model = NoisyLabelDetector(estimator=judge()).fit(X, y_noisy)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


@pytest.mark.slow
def test_parameters_of_the_judge_are_searchable(noisy):
    X, _, y_noisy, _ = noisy
    search = GridSearchCV(
        RobustClassifier(estimator=boosted(), random_state=0),
        {"estimator__max_leaf_nodes": [3, 8], "method__holdout": [0.1]},
        cv=2,
    )
    search.set_params(estimator__method=WrongEvent()).fit(X, y_noisy)
    assert search.best_estimator_.final_estimator_.max_leaf_nodes in (3, 8)


def test_cross_validation_works(noisy):
    X, y, _, _ = noisy
    scores = cross_val_score(RobustClassifier(estimator=boosted()), X, y, cv=2)
    assert scores.mean() > 0.8


def test_class_of_two_rows_stays_in_the_training():
    X, y = make_classification(200, 5, random_state=0)
    y[:2] = 2
    for judge in (boosted(), GaussianNB()):
        detector = NoisyLabelDetector(estimator=judge, random_state=0).fit(X, y)
        assert all(len(each.classes_) == 3 for each in detector.estimators_)


# -- net and trees together -------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_net_and_trees_judge_a_table_by_default(noisy, kind):
    X, y, y_noisy, flipped = noisy
    model = kind(max_epochs=8, random_state=0).fit(X, y_noisy)
    assert len(model.estimators_) == 1
    assert roc_auc_score(~flipped, model.label_quality_) > 0.9
    assert model.score(X, y) > 0.85


@pytest.mark.parametrize(
    "alone", [{"net": TabularNet()}, {"method": "cross_entropy"}], ids=["net", "method"]
)
def test_net_judges_alone_where_it_is_given_or_the_method_knows_no_trees(noisy, alone):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(max_epochs=2, **alone).fit(X, y_noisy)
    assert not hasattr(detector, "estimators_")


@pytest.mark.slow
def test_parameters_of_the_default_net_leave_the_trees_beside_it(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(max_epochs=2).set_params(net__lr=0.01).fit(X, y_noisy)
    assert detector.net_.lr == 0.01
    assert len(detector.estimators_) == 1


def test_embeddings_are_left_to_the_net():
    X = np.random.RandomState(0).randn(60, 256).astype("float32")
    detector = NoisyLabelDetector(max_epochs=1).fit(X, np.arange(60) % 2)
    assert not hasattr(detector, "estimators_")


@pytest.mark.slow
def test_probabilities_are_weighed_by_what_each_judge_knows(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(max_epochs=4, random_state=0).fit(X, y_noisy)
    weight = detector._estimators_weight
    of_trees = detector.estimators_[0].predict_proba(X)
    of_net = predict_probabilities(detector.net_, X.astype("float32"))
    assert 0 < weight < 1
    assert_allclose(detector.predict_proba(X), weight * of_trees + (1 - weight) * of_net)


@pytest.mark.slow
def test_trees_of_the_classifier_learn_the_kept_rows(noisy):
    X, y, y_noisy, flipped = noisy
    model = RobustClassifier(max_epochs=8, random_state=0).fit(X, y_noisy)
    wrong = np.flatnonzero(flipped & model.noise_mask_)
    predicted = model.estimators_[0].predict(X[wrong])
    assert np.mean(predicted == y[wrong]) > 0.8


def test_so_few_rows_that_none_can_be_held_out_are_judged():
    X, y = np.arange(8.0)[:, None], np.repeat([0, 1], 4)
    detector = NoisyLabelDetector(estimator=boosted()).fit(X, y)
    assert np.isfinite(detector.label_quality_).all()


# -- how the classifier is got ----------------------------------------------------------------


@pytest.mark.slow
def test_robust_classifier_ends_with_the_same_estimator(noisy):
    X, y, y_noisy, _ = noisy
    model = RobustClassifier(estimator=boosted(max_depth=3), random_state=0).fit(X, y_noisy)
    assert model.final_estimator_.max_depth == 3
    assert_array_equal(model.predict(X), model.final_estimator_.predict(X))


def test_final_estimator_takes_the_place_of_the_judge(noisy):
    X, _, y_noisy, _ = noisy
    model = RobustClassifier(estimator=boosted(), final_estimator=GaussianNB()).fit(X, y_noisy)
    assert isinstance(model.final_estimator_, GaussianNB)


def test_judge_itself_predicts_on_request(noisy):
    X, _, y_noisy, _ = noisy
    model = RobustClassifier(estimator=boosted(), final="method").fit(X, y_noisy)
    assert not hasattr(model, "final_estimator_")
    assert_array_equal(model.predict_proba(X), model.estimators_[0].predict_proba(X))


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimator": HistGradientBoostingClassifier}, "'estimator' parameter .* scikit-learn"),
        ({"estimator": "trees"}, "'estimator' parameter .* scikit-learn classifier"),
        ({"estimator": TabularNet()}, "net="),
        ({"estimator": LinearSVC()}, "predict_proba"),
    ],
)
def test_what_is_no_such_classifier_is_refused(noisy, parameters, message):
    X, _, y_noisy, _ = noisy
    with pytest.raises(TypeError, match=message):
        NoisyLabelDetector(**parameters).fit(X, y_noisy)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"net": TabularNet()}, "'net' parameter"),
        ({"max_epochs": 3}, "'max_epochs' parameter"),
        ({"lr": 0.1}, "'lr' parameter"),
        ({"batch_size": 16}, "'batch_size' parameter"),
        ({"device": "cpu"}, "'device' parameter"),
        ({"method": "lsw"}, "LSW trains nets.*'wrong_event'"),
        ({"method": LSW()}, "LSW trains nets"),
        ({"method": WrongEvent(per_class=False)}, "'per_class' parameter of WrongEvent"),
        ({"cv": 1}, "'cv' parameter .* at least 2"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_parameters_that_mean_nothing_are_refused_by_name(noisy, kind, parameters, message):
    X, _, y_noisy, _ = noisy
    with pytest.raises(ValueError, match=message):
        kind(estimator=boosted(), **{"method": "wrong_event", **parameters}).fit(X, y_noisy)


def test_row_that_no_fold_holds_out_is_named(noisy):
    X, _, y_noisy, _ = noisy
    folds = PredefinedSplit(np.where(np.arange(len(X)) == 7, -1, np.arange(len(X)) % 2))
    with pytest.raises(ValueError, match="Row 7 is in none"):
        NoisyLabelDetector(estimator=GaussianNB(), cv=folds).fit(X, y_noisy)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_class_of_a_splitter_is_refused_by_name(noisy, kind):
    X, _, y_noisy, _ = noisy
    with pytest.raises(TypeError, match=r"'cv' parameter of .* write cv=KFold\(\)"):
        kind(estimator=GaussianNB(), cv=KFold).fit(X, y_noisy)


def test_folds_of_rows_that_are_not_learnt_from_are_refused_by_name(noisy):
    X, _, y_noisy, _ = noisy
    folds = list(KFold(2).split(X))
    weights = np.ones(len(X))
    weights[3] = 0
    with pytest.raises(ValueError, match=f"'cv' parameter must give folds of the {len(X) - 1}"):
        detector = NoisyLabelDetector(estimator=GaussianNB(), cv=folds)
        detector.fit(X, y_noisy, sample_weight=weights)


def test_class_with_one_row_to_learn_from_is_told(noisy):
    X, _, y_noisy, _ = noisy
    weights = (np.cumsum(y_noisy == y_noisy[0]) == 1) | (y_noisy != y_noisy[0])
    with pytest.raises(ValueError, match="two rows of each class.*'sample_weight'"):
        NoisyLabelDetector(estimator=GaussianNB()).fit(X, y_noisy, sample_weight=weights)


def test_splitter_of_the_user_s_is_taken(noisy):
    X, _, y_noisy, _ = noisy
    detector = NoisyLabelDetector(estimator=GaussianNB(), cv=KFold(7)).fit(X, y_noisy)
    assert len(detector.estimators_) == 7


def test_weights_that_a_classifier_cannot_take_are_refused(noisy):
    X, _, y_noisy, _ = noisy
    with pytest.raises(ValueError, match="classifier as 'estimator' whose fit takes sample_weight"):
        NoisyLabelDetector(estimator=KNeighborsClassifier()).fit(
            X, y_noisy, sample_weight=np.ones(len(X))
        )


def test_images_are_no_table(noisy):
    images = np.zeros((20, 8, 8), dtype=np.uint8)
    with pytest.raises(TypeError, match="'estimator' learns from tables, not from images"):
        NoisyLabelDetector(estimator=boosted()).fit(images, np.arange(20) % 2)
