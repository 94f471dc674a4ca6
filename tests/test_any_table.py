"""Both estimators take any table: texts, categories, dates, missing values, sparse rows."""

import pickle
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from messy_tables import KINDS, as_polars, indicators, messy_frame
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from small_data import BOTH, SHORT, easy_table, plain_skorch_net

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS
from sknoisy.nets import TabularNet

QUICK_KINDS = ("pandas", "NaN", "csr_array")
EACH_KIND = [
    kind if kind in QUICK_KINDS else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS
]
ALL_KINDS = pytest.mark.parametrize("kind", EACH_KIND)


@pytest.fixture(autouse=True)
def needed_libraries(request):
    if "polars" in str(request.node.callspec.params if hasattr(request.node, "callspec") else ""):
        pytest.importorskip("polars")


def n_rows_of(X):
    return X.shape[0] if hasattr(X, "shape") else len(X)


def assert_equal_tables(X, expected):
    if isinstance(X, pd.DataFrame):
        pd.testing.assert_frame_equal(X, expected)
    elif sparse.issparse(X):
        for part in ("data", "indices", "indptr") if X.format == "csr" else ("data", "row", "col"):
            np.testing.assert_array_equal(getattr(X, part), getattr(expected, part))
    elif hasattr(X, "equals"):
        assert X.equals(expected)
    else:
        assert pd.DataFrame(X).equals(pd.DataFrame(expected))


def wrong(y, rows=(0, 10, 20)):
    y = y.copy()
    y[list(rows)] = 1 - y[list(rows)]
    return y


# -- kinds of tables ---------------------------------------------------------------------------


@pytest.fixture(
    scope="module",
    params=[NoisyLabelDetector, pytest.param(RobustClassifier, marks=pytest.mark.slow)],
)
def estimator_class(request):
    return request.param


@pytest.fixture(scope="module", params=EACH_KIND)
def kind(request):
    if "polars" in request.param:
        pytest.importorskip("polars")
    return request.param


@cache
def fitted_once(kind, estimator_class):
    """Return an estimator fitted on a table of a kind with wrong labels, the table and the truth.

    Tests of what it says share it.
    """
    frame, y = messy_frame()
    X = KINDS[kind](frame)
    return estimator_class(**SHORT | {"max_epochs": 12}).fit(X, wrong(y)), X, y


@pytest.fixture(scope="module")
def trained(kind, estimator_class):
    return fitted_once(kind, estimator_class)


@pytest.mark.first_case_is_quick
def test_any_kind_of_table_is_learnt_from_and_predicted(trained):
    fitted, X, y = trained
    assert fitted.score(X, y) > 0.7
    assert fitted.noise_mask_.shape == y.shape
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)


@pytest.mark.first_case_is_quick
def test_labels_of_new_rows_of_any_kind_are_judged(trained, kind):
    fitted, _, _ = trained
    new, y_new = messy_frame(seed=1)
    scores = fitted.score_labels(KINDS[kind](new), y_new)
    wrong_scores = fitted.score_labels(KINDS[kind](new), 1 - y_new)
    assert scores.mean() > wrong_scores.mean()
    np.testing.assert_array_equal(
        fitted.predict_noise(KINDS[kind](new), y_new), scores < fitted.threshold_
    )


@pytest.mark.first_case_is_quick
@ALL_KINDS
def test_rows_are_kept_in_the_kind_that_they_came_in(kind):
    frame, y = messy_frame()
    X = KINDS[kind](frame)
    detector = NoisyLabelDetector(net=TabularNet(), **SHORT)
    X_kept, y_kept = detector.fit_resample(X, wrong(y))
    assert type(X_kept) is type(X)
    assert n_rows_of(X_kept) == len(y_kept) == (~detector.noise_mask_).sum() < len(y)


@pytest.fixture(scope="module")
def trained_classifier(kind):
    """Return a classifier fitted on a table of a kind, and the table."""
    return fitted_once(kind, RobustClassifier)[:2]


