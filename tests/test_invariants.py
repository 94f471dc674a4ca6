"""What must not change a result, and how results may change when one thing does."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from small_data import SHORT, easy_table, of_all_rows, plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS
from sknoisy.nets import TabularNet

pytestmark = pytest.mark.filterwarnings("ignore::sknoisy.exceptions.FewRowsLeftWarning")

EVERY = pytest.mark.parametrize("method", METHODS)
OF_ESTIMATORS = [name for name, kind in METHODS.items() if kind.estimator_parameters is not None]
TREES = HistGradientBoostingClassifier(max_iter=10, early_stopping=False)


def data():
    """A table of three classes; a third of the rows are trusted, wrong labels among them."""
    X, y, truth = easy_table(90, n_classes=3)
    return X, y, truth, np.arange(len(y)) % 3 == 0


def small_detector(method, **parameters):
    net = TabularNet(module__n_units=8)
    return NoisyLabelDetector(method, **SHORT | {"net": net, "max_epochs": 2} | parameters)


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """A folder for trainings, so that each method is trained once for what only judges anew."""
    return str(tmp_path_factory.mktemp("trainings"))


# -- labels --------------------------------------------------------------------------------------

NAMES = {
    "words": np.array(["ant", "bee", "cat"]),
    "numbers far apart": np.array([-(10**9), 7, 10**12]),
    "floats": np.array([-3.0, 0.0, 1e6]),
}


@pytest.mark.slow
@EVERY
def test_other_names_in_the_same_order_give_equal_results(method, trainings):
    X, y, _, trusted = data()
    one = small_detector(method, memory=trainings).fit(X, y, trusted=trusted)
    names = list(NAMES.values())[list(METHODS).index(method) % len(NAMES)]
    other = small_detector(method).fit(X, names[y], trusted=trusted)
    assert_array_equal(other.classes_, names)
    assert_array_equal(other.label_quality_, one.label_quality_)
    assert_array_equal(other.noise_mask_, one.noise_mask_)
    assert_array_equal(other.sample_weights_, one.sample_weights_)
    assert_array_equal(other.suggested_labels_, names[one.suggested_labels_])
    assert_array_equal(other.transition_matrix_, one.transition_matrix_)
    assert_array_equal(other.predict_proba(X), one.predict_proba(X))


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_other_names_in_the_same_order_give_equal_results_of_an_estimator(names):
    X, y, _, _ = data()
    one, other = (
        RobustClassifier(estimator=TREES, random_state=0).fit(X, labels) for labels in (y, names[y])
    )
    assert_array_equal(other.label_quality_, one.label_quality_)
    assert_array_equal(other.predict(X), names[one.predict(X)])


# -- order of the rows ---------------------------------------------------------------------------


def test_rows_sorted_by_their_identifier_give_equal_results_whatever_their_order_was():
    X, y, _, _ = data()
    table = pd.DataFrame(X, index=[f"row {number:03}" for number in range(len(X))])
    labels = pd.Series(y, index=table.index)
    issues = []
    for seed in (1, 2):
        shuffled = table.sample(frac=1, random_state=seed).sort_index()
        found = small_detector("wrong_event").fit(shuffled, labels[shuffled.index])
        issues.append(found.get_label_issues())
    pd.testing.assert_frame_equal(*issues)


def test_rows_in_another_order_find_the_same_wrong_labels():
    X, y, truth = easy_table(300, n_classes=3)
    wrong = y != truth
    orders = np.arange(300), np.random.default_rng(0).permutation(300)
    qualities = []
    for order in orders:
        found = NoisyLabelDetector(**SHORT | {"max_epochs": 10}).fit(X[order], y[order])
        qualities.append(pd.Series(found.label_quality_, index=order).sort_index())
    areas = [roc_auc_score(wrong, 1 - quality) for quality in qualities]
    assert min(areas) > 0.9 and abs(areas[0] - areas[1]) < 0.05


# -- weights -------------------------------------------------------------------------------------


# Others draw rows, or estimate rates and distributions of scores from them, one row as one.
BY_GRADIENTS_ALONE = [
    *("aum", "cross_entropy", "deep_knn", "elr", "gjs", "meta_weight_net", "pes", "wrong_event"),
]


@pytest.mark.parametrize("method", BY_GRADIENTS_ALONE)
def test_weight_of_two_equals_a_row_given_twice_where_all_rows_are_one_batch(method):
    X, y, _ = easy_table(60)
    twice = np.arange(60) % 3 == 0
    more = np.concatenate([np.arange(60), np.flatnonzero(twice)])
    trusted = np.arange(60) % 4 == 1
    kind = METHODS[method]
    judge = of_all_rows(kind, **{"holdout": 0.0} if "holdout" in kind().get_params() else {})
    settings = SHORT | {"net": plain_skorch_net(), "max_epochs": 4, "batch_size": 1000}
    weighted, doubled, once = (
        NoisyLabelDetector(judge, **settings).fit(
            X[rows],
            y[rows],
            trusted=trusted[rows] if kind.needs_trusted else None,
            sample_weight=weights,
        )
        for rows, weights in ((np.arange(60), 1.0 + twice), (more, None), (np.arange(60), None))
    )
    assert_allclose(weighted.predict_proba(X), doubled.predict_proba(X), atol=2e-6)
    assert np.abs(weighted.predict_proba(X) - once.predict_proba(X)).max() > 1e-4


# -- verdict -------------------------------------------------------------------------------------


@pytest.mark.slow
@EVERY
def test_no_trusted_row_is_flagged_even_if_its_label_is_wrong(method, trainings):
    X, y, truth, trusted = data()
    found = small_detector(method, memory=trainings, contamination=0.5)
    found.fit(X, y, trusted=trusted)
    assert (y != truth)[trusted].any() and found.noise_mask_.any()
    assert not found.noise_mask_[trusted].any()
    assert (found.sample_weights_[trusted] == 1).all()
    assert_array_equal(found.suggested_labels_[trusted], y[trusted])


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("parameter", ["threshold", "contamination"])
def test_what_is_flagged_stays_so_at_a_higher_threshold(method, parameter, trainings):
    X, y, _, trusted = data()
    masks = [
        small_detector(method, memory=trainings, **{parameter: value})
        .fit(X, y, trusted=trusted)
        .noise_mask_
        for value in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
    ]
    for fewer, more in zip(masks, masks[1:], strict=False):
        assert not (fewer & ~more).any()
    # Weights of a method may all be far above any threshold.
    assert parameter == "threshold" or masks[-1].sum() > masks[0].sum()


# -- folds and columns ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", OF_ESTIMATORS)
def test_folds_that_lack_a_class_give_a_result(method):
    X, y, _, trusted = data()
    order = np.argsort(y, kind="stable")
    parts = np.array_split(order, 3)
    folds = [(np.setdiff1d(order, part), part) for part in parts]
    found = NoisyLabelDetector(method, estimator=LogisticRegression(), cv=folds, random_state=0)
    found.fit(X, y, trusted=trusted if METHODS[method].needs_trusted else None)
    assert np.isfinite(found.label_quality_).all()
    probabilities = found.predict_proba(X)
    assert probabilities.shape == (90, 3)
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("estimator", [None, TREES], ids=["net", "trees"])
def test_a_fold_of_a_cross_validation_may_lack_a_class(estimator):
    X, y, _, _ = data()
    order = np.argsort(y, kind="stable")
    settings = {"estimator": TREES} if estimator else SHORT | {"max_epochs": 1}
    model = RobustClassifier(**settings | {"random_state": 0})
    scores = cross_val_score(model, X[order], y[order], cv=KFold(3), error_score="raise")
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_constant_column_changes_nothing_where_distances_count():
    X, y, _, _ = data()
    one, other = (
        NoisyLabelDetector(estimator=KNeighborsClassifier(5), random_state=0).fit(table, y)
        for table in (X, np.column_stack([X, np.full(len(X), 3.0)]))
    )
    assert_array_equal(other.label_quality_, one.label_quality_)


@pytest.mark.parametrize("more", ["constant", "twice"])
def test_a_column_that_tells_nothing_new_leaves_nets_able_to_find_wrong_labels(more):
    X, y, truth = easy_table(300, n_classes=3)
    column = np.full(len(X), 3.0) if more == "constant" else X[:, 0]
    found = NoisyLabelDetector(**SHORT | {"max_epochs": 10}).fit(np.column_stack([X, column]), y)
    assert roc_auc_score(y != truth, 1 - found.label_quality_) > 0.9
