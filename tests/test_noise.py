import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from sknoisy.noise import flip_classes, flip_instance_dependent, flip_pair, flip_symmetric

N_ROWS = 20_000


def make_labels(n_classes=4, n_rows=N_ROWS):
    return np.arange(n_rows) % n_classes


def make_features(n_rows, n_features=5):
    return np.random.RandomState(7).normal(size=(n_rows, n_features))


def instance_dependent(y, rate=0.4, **options):
    return flip_instance_dependent(make_features(len(y)), y, rate, **options)


def to_one_class(y, rate=0.4, **options):
    target = sorted(set(y))[0]
    return flip_classes(y, dict.fromkeys(set(y), target), rate=rate, **options)


FLIPS = {
    "symmetric": lambda y, rate=0.4, **options: flip_symmetric(y, rate, **options),
    "pair": lambda y, rate=0.4, **options: flip_pair(y, rate, **options),
    "classes": to_one_class,
    "instance": instance_dependent,
}
every_flip = pytest.mark.parametrize("flip", list(FLIPS.values()), ids=list(FLIPS))


def transition_of(y, y_noisy, n_classes):
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (y, y_noisy), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def largest_share_of_wrong_class(y, y_noisy, flipped):
    """Share of a class's flips that go to its most frequent wrong class, mean over classes."""
    shares = [
        np.bincount(y_noisy[flipped & (y == label)]).max() / np.sum(flipped & (y == label))
        for label in np.unique(y)
    ]
    return np.mean(shares)


@every_flip
@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 1, 2] * 20, dtype=np.int8),
        np.array(["no", "yes", "perhaps"] * 20),
        np.array(["no", "yes", "perhaps"] * 20, dtype=object),
        np.array([True, False] * 30),
        np.array([0.0, 1.0, 5.0] * 20),
    ],
    ids=["int8", "string", "object", "bool", "float"],
)
def test_array_keeps_dtype_and_classes(flip, y):
    y_noisy, flipped = flip(y, random_state=0)
    assert type(y_noisy) is np.ndarray
    assert y_noisy.dtype == y.dtype
    assert set(y_noisy) <= set(y)
    assert flipped.dtype == bool
    assert_array_equal(flipped, y_noisy != y)
    assert flipped.any()


@every_flip
@pytest.mark.parametrize("dtype", ["int32", "str", "category", "Int64", "bool", "boolean"])
def test_series_keeps_index_name_and_dtype(flip, dtype):
    values = [True, False] * 30 if dtype.startswith("bool") else [1, 2, 3] * 20
    y = pd.Series(values, index=np.arange(60)[::-1] * 10, name="animal").astype(dtype)
    y_noisy, flipped = flip(y, random_state=0)
    assert y_noisy.index.equals(y.index)
    assert y_noisy.name == "animal"
    assert y_noisy.dtype == y.dtype
    assert type(flipped) is np.ndarray
    assert_array_equal(flipped, np.asarray(y_noisy) != np.asarray(y))


@every_flip
def test_list_comes_back_as_array(flip):
    y_noisy, _ = flip(["a", "b"] * 10, random_state=0)
    assert type(y_noisy) is np.ndarray


@every_flip
def test_input_is_not_changed(flip):
    y = make_labels(n_rows=100)
    before = y.copy()
    flip(y, random_state=0)
    assert_array_equal(y, before)


@every_flip
def test_same_random_state_gives_the_same_flips(flip):
    y = make_labels(n_rows=200)
    first, _ = flip(y, random_state=3)
    assert_array_equal(first, flip(y, random_state=3)[0])
    assert_array_equal(first, flip(y, random_state=np.random.RandomState(3))[0])
    assert (first != flip(y, random_state=4)[0]).any()


@every_flip
def test_int_random_state_leaves_the_global_one_alone(flip):
    before = np.random.get_state()[1].copy()
    flip(make_labels(n_rows=100), random_state=0)
    assert_array_equal(np.random.get_state()[1], before)


@every_flip
def test_random_state_none_differs_between_calls(flip):
    y = make_labels(n_rows=500)
    assert (flip(y)[0] != flip(y)[0]).any()