@pytest.mark.first_case_is_quick
def test_one_row_alone_is_predicted_as_among_others(trained_classifier, kind):
    fitted, X = trained_classifier
    frame, _ = messy_frame()
    together = fitted.predict_proba(X)
    for row in (0, 3):
        alone = fitted.predict_proba(KINDS[kind](frame.iloc[[row]]))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4)


def test_tables_are_left_as_they_were(trained_classifier, kind):
    fitted, X = trained_classifier
    fitted.predict(X)
    assert_equal_tables(X, KINDS[kind](messy_frame()[0]))


@pytest.mark.first_case_is_quick
def test_estimators_fitted_on_any_table_survive_pickling(trained_classifier):
    fitted, X = trained_classifier
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert not hasattr(clone(fitted), "_table_encoder")


@pytest.mark.slow
@BOTH
def test_a_frame_of_polars_is_judged_as_one_of_pandas(estimator_class):
    pytest.importorskip("polars")
    frame, y = messy_frame()
    of_pandas = estimator_class(**SHORT).fit(frame, y)
    of_polars = estimator_class(**SHORT).fit(as_polars(frame), y)
    np.testing.assert_array_equal(of_polars.label_quality_, of_pandas.label_quality_)
    np.testing.assert_array_equal(of_polars.feature_names_in_, of_pandas.feature_names_in_)
    np.testing.assert_array_equal(
        of_polars.predict_proba(frame), of_pandas.predict_proba(as_polars(frame))
    )


@pytest.mark.slow
def test_labels_may_be_a_series_of_polars():
    polars = pytest.importorskip("polars")
    frame, y = messy_frame()
    labels = polars.Series(np.where(y, "yes", "no"))
    X_kept, y_kept = NoisyLabelDetector(**SHORT).fit_resample(as_polars(frame), labels)
    assert isinstance(y_kept, polars.Series) and len(y_kept) == len(X_kept)
    assert set(y_kept) == {"yes", "no"}


def test_a_lazy_frame_is_refused_with_the_remedy():
    polars = pytest.importorskip("polars")
    frame, y = messy_frame()
    with pytest.raises(TypeError, match=r"X.collect\(\)"):
        NoisyLabelDetector(**SHORT).fit(polars.LazyFrame({"age": [1.0] * len(y)}), y)


# -- sparse rows -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator_class", "make"),
    [
        (NoisyLabelDetector, sparse.csr_array),
        (NoisyLabelDetector, sparse.csc_matrix),
        (NoisyLabelDetector, sparse.coo_array),
        (RobustClassifier, sparse.csr_array),
    ],
)
def test_sparse_rows_are_judged_as_dense_ones(make, estimator_class):
    X = indicators(messy_frame()[0])
    y = messy_frame()[1]
    dense = estimator_class(**SHORT).fit(X, y)
    fitted = estimator_class(**SHORT).fit(make(X), y)
    np.testing.assert_allclose(fitted.label_quality_, dense.label_quality_, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(make(X)), dense.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X), dense.predict_proba(make(X)), atol=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(name, marks=() if name == "wrong_event" else pytest.mark.slow)
        for name in METHODS
    ],
)
def test_every_method_takes_sparse_rows(method):
    X, y, y_clean = easy_table()
    X = sparse.csr_array(np.where(X > 0, X, 0))
    if METHODS[method].needs_trusted:
        method = METHODS[method](self_trusted=0.2)
    fitted = RobustClassifier(method, **SHORT).fit(X, y)
    assert fitted.score(X, y_clean) > 0.5


@pytest.mark.slow
def test_sparse_rows_that_name_a_place_twice_add_up():
    X = indicators(messy_frame()[0])
    y = messy_frame()[1]
    halves = sparse.coo_array(X)
    doubled = sparse.coo_array(
        (np.tile(halves.data / 2, 2), tuple(np.tile(place, 2) for place in halves.coords)),
        shape=X.shape,
    )
    expected = NoisyLabelDetector(**SHORT).fit(sparse.csr_array(X), y)
    fitted = NoisyLabelDetector(**SHORT).fit(doubled, y)
    np.testing.assert_array_equal(fitted.label_quality_, expected.label_quality_)


