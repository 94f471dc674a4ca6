import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_blobs
from sklearn.neighbors import NearestNeighbors
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import TrustedRowsRequiredError
from sknoisy.methods import SimiFeat
from sknoisy.metrics import noise_detection_report
from sknoisy.neighbors import SimilarRows, _similar, count_votes
from sknoisy.nets import VisionNet
from sknoisy.noise import flip_classes, flip_symmetric
from sknoisy.transition import NoiseEstimate, consensus_frequencies, estimate_noise


@pytest.fixture(scope="module")
def noisy_digits():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    return X, y, y_noisy, flipped


# -- HOC -----------------------------------------------------------------------------------------


def test_frequencies_of_pairs_and_triples_by_hand():
    labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0, 0, 1, 0])
    single, pairs, triples = consensus_frequencies(*labels, 2)
    assert_allclose(single, [0.5, 0.5])
    assert_allclose(pairs, [[0.25, 0.25], [0, 0.5]])
    assert_allclose(triples[1], [[0, 0], [0.25, 0.25]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_known_transition_matrix_is_recovered(seed):
    rng = np.random.default_rng(seed)
    matrix = 0.6 * np.eye(4) + 0.4 * rng.dirichlet(np.ones(4), size=4)
    true = rng.choice(4, size=30_000, p=[0.4, 0.3, 0.2, 0.1])
    cumulative = matrix[true].cumsum(axis=1)
    draws = [(rng.random((len(true), 1)) > cumulative).sum(axis=1) for _ in range(3)]
    estimate = estimate_noise(*draws, 4)
    assert np.abs(estimate.transition_matrix - matrix).max() < 0.03
    assert_allclose(estimate.class_shares, [0.4, 0.3, 0.2, 0.1], atol=0.03)


def test_share_of_right_labels_by_hand():
    estimate = NoiseEstimate(np.array([[0.8, 0.2], [0.5, 0.5]]), np.array([0.6, 0.4]))
    assert_allclose(estimate.right_shares(), [0.48 / 0.68, 0.2 / 0.32])


# -- neighbours ----------------------------------------------------------------------------------


@pytest.mark.parametrize("max_pairs", [1, 100, 2**25])
def test_most_similar_rows_are_those_of_an_exhaustive_search(monkeypatch, max_pairs):
    monkeypatch.setattr(_similar, "MAX_PAIRS", max_pairs)
    features = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    similarities, rows = _similar.most_similar(unit, 4)
    search = NearestNeighbors(n_neighbors=4, metric="cosine").fit(unit)
    distances, expected = search.kneighbors(unit)
    assert_array_equal(rows, expected)
    assert_allclose(similarities, 1 - distances, atol=1e-6)


def test_own_row_comes_first_even_among_equal_rows():
    neighbors = SimilarRows(np.repeat([[1.0, 0.0], [0.0, 1.0]], 4, axis=0), 3)
    assert_array_equal(neighbors._rows[:, 0], np.arange(8))
    assert (neighbors._rows[:4, :3] < 4).all() and (neighbors._rows[4:, :3] >= 4).all()


def test_rows_that_are_left_out_have_no_vote_but_their_own():
    angles = np.array([0.0, 0.01, 0.02, 0.03, 1.0])
    neighbors = SimilarRows(np.stack([np.cos(angles), np.sin(angles)], axis=1), 3)
    codes = np.array([0, 1, 2, 2, 0])
    votes = count_votes(codes, 3, *neighbors.voters(np.array([True, False, True, True, True])))
    assert votes[0, 1] == 0 and votes[0].argmax() == 2
    assert votes[1, 1] > 0


def test_neighbours_vote_for_the_label_of_their_group():
    X, y = make_blobs(300, centers=3, cluster_std=0.5, center_box=(5, 20), random_state=0)
    y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    votes = count_votes(
        y_noisy, 3, *SimilarRows(X - X.mean(axis=0), 10).voters(np.ones(300, dtype=bool))
    )
    assert (votes.argmax(axis=1) == y).mean() > 0.9


# -- as a whole ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["rank", "vote"])
def test_wrong_labels_are_found_by_the_rows_themselves(noisy_digits, rule):
    X, _, y_noisy, flipped = noisy_digits
    method = SimiFeat(rule=rule, features="input")
    detector = NoisyLabelDetector(method, random_state=0).fit(X, y_noisy)
    report = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    assert report["f1"] > 0.9 and report["auc"] > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("features", ["net", "trusted_net", lambda X: X[:, 20:44]])
def test_features_may_come_from_elsewhere(noisy_digits, features):
    X, y, y_noisy, flipped = noisy_digits
    trusted = np.random.default_rng(0).random(len(y)) < 0.2
    y_noisy = np.where(trusted, y, y_noisy)
    method = SimiFeat(features=features)
    detector = NoisyLabelDetector(method, max_epochs=10, random_state=0)
    quality = detector.fit(X, y_noisy, trusted=trusted).label_quality_
    wrong = (y_noisy != y)[~trusted]
    assert noise_detection_report(wrong, label_quality=quality[~trusted])["auc"] > 0.85


@pytest.mark.slow
def test_rows_of_a_table_are_compared_as_they_are_and_images_by_a_net(noisy_digits):
    X, _, y_noisy, _ = noisy_digits
    settings = {"max_epochs": 2, "random_state": 0}
    net = VisionNet(module__depth=10, module__width=4)
    images = (X[:300] / 16).reshape(-1, 8, 8)
    for data, chosen, given in ((X[:300], "input", None), (images, "net", net)):
        qualities = [
            NoisyLabelDetector(SimiFeat(features=features), net=given, **settings)
            .fit(data, y_noisy[:300])
            .label_quality_
            for features in ("auto", chosen)
        ]
        assert_array_equal(*qualities)


@pytest.mark.slow
def test_transition_matrix_is_the_estimate_from_neighbours(noisy_digits):
    X, y, _, _ = noisy_digits
    y_noisy, _ = flip_classes(y, {3: 8, 1: 7}, rate=0.4, random_state=0)
    detector = NoisyLabelDetector(SimiFeat(features="input"), max_epochs=5, random_state=0)
    matrix = detector.fit(X, y_noisy).transition_matrix_
    assert_allclose(matrix[[3, 1], [8, 7]], [0.4, 0.4], atol=0.1)
    assert_allclose(matrix.sum(axis=1), np.ones(10))


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(noisy_digits):
    X, y, y_noisy, _ = noisy_digits
    train = np.arange(len(y)) % 3 > 0
    scores = [
        RobustClassifier(method, random_state=0)
        .fit(X[train], y_noisy[train])
        .score(X[~train], y[~train])
        for method in (SimiFeat(features="input"), "cross_entropy")
    ]
    assert scores[0] > scores[1] + 0.1


def test_features_of_trusted_rows_need_trusted_rows(noisy_digits):
    with pytest.raises(TrustedRowsRequiredError):
        NoisyLabelDetector(SimiFeat(features="trusted_net")).fit(*noisy_digits[:2])


class NoLinearLayer(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.convolution = nn.Conv1d(1, n_classes, n_features)

    def forward(self, X):
        return self.convolution(X[:, None]).flatten(1)


def test_net_without_a_linear_layer_is_named(noisy_digits):
    with pytest.raises(ValueError, match="NoLinearLayer has none"):
        method = SimiFeat(features="net")
        NoisyLabelDetector(method, net=NoLinearLayer, max_epochs=1).fit(*noisy_digits[:2])


def test_shape_of_features_is_checked(noisy_digits):
    method = SimiFeat(features=lambda X: X[:10])
    with pytest.raises(ValueError, match="'features' of SimiFeat.*shape"):
        NoisyLabelDetector(method, max_epochs=1).fit(*noisy_digits[:2])


@pytest.mark.parametrize(
    "parameters", [{"rule": "all"}, {"features": "pixels"}, {"n_neighbors": 2}, {"n_rounds": 0}]
)
def test_parameter_out_of_range_is_named(noisy_digits, parameters):
    with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of SimiFeat"):
        NoisyLabelDetector(SimiFeat(**parameters)).fit(*noisy_digits[:2])