@every_flip
def test_rate_zero_flips_nothing(flip):
    y = make_labels(n_rows=500)
    y_noisy, flipped = flip(y, rate=0, random_state=0)
    assert_array_equal(y_noisy, y)
    assert not flipped.any()


@pytest.mark.parametrize("name", ["symmetric", "pair", "instance"])
@pytest.mark.parametrize("rate", [0.3, 0.6])
def test_share_of_flipped_rows_is_the_rate(name, rate):
    _, flipped = FLIPS[name](make_labels(), rate, random_state=0)
    # Four standard errors of a binomial share.
    assert abs(flipped.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / N_ROWS)


def test_number_of_flips_is_random():
    y = make_labels(n_rows=1000)
    counts = {flip_symmetric(y, 0.3, random_state=seed)[1].sum() for seed in range(5)}
    assert len(counts) > 1


def test_symmetric_spreads_evenly_over_the_other_classes():
    y = make_labels(n_classes=3)
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    expected = np.full((3, 3), 0.2) + 0.4 * np.eye(3)
    assert_allclose(transition_of(y, y_noisy, 3), expected, atol=0.025)


def test_pair_goes_to_the_next_class_in_sorted_order_and_wraps():
    y = np.array(["owl", "cat", "dog"] * 100)
    y_noisy, flipped = flip_pair(y, 0.5, random_state=0)
    following = {"cat": "dog", "dog": "owl", "owl": "cat"}
    assert_array_equal(y_noisy[flipped], [following[label] for label in y[flipped]])


def test_matrix_is_reproduced_as_shares():
    y = make_labels(n_classes=3)
    matrix = np.array([[0.7, 0.3, 0.0], [0.1, 0.5, 0.4], [0.0, 0.0, 1.0]])
    y_noisy, _ = flip_classes(y, matrix, random_state=0)
    shares = transition_of(y, y_noisy, 3)
    assert_allclose(shares, matrix, atol=0.025)
    assert_array_equal(shares == 0, matrix == 0)


def test_matrix_rows_follow_the_sorted_classes():
    y = np.array(["b", "c", "a"] * 10)
    y_noisy, _ = flip_classes(y, [[0, 1, 0], [0, 1, 0], [0, 1, 0]], random_state=0)
    assert set(y_noisy) == {"b"}


def test_float32_matrix_of_many_classes_is_accepted():
    matrix = np.random.RandomState(0).dirichlet(np.ones(100), size=100).astype(np.float32)
    y_noisy, _ = flip_classes(make_labels(n_classes=100), matrix, random_state=0)
    assert set(y_noisy) <= set(range(100))


def test_rounded_matrix_never_leads_to_an_impossible_class():
    y = make_labels(n_classes=2, n_rows=1_000_000)
    _, flipped = flip_classes(y, [[1 - 9e-6, 0], [0, 1]], random_state=3)
    assert not flipped.any()


def test_map_moves_named_classes_at_the_rate_and_leaves_the_others():
    y = np.array(["cat", "dog", "owl"])[make_labels(n_classes=3)]
    y_noisy, flipped = flip_classes(y, {"dog": "cat", "cat": "dog"}, rate=0.3, random_state=0)
    assert not flipped[y == "owl"].any()
    assert set(y_noisy[flipped & (y == "dog")]) == {"cat"}
    assert set(y_noisy[flipped & (y == "cat")]) == {"dog"}
    assert abs(flipped[y != "owl"].mean() - 0.3) < 0.02


def test_map_may_name_integer_and_boolean_classes():
    y = np.array([True, False] * 50)
    y_noisy, flipped = flip_classes(y, {np.True_: False}, rate=0.9, random_state=0)
    assert flipped[y].any() and not flipped[~y].any()
    assert not y_noisy[flipped].any()


def test_instance_dependent_gives_identical_rows_the_same_wrong_class():
    # With features as large as these the softmax is one-hot: the target depends on X and y alone.
    y = make_labels(n_classes=5, n_rows=1000)
    X = np.full((1000, 3), 1e6)
    y_noisy, flipped = flip_instance_dependent(X, y, 0.5, scale="none", random_state=0)
    assert largest_share_of_wrong_class(y, y_noisy, flipped) == 1