def test_a_users_net_and_its_split_take_sparse_rows():
    from skorch.dataset import ValidSplit

    X = sparse.csr_array(indicators(messy_frame()[0]))
    y = messy_frame()[1]
    net = plain_skorch_net(train_split=ValidSplit(4, stratified=True))
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert np.isfinite(fitted.history_[-1]["valid_loss"])


@pytest.mark.slow
def test_many_sparse_columns_are_never_dense_all_at_once():
    generator = np.random.RandomState(0)
    places = generator.randint(60, size=120), generator.randint(2_000_000, size=120)
    X = sparse.csr_array((generator.rand(120), places), shape=(60, 2_000_000))
    y = np.arange(60) % 2
    net = plain_skorch_net(max_epochs=1, batch_size=4)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert fitted.predict_proba(X).shape == (60, 2)


# -- rows that fit hasn't seen the like of -------------------------------------------------------


@pytest.mark.slow
@BOTH
def test_unknown_categories_and_new_gaps_are_predicted(estimator_class):
    frame, y = messy_frame()
    new = frame.iloc[20:].drop(columns="size").assign(size="XXL")[list(frame)]
    new.loc[20, "city"] = "Ulm"
    new["waited"] = new["waited"].where(new.index != 21)
    fitted = estimator_class(**SHORT | {"max_epochs": 12}).fit(frame, y)
    assert fitted.score(new, y[20:]) > 0.8
    assert np.isfinite(fitted.score_labels(new, y[20:])).all()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, sparse.csr_array])
def test_gaps_that_come_up_after_fit_count_as_the_mean_of_fit(make):
    X, y, _ = easy_table()
    X = X.astype(np.float32)
    # Boosted trees beside the net know missing values for themselves.
    fitted = RobustClassifier(net=TabularNet(), **SHORT).fit(make(X), y)
    gaps, filled = X.copy(), X.copy()
    gaps[5, 1] = np.nan
    filled[5, 1] = X[:, 1].mean()
    np.testing.assert_allclose(
        fitted.predict_proba(make(gaps)), fitted.predict_proba(make(filled)), atol=1e-6
    )


@pytest.mark.slow
@BOTH
def test_columns_are_those_of_fit_in_their_order(estimator_class):
    frame, y = messy_frame()
    fitted = estimator_class(**SHORT).fit(frame, y)
    assert fitted.n_features_in_ == frame.shape[1]
    assert list(fitted.feature_names_in_) == list(frame)
    with pytest.raises(ValueError, match="(?s)should match.*same order"):
        fitted.predict(frame[list(frame)[::-1]])
    with pytest.raises(ValueError, match="(?s)should match.*now missing.*- city"):
        fitted.predict(frame.drop(columns="city"))
    with pytest.raises(ValueError, match="(?s)should match.*unseen.*- more"):
        fitted.predict(frame.assign(more=1))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.predict(frame.to_numpy(dtype=object))


# -- columns that need a decision ----------------------------------------------------------------


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("first", ["name {}", "{}"], ids=["texts", "numbers as texts"])
def test_columns_like_names_are_left_out_with_a_warning(first, estimator_class):
    frame, y = messy_frame()
    named = frame.assign(customer=[first.format(row) for row in range(len(y))])
    with pytest.warns(UserWarning, match="left out.*'customer'"):
        fitted = estimator_class(**SHORT).fit(named, y)
    assert fitted.n_features_in_ == frame.shape[1] + 1
    expected = estimator_class(**SHORT).fit(frame, y)
    np.testing.assert_array_equal(fitted.label_quality_, expected.label_quality_)


@pytest.mark.slow
def test_nothing_is_said_about_a_tidy_table():
    frame, y = messy_frame()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = RobustClassifier(**SHORT).fit(frame, y)
        fitted.predict(frame)


