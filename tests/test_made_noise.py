"""Data sets with wrong labels made on purpose."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score

from sknoisy.datasets import load_digits_noisy, make_noisy_classification

NOISES = ["symmetric", "pair", "instance"]
LOADERS = [make_noisy_classification, load_digits_noisy]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("noise", NOISES)
def test_flipped_rows_are_those_whose_labels_differ(load, noise):
    data = load(noise=noise, rate=0.3, random_state=0)
    np.testing.assert_array_equal(data.flipped, data.y != data.y_true)
    assert data.flipped.mean() == pytest.approx(0.3, abs=0.05)
    assert set(data.y) == set(data.y_true)


@pytest.mark.parametrize("load", LOADERS)
def test_no_label_is_wrong_at_rate_zero(load):
    data = load(rate=0, random_state=0)
    assert not data.flipped.any()


@pytest.mark.parametrize("load", LOADERS)
def test_equal_seeds_give_equal_data_and_others_give_others(load):
    first, again, other = (load(random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.flipped != other.flipped).any()


@pytest.mark.parametrize("load", LOADERS)
def test_pair_noise_goes_to_the_next_class(load):
    data = load(noise="pair", rate=0.3, random_state=0)
    n_classes = data.y_true.max() + 1
    expected = (data.y_true + data.flipped) % n_classes
    np.testing.assert_array_equal(data.y, expected)


@pytest.mark.slow
def test_classes_of_a_table_can_be_learnt():
    data = make_noisy_classification(1000, n_classes=4, n_string_columns=3, random_state=0)
    model = HistGradientBoostingClassifier(max_iter=30, categorical_features="from_dtype")
    X = data.X.astype(dict.fromkeys(data.X.columns[-3:], "category"))
    assert cross_val_score(model, X, data.y_true, cv=3).mean() > 0.8


def test_last_columns_are_words_on_request():
    X = make_noisy_classification(103, n_features=5, n_string_columns=2, random_state=0).X
    assert isinstance(X, pd.DataFrame)
    assert [pd.api.types.is_numeric_dtype(X[name]) for name in X] == [True] * 3 + [False] * 2
    counts = X.iloc[:, -1].value_counts()
    assert set(counts.index) == {"very low", "low", "middle", "high", "very high"}
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("n_string_columns", [0, 10])
def test_share_of_cells_is_missing_on_request(n_string_columns):
    X = make_noisy_classification(
        500, missing=0.25, n_string_columns=n_string_columns, random_state=0
    ).X
    assert pd.DataFrame(X).isna().to_numpy().mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise": "random"}, "noise must be one of symmetric, pair, instance, got 'random'"),
        ({"rate": 1.0}, "rate must be a number in"),
        ({"missing": -0.1}, r"missing must be a number in \[0, 1\), got -0.1"),
        ({"n_classes": 1}, "n_classes must be at least 2, got 1"),
        ({"n_classes": 20, "n_features": 4}, "n_features must be at least 5 for 20 classes, got 4"),
        ({"n_string_columns": 11}, r"n_string_columns must be in 0 to n_features \(10\), got 11"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_noisy_classification(**parameters)


def test_digits_keep_their_images_beside_the_flat_rows():
    digits = load_digits_noisy(random_state=0)
    np.testing.assert_array_equal(digits.images.reshape(1797, 64), digits.X)
    assert [str(name) for name in digits.target_names] == [str(number) for number in range(10)]