def test_shared_weights_send_identical_rows_of_all_classes_to_few_classes():
    y = make_labels(n_classes=6, n_rows=1200)
    X = np.full((1200, 3), 1e6)
    y_noisy, flipped = flip_instance_dependent(
        X, y, 0.5, scale="none", shared_weights=True, random_state=0
    )
    # The class with the largest projection takes all; its own rows go to the second largest.
    assert len(set(y_noisy[flipped])) == 2


def test_targets_depend_on_the_features_of_a_row():
    y = make_labels(n_classes=3, n_rows=6000)
    X = np.where(np.arange(6000) < 3000, 1e6, -1e6)[:, np.newaxis]
    y_noisy, flipped = flip_instance_dependent(X, y, 0.5, scale="none", random_state=0)
    first = set(y_noisy[:3000][flipped[:3000] & (y[:3000] == 0)])
    second = set(y_noisy[3000:][flipped[3000:] & (y[3000:] == 0)])
    assert first.isdisjoint(second)


def test_instance_dependent_small_rate_is_lifted_by_the_cut_at_zero():
    # 0.1288 is the mean of the normal distribution with mean 0.1 and deviation 0.1 cut to [0, 1].
    _, flipped = instance_dependent(make_labels(), 0.1, random_state=0)
    assert abs(flipped.mean() - 0.1288) < 4 * np.sqrt(0.1288 * 0.8712 / N_ROWS)


@pytest.mark.parametrize("scale", ["none", "standard", "unit_norm"])
def test_instance_dependent_treats_all_rows_of_large_classes(scale):
    y = make_labels(n_classes=2)
    y_noisy, flipped = instance_dependent(y, 0.6, scale=scale, random_state=0)
    assert_array_equal(y_noisy[flipped], 1 - y[flipped])
    assert abs(flipped[-N_ROWS // 4 :].mean() - 0.6) < 0.03


def test_scaling_turns_a_class_map_into_spread_out_noise():
    X, y = load_digits(return_X_y=True)
    shares = [
        np.mean(
            [
                largest_share_of_wrong_class(
                    y, *flip_instance_dependent(X, y, 0.4, scale=scale, random_state=seed)
                )
                for seed in range(3)
            ]
        )
        for scale in ("none", "standard", "unit_norm")
    ]
    assert shares[0] > shares[1] + 0.2
    assert shares[1] > shares[2] + 0.02


def test_standard_scale_ignores_units_offsets_and_constant_columns():
    y = make_labels(n_rows=500)
    X = make_features(500)
    X[:, 0] = 0.1
    expected, _ = flip_instance_dependent(X, y, 0.4, scale="standard", random_state=0)
    moved = X * [3.0, 1000.0, 0.01, 1.0, 5.0] + 7.0
    assert_array_equal(
        flip_instance_dependent(moved, y, 0.4, scale="standard", random_state=0)[0], expected
    )


def test_standard_scale_is_that_of_standard_scaler():
    X = make_features(10_000) * [1.0, 100.0, 0.01, 5.0, 1.0] + 3.0
    X[:5000] *= 10
    y = make_labels(n_rows=10_000)
    expected, _ = flip_instance_dependent(
        StandardScaler().fit_transform(X), y, 0.4, scale="none", random_state=0
    )
    assert_array_equal(
        flip_instance_dependent(X, y, 0.4, scale="standard", random_state=0)[0], expected
    )


def test_unit_norm_gives_rows_of_zeros_an_even_draw():
    y = make_labels(n_classes=3)
    y_noisy, flipped = flip_instance_dependent(
        np.zeros((N_ROWS, 4)), y, 0.5, scale="unit_norm", random_state=0
    )
    assert abs(largest_share_of_wrong_class(y, y_noisy, flipped) - 0.5) < 0.05


def test_unit_norm_ignores_the_length_of_a_row():
    y = make_labels(n_rows=500)
    X = make_features(500)
    lengths = np.linspace(0.1, 100, 500)[:, np.newaxis]
    expected, _ = flip_instance_dependent(X, y, 0.4, scale="unit_norm", random_state=0)
    assert_array_equal(
        flip_instance_dependent(X * lengths, y, 0.4, scale="unit_norm", random_state=0)[0], expected
    )


@pytest.mark.parametrize(("shape", "meant"), [((600, 12), "standard"), ((600, 3, 2, 2), "none")])
def test_auto_scale_standardises_tables_and_leaves_images_raw(shape, meant):
    X = np.random.RandomState(0).randint(0, 256, size=shape).astype(np.uint8)
    y = make_labels(n_rows=600)
    automatic, _ = flip_instance_dependent(X, y, 0.4, random_state=0)
    results = {
        scale: flip_instance_dependent(X, y, 0.4, scale=scale, random_state=0)[0]
        for scale in ("standard", "none")
    }
    assert_array_equal(automatic, results[meant])
    assert (results["standard"] != results["none"]).any()


def test_images_are_flattened():
    y = make_labels(n_rows=300)
    X = np.random.RandomState(0).randint(0, 256, size=(300, 2, 3, 4)).astype(np.uint8)
    images, _ = flip_instance_dependent(X, y, 0.4, scale="none", random_state=0)
    flat, _ = flip_instance_dependent(X.reshape(300, -1), y, 0.4, scale="none", random_state=0)
    assert_array_equal(images, flat)


def test_data_frame_of_mixed_number_types_is_accepted():
    X = pd.DataFrame({"size": make_features(90)[:, 0], "is_old": [True, False, False] * 30})
    y_noisy, flipped = flip_instance_dependent(X, make_labels(3, 90), 0.4, random_state=0)
    assert flipped.any()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), "0.2", True, None, [0.1, 0.2]])
