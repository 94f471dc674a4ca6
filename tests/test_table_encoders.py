"""What a table's columns become: finite numbers for nets, categories and gaps for trees."""

import datetime
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from messy_tables import KINDS, messy_frame
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy.tables import NumberEncoder, TreeEncoder

PLAIN = np.random.default_rng(0).normal(size=(40, 3)) * 100
PLAIN_KINDS = {
    "float64": PLAIN,
    "float16": PLAIN.astype(np.float16),
    "integers": PLAIN.astype(int),
    "booleans": PLAIN > 0,
    "objects": PLAIN.astype(object),
    "strings": PLAIN.astype(str),
    "lists": PLAIN.tolist(),
    "frame": pd.DataFrame(PLAIN),
    "frame of several dtypes": pd.DataFrame(PLAIN).assign(b=PLAIN[:, 0] > 0, i=7),
    "nullable": pd.DataFrame(PLAIN).astype("Float64"),
    "Fortran order": np.asfortranarray(PLAIN),
    "big endian": PLAIN.astype(">f8"),
}


def column(values, **settings):
    """Return one column as numbers."""
    return NumberEncoder(**settings).fit_transform(pd.DataFrame({"x": values}))


def tree_column(values):
    return TreeEncoder().fit_transform(pd.DataFrame({"x": values}))


# -- for nets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_finite_numbers_stay_as_they_are(kind):
    encoder = NumberEncoder()
    numbers = encoder.fit_transform(PLAIN_KINDS[kind])
    expected = np.asarray(PLAIN_KINDS[kind]).astype(np.float32)
    assert encoder.is_plain_ and numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(encoder.transform(PLAIN_KINDS[kind]), expected)


def test_an_array_of_float32_is_not_copied():
    X = PLAIN.astype(np.float32)
    encoder = NumberEncoder().fit(X)
    assert encoder.fit_transform(X) is X and encoder.transform(X) is X


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", KINDS)
def test_any_table_becomes_finite_numbers(kind):
    frame, _ = messy_frame()
    new, _ = messy_frame(seed=1)
    encoder = NumberEncoder().fit(KINDS[kind](frame))
    for each in (frame, new):
        numbers = encoder.transform(KINDS[kind](each))
        numbers = numbers.toarray() if sparse.issparse(numbers) else numbers
        assert numbers.dtype == np.float32 and np.isfinite(numbers).all()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_some_rows_are_those_that_the_whole_table_has(kind):
    frame, _ = messy_frame()
    encoder = NumberEncoder()
    numbers = encoder.fit_transform(KINDS[kind](frame))
    some = encoder.transform(KINDS[kind](frame.iloc[2:9]))
    some, numbers = (
        part.toarray() if sparse.issparse(part) else part for part in (some, numbers[2:9])
    )
    np.testing.assert_array_equal(some, numbers)


def test_missing_numbers_stand_at_the_median_and_are_marked():
    numbers = column([1.0, 2.0, np.nan, 3.0, 4.0])
    assert numbers.shape == (5, 2)
    assert numbers[2, 0] == 0
    np.testing.assert_array_equal(numbers[:, 1], [0, 0, 1, 0, 0])


def test_numbers_beside_others_keep_their_order_and_stay_near():
    values = np.append(np.linspace(-1, 1, 50), [1e6, 1e38, -1e38, np.nan])
    numbers = column(values)[:-1, 0]
    assert (np.diff(numbers[np.argsort(values[:-1])]) >= 0).all()
    assert np.abs(numbers).max() <= 3
    assert numbers[:50].std() > 0.3


def test_large_numbers_are_told_apart_beside_other_columns():
    seconds = 1_700_000_000 + np.arange(50.0)
    assert len(np.unique(np.float32(seconds))) < 5
    frame = pd.DataFrame({"seconds": seconds, "city": ["Bern", "Bonn"] * 25})
    assert len(np.unique(NumberEncoder().fit_transform(frame)[:, 0])) == 50


