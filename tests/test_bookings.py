"""The generated table of bookings: columns of every kind that tell what a journey was for."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.model_selection import train_test_split

from sknoisy import RobustClassifier
from sknoisy.datasets import make_bookings
from sknoisy.noise import flip_symmetric


def test_equal_seeds_make_equal_tables_and_others_make_others():
    first, again, other = (make_bookings(50, random_state=seed) for seed in (3, 3, 4))
    assert_frame_equal(first[0], again[0])
    assert_series_equal(first[1], again[1])
    assert not first[0].equals(other[0])


def test_columns_are_of_every_kind_and_some_values_are_missing():
    bookings, purposes = make_bookings(500, random_state=0)
    kinds = {pd.api.types.infer_dtype(values, skipna=True) for _, values in bookings.items()}
    assert kinds == {"datetime64", "integer", "floating", "string", "boolean"}
    assert 0.2 < bookings["wish"].isna().mean() < 0.5
    assert purposes.index.equals(bookings.index)


@pytest.mark.slow
def test_columns_tell_the_purpose():
    X_train, X_test, y_train, y_test = train_test_split(
        *make_bookings(2000, random_state=0), random_state=0
    )
    model = RobustClassifier("cross_entropy", max_epochs=10, random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.9


def test_labels_flipped_with_the_same_seed_are_of_all_classes_alike():
    purposes = make_bookings(4000, random_state=0)[1]
    _, flipped = flip_symmetric(purposes, 0.2, random_state=0)
    shares = pd.Series(flipped).groupby(purposes.to_numpy()).mean()
    assert np.allclose(shares, 0.2, atol=0.04)


@pytest.mark.parametrize("n_rows", [0, -3])
def test_a_table_without_rows_is_refused(n_rows):
    with pytest.raises(ValueError, match=f"n_rows must be at least 1, got {n_rows}"):
        make_bookings(n_rows)