@every_flip
def test_rate_outside_zero_to_one_is_refused(flip, rate):
    with pytest.raises(ValueError, match="rate must be"):
        flip(make_labels(n_rows=20), rate=rate)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 1, 1], "at least two classes"),
        ([], "at least two classes"),
        ([[0, 1], [1, 0]], "1-D"),
        ([0.0, float("nan"), 1.0], "missing"),
        ([0.5, 1.5, 1.0], "fractional"),
    ],
)
def test_unusable_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        flip_symmetric(y, 0.2)


def test_labels_that_cannot_be_sorted_are_refused():
    with pytest.raises(TypeError, match="sorted"):
        flip_symmetric(np.array([1, "a", 2], dtype=object), 0.2)


@pytest.mark.parametrize(
    ("transition", "rate", "message"),
    [
        (np.eye(3), None, r"shape \(2, 2\)"),
        ([[0.5, 0.4], [0, 1]], None, "sum to one"),
        ([[1.5, -0.5], [0, 1]], None, "negative"),
        ([[float("nan"), 1], [0, 1]], None, "negative or NaN"),
        (np.eye(2), 0.3, "rate must be None"),
        ({"a": "b"}, None, "rate must be given"),
        ({"z": "b"}, 0.3, r"got \['z'\]"),
        ({"a": "z"}, 0.3, r"got \['z'\]"),
    ],
)
def test_unusable_transition_is_refused(transition, rate, message):
    with pytest.raises(ValueError, match=message):
        flip_classes(["a", "b"] * 5, transition, rate=rate)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((5, 2)), ValueError, "as many rows; got 5 and 4"),
        (np.zeros(4), ValueError, r"n_samples, \.\.\."),
        (np.zeros((4, 0)), ValueError, r"n_samples, \.\.\."),
        (np.full((4, 2), np.nan), ValueError, "finite"),
        (np.full((4, 2), "a"), TypeError, "numbers"),
        (np.full((4, 2), "a", dtype=object), TypeError, "numbers"),
        (sparse.csr_matrix((4, 2)), TypeError, "toarray"),
    ],
)
def test_unusable_features_are_refused(X, error, message):
    with pytest.raises(error, match=message):
        flip_instance_dependent(X, [0, 1, 0, 1], 0.2)


def test_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="got 'minmax'"):
        flip_instance_dependent(np.zeros((4, 2)), [0, 1, 0, 1], 0.2, scale="minmax")