def test_each_category_and_missing_ones_get_a_column():
    numbers = column(["u", "v", None, "u"])
    np.testing.assert_array_equal(numbers, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_unknown_categories_are_of_none_or_like_rare_ones():
    few = NumberEncoder().fit(pd.DataFrame({"x": ["u", "v"]}))
    assert few.transform(pd.DataFrame({"x": ["w"]})).sum() == 0
    values = [*"aaabbb", *"cdefg"]
    many = TreeEncoder(max_categories=3).fit(pd.DataFrame({"x": values}))
    codes = many.transform(pd.DataFrame({"x": ["a", "b", "g", "z"]}))["x"].cat.codes
    assert len(set(codes[:2])) == 2
    assert codes[2] == codes[3] == 2


@pytest.mark.parametrize(
    "values",
    [
        pd.Categorical([1, 2, 1]),
        pd.Series([1.0, 2.0, 1.0]).astype("category"),
        pd.Series(["1", "2", "1"]).astype("category"),
        pd.Categorical(["1", "2", "1"], categories=["2", "0", "1"]),
    ],
    ids=["integers", "floats", "texts", "another order"],
)
def test_categories_are_known_by_their_texts(values):
    encoder = NumberEncoder().fit(pd.DataFrame({"x": pd.Categorical([1, 2, 1])}))
    numbers = encoder.transform(pd.DataFrame({"x": values}))
    np.testing.assert_array_equal(numbers, [[1, 0], [0, 1], [1, 0]])


def test_many_categories_are_told_by_what_they_share():
    words = [f"{part} {number}" for number in range(60) for part in ("manager", "nurse")]
    numbers = column([*words, *words])
    assert numbers.shape[1] == 30
    of_managers, of_nurses = numbers[0:120:2], numbers[1:120:2]
    within = np.linalg.norm(of_managers[0] - of_managers[1:], axis=1)
    between = np.linalg.norm(of_managers[0] - of_nurses, axis=1)
    assert within.mean() < between.mean()


def test_sentences_are_no_names():
    texts = pd.DataFrame({"x": [f"the parcel {row} came too late again" for row in range(40)]})
    numbers = NumberEncoder().fit_transform(texts)
    assert numbers.shape[1] > 1
    assert TreeEncoder().fit_transform(texts).shape == numbers.shape


@pytest.mark.parametrize(
    ("values", "n_parts"),
    [
        (pd.date_range("2020-01-31", periods=400, freq="D"), 5),
        (pd.date_range("2020-01-31", periods=400, freq="D").tz_localize("Asia/Tokyo"), 5),
        (pd.date_range("2020-01-31", periods=400, freq="h"), 5),
        (pd.date_range("2020-01-31", periods=400, freq="D").strftime("%d.%m.%Y"), 5),
        (pd.date_range("2020-01-31", periods=400, freq="D").strftime("%Y-%m-%d %H:%M"), 5),
        (pd.date_range("2020-01-31", periods=400, freq="D").date, 5),
        (pd.period_range("2020-01", periods=30, freq="M"), 4),
    ],
    ids=["days", "zone", "hours", "texts", "texts with hours", "objects", "periods"],
)
def test_dates_become_their_parts(values, n_parts):
    numbers = column(values)
    assert numbers.shape[1] == n_parts
    assert (np.diff(numbers[:, -1]) > 0).all()
    parts = tree_column(values)
    assert len(parts.columns) == n_parts
    assert (np.diff(parts["x_total_seconds"]) > 0).all()
    assert parts["x_day_of_week"].between(0, 6).all()


def test_missing_dates_are_marked_and_filled_in():
    values = pd.Series(pd.date_range("2020-01-31", periods=40))
    values[3] = pd.NaT
    numbers = column(values)
    np.testing.assert_array_equal(np.flatnonzero(numbers[:, -1]), [3])
    assert tree_column(values).iloc[3].isna().all()


def test_texts_that_are_no_dates_of_the_format_of_fit_count_as_missing():
    days = pd.date_range("2020-01-31", periods=40).strftime("%d/%m/%Y")
    encoder = TreeEncoder().fit(pd.DataFrame({"x": days}))
    parts = encoder.transform(pd.DataFrame({"x": ["31/01/2020", "soon", None]}))
    np.testing.assert_array_equal(parts["x_month"], [1, np.nan, np.nan])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, None], [1, 0, np.nan]),
        ([Decimal("1.5"), Decimal(2), None], [1.5, 2, np.nan]),
        (pd.to_timedelta([1, 2, None], unit="min"), [60, 120, np.nan]),
        ([datetime.timedelta(seconds=3), None, datetime.timedelta(0)], [3, np.nan, 0]),
        ([datetime.time(1, 0, 2), None, datetime.time(0)], [3602, np.nan, 0]),
        (pd.array([1, 2, None], dtype="Int64"), [1, 2, np.nan]),
        (pd.array([True, False, None], dtype="boolean"), [1, 0, np.nan]),
        (["1.5", "2", "?"], [1.5, 2, np.nan]),
        ([1, "2.5", None], [1, 2.5, np.nan]),
        ([None, None, None], [np.nan] * 3),
        (pd.arrays.SparseArray([0.0, 1.0, np.nan]), [0, 1, np.nan]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_counts_as_a_number(values, expected):
    trees = tree_column(values)
    np.testing.assert_array_equal(np.asarray(trees, dtype=float)[:, 0], expected)


def test_a_few_other_values_among_numbers_are_missing_with_a_warning():
    values = [*np.arange(40.0), "about 50"]
    with pytest.warns(UserWarning, match="Column 'x'.*'about 50'.*as missing numbers"):
        encoder = TreeEncoder().fit(pd.DataFrame({"x": values}))
    np.testing.assert_array_equal(
        encoder.transform(pd.DataFrame({"x": [3, "about 60"]})), [[3], [np.nan]]
    )


def test_numbers_among_many_other_values_are_categories_with_a_warning():
    values = [1234, "12a", "12b", 1234]
    with pytest.warns(UserWarning, match="Column 'x'.*'12a'.*as categories"):
        numbers = column(values)
    np.testing.assert_array_equal(numbers, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    "values",
    [[b"word"] * 3, [[1], [2], [3]], [{"a": 1}] * 3, [PLAIN] * 3],
    ids=lambda v: str(v)[:9],
)
@pytest.mark.parametrize("encoder_class", [NumberEncoder, TreeEncoder])
def test_columns_of_other_things_are_refused(encoder_class, values):
    with pytest.raises(TypeError, match="Column 'x' of X must hold numbers, texts.*Got a "):
        encoder_class().fit(pd.DataFrame({"x": values}))


# -- for trees -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trees_get_an_array_of_floats_itself(dtype):
    X = PLAIN.astype(dtype)
    X[3, 1] = np.nan
    assert TreeEncoder().fit_transform(X) is X


@pytest.mark.parametrize("kind", ["integers", "booleans", "objects", "frame", "nullable", "lists"])
def test_trees_get_other_numbers_as_float64(kind):
    numbers = TreeEncoder().fit_transform(PLAIN_KINDS[kind])
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, np.asarray(PLAIN_KINDS[kind], dtype=np.float64))


