import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import DeepKNN
from sknoisy.methods._deep_knn import vote_quality
from sknoisy.neighbors import count_votes, nearest_rows
from sknoisy.noise import flip_pair, flip_symmetric


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def test_a_row_is_no_neighbour_of_its_own():
    neighbors = nearest_rows(np.zeros((5, 2)), 4)
    assert all(row not in found for row, found in enumerate(neighbors))


def test_there_are_no_more_neighbours_than_other_rows():
    assert nearest_rows(np.arange(6.0)[:, None], 50).shape == (6, 5)


def test_votes_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    codes, voters = rng.integers(0, 4, 30), rng.integers(0, 30, (30, 7))
    expected = [[np.sum(codes[row] == code) for code in range(4)] for row in voters]
    assert_array_equal(count_votes(codes, 4, voters), expected)


def test_label_is_judged_wrong_where_another_one_is_commoner():
    votes = np.array([[4.0, 5.0, 1.0], [5.0, 4.0, 1.0], [5.0, 5.0, 0.0]])
    quality = vote_quality(votes, np.zeros(3, dtype=int), np.array([1.0, 0.0, 0.0]))
    assert_array_equal(quality < 0.5, [True, False, False])


def test_more_votes_outweigh_any_margin():
    votes = np.array([[6.0, 4.0], [7.0, 3.0]])
    better_margin, more_votes = vote_quality(votes, np.zeros(2, dtype=int), np.array([1.0, 0.0]))
    assert more_votes >= better_margin


def test_rows_of_equal_votes_are_ordered_by_their_margins():
    votes = np.tile([6.0, 4.0], (3, 1))
    quality = vote_quality(votes, np.zeros(3, dtype=int), np.array([0.2, 0.9, 0.5]))
    assert_array_equal(np.argsort(quality), [0, 2, 1])


def test_row_without_neighbours_of_any_rival_keeps_its_label():
    quality = vote_quality(np.array([[9.0, 0.0]]), np.array([0]), np.array([0.0]))
    assert_allclose(quality, 0.9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flip, rate", [(flip_symmetric, 0.4), (flip_pair, 0.3)], ids=["symmetric", "pair"]
)
def test_learns_more_than_plain_training(digits, flip, rate):
    X, X_test, y, y_test = digits
    y_noisy, flipped = flip(y, rate, random_state=0)
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy)
        for method in ("cross_entropy", "deep_knn")
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    assert (robust.noise_mask_ == flipped).mean() > 0.9


@pytest.mark.parametrize("features", ["logits", "last_layer"])
def test_features_may_be_those_of_the_last_layer(digits, features):
    X, _, y, _ = digits
    y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    method = DeepKNN(features=features)
    detector = NoisyLabelDetector(method, max_epochs=20, random_state=0).fit(X[:600], y_noisy[:600])
    assert (detector.noise_mask_ == flipped[:600]).mean() > 0.85


@pytest.mark.parametrize(
    "parameter", [{"n_neighbors": 0}, {"features": "pixels"}, {"training_share": 1.1}]
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of DeepKNN"):
        NoisyLabelDetector(DeepKNN(**parameter)).fit(np.eye(4), [0, 1, 0, 1])