@pytest.mark.slow
@BOTH
def test_a_constant_column_does_no_harm(estimator_class):
    frame, y = messy_frame()
    frame = frame.assign(country="Utopia", always=1.0, never=np.nan)
    assert estimator_class(**SHORT | {"max_epochs": 12}).fit(frame, y).score(frame, y) > 0.8


def test_columns_of_other_things_are_refused_by_name():
    frame, y = messy_frame()
    with pytest.raises(TypeError, match="Column 'basket' of X must hold.*Got a list"):
        RobustClassifier(**SHORT).fit(frame.assign(basket=[["tea"]] * len(y)), y)


# -- other parts of the estimators ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pandas", "polars", "NaN", "csr_array"])
def test_fits_on_any_table_are_equal_to_the_bit(kind):
    frame, y = messy_frame()
    X = KINDS[kind](frame)
    first = NoisyLabelDetector(**SHORT).fit(X, y)
    again = NoisyLabelDetector(**SHORT).fit(X, y)
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pandas", "polars", "NaN", "csr_array", "sparse columns"])
def test_an_equal_table_is_found_in_the_cache(kind, tmp_path):
    frame, y = messy_frame()
    # With no random state another training would end in other weights.
    settings = SHORT | {"memory": str(tmp_path), "random_state": None}
    X = KINDS[kind](frame)
    first = NoisyLabelDetector(**settings).fit(X, y)
    first.predict(X)
    again = NoisyLabelDetector(**settings).fit(KINDS[kind](messy_frame()[0]), y)
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)


@pytest.mark.slow
def test_a_failed_fit_keeps_what_an_earlier_one_learnt_of_the_columns():
    frame, y = messy_frame()
    fitted = RobustClassifier(**SHORT).fit(frame, y)
    before = fitted.predict_proba(frame)
    with pytest.raises(ValueError, match="infinity"):
        fitted.fit(frame.assign(age=np.inf), y)
    np.testing.assert_array_equal(fitted.predict_proba(frame), before)


@pytest.mark.slow
def test_a_fit_on_numbers_forgets_the_columns_of_an_earlier_one():
    frame, y = messy_frame()
    X, labels, _ = easy_table()
    fitted = RobustClassifier(**SHORT).fit(frame, y).fit(X, labels)
    expected = RobustClassifier(**SHORT).fit(X, labels)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))


def test_a_final_pipeline_gets_the_columns_as_they_are():
    frame, y = messy_frame()
    final = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model = RobustClassifier(final_estimator=final, **SHORT).fit(frame[["city", "size"]], y)
    encoder = model.final_estimator_[0]
    assert list(encoder.feature_names_in_) == ["city", "size"]
    assert model.score(frame[["city", "size"]], y) > 0.7


@pytest.mark.slow
def test_a_final_estimator_gets_gaps_and_sparse_rows_as_they_are():
    frame, y = messy_frame()
    trees = HistGradientBoostingClassifier(max_iter=5)
    gaps = KINDS["NaN"](frame)
    assert RobustClassifier(final_estimator=trees, **SHORT).fit(gaps, y).score(gaps, y) > 0.8
    rows = KINDS["csr_array"](frame)
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(rows, y)
    assert model.score(rows, y) > 0.8


@pytest.mark.slow
def test_one_hot_labels_give_the_verdict_of_the_classes_that_they_tell():
    X, y, _ = easy_table(n_classes=3)
    detector, expected = NoisyLabelDetector(**SHORT), NoisyLabelDetector(**SHORT).fit(X, y)
    X_kept, y_kept = detector.fit_resample(X, np.eye(3, dtype=int)[y])
    np.testing.assert_array_equal(detector.noise_mask_, expected.noise_mask_)
    np.testing.assert_array_equal(y_kept, np.eye(3)[y][~expected.noise_mask_])


def test_a_row_of_several_classes_is_named():
    X, y, _ = easy_table(n_classes=3)
    columns = np.eye(3, dtype=int)[y]
    columns[7] = [1, 0, 1]
    with pytest.raises(ValueError, match="Multilabel.*row 7 is of 2 classes"):
        NoisyLabelDetector(**SHORT).fit_resample(X, columns)