@pytest.mark.parametrize("kind", ["pandas", "polars", "nullable", "objects", "array of strings"])
def test_boosted_trees_take_what_the_encoder_gives(kind):
    if kind == "polars":
        pytest.importorskip("polars")
    frame, y = messy_frame()
    new, y_new = messy_frame(seed=1)
    new.loc[10:20, "city"] = "Ulm"
    new.loc[:3, "city"] = None
    encoder = TreeEncoder()
    trees = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    trees.fit(encoder.fit_transform(KINDS[kind](frame)), y)
    assert trees.is_categorical_.any()
    assert trees.score(encoder.transform(KINDS[kind](new)), y_new) > 0.9


def test_trees_get_the_categories_of_fit_and_gaps():
    encoder = TreeEncoder().fit(pd.DataFrame({"x": ["u", "v", "u", None]}, index=[4, 5, 6, 7]))
    parts = encoder.transform(pd.DataFrame({"x": ["v", "w", None]}, index=[7, 8, 9]))
    assert list(parts["x"].cat.categories) == ["u", "v"]
    assert list(parts["x"].isna()) == [False, True, True]
    assert list(parts.index) == [7, 8, 9]


def test_trees_never_get_more_categories_than_they_tell_apart():
    words = [f"word {row % 400}" for row in range(1000)] + ["word 7"] * 5
    parts = tree_column(words)
    assert len(parts["x"].cat.categories) == 254
    assert parts["x"].iloc[-1] == "word 7"


def test_sparse_rows_for_trees_are_refused_with_the_remedy():
    with pytest.raises(TypeError, match="sparse.*TruncatedSVD"):
        TreeEncoder().fit(sparse.csr_array(PLAIN))


def test_infinity_is_refused_for_trees_too():
    X = PLAIN.copy()
    X[5, 1] = np.inf
    with pytest.raises(ValueError, match="infinity.*row 5, column 1"):
        TreeEncoder().fit_transform(X)


def test_columns_of_one_name_stay_two():
    frame = pd.DataFrame([["u", 1.0], ["v", 2.0]], columns=["same", "same"])
    assert TreeEncoder().fit_transform(frame).shape == (2, 2)


# -- both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder_class", [NumberEncoder, TreeEncoder])
def test_encoders_are_cloned_and_pickled(encoder_class):
    frame, _ = messy_frame()
    encoder = encoder_class(max_categories=2).fit(frame)
    assert clone(encoder).get_params() == {"max_categories": 2}
    loaded = pickle.loads(pickle.dumps(encoder))
    pd.testing.assert_frame_equal(
        pd.DataFrame(loaded.transform(frame)), pd.DataFrame(encoder.transform(frame))
    )
