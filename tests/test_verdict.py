"""One scale and one threshold for the rows of fit and for new ones."""

from functools import cache

import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from small_data import OWN_CLASSIFIER, slow_but_some
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS, CrossEntropy
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric
from sknoisy.thresholds import (
    contamination_threshold,
    flag_share,
    label_margins,
    quality_of_margins,
    quality_scale,
)

EACH_METHOD = pytest.mark.parametrize("method", slow_but_some(METHODS))
SHORT = {"max_epochs": 10, "lr": 0.01, "batch_size": 32, "device": "cpu", "random_state": 0}

# -- a share of the rows -----------------------------------------------------------------------


def test_rows_of_equal_quality_are_told_apart_by_their_margins():
    margins = np.array([0.9, 0.2, 0.8, 0.1, 0.7, 0.6])
    mask, _ = flag_share(np.full(6, 0.3), 1 / 3, codes=np.arange(6) % 2, margins=margins)
    np.testing.assert_array_equal(mask, [False, True, False, True, False, False])


def test_rows_that_nothing_tells_apart_are_taken_in_their_order():
    mask, _ = flag_share(np.full(6, 0.3), 1 / 3, codes=np.arange(6) % 2)
    np.testing.assert_array_equal(mask, [True, True, False, False, False, False])


def test_quality_comes_before_the_margin():
    mask, _ = flag_share(
        np.array([0.1, 0.2, 0.9]), 0.3, codes=np.zeros(3, dtype=int), margins=np.array([0.9, 0, 0])
    )
    np.testing.assert_array_equal(mask, [True, False, False])


def test_the_next_suspicious_row_takes_the_place_of_one_that_its_class_keeps():
    quality = np.array([0.0, 0.1, 0.5, 0.6, 0.7, 0.8])
    mask, _ = flag_share(quality, 0.5, codes=np.array([0, 0, 1, 1, 1, 1]))
    np.testing.assert_array_equal(mask, [True, False, True, True, False, False])


def test_a_class_with_a_trusted_row_may_lose_all_others():
    quality, trusted = np.array([0.0, 0.1, 1.0, 0.6, 0.7]), np.arange(5) == 2
    mask, _ = flag_share(quality, 0.5, codes=np.array([0, 0, 0, 1, 1]), trusted=trusted)
    np.testing.assert_array_equal(mask, [True, True, False, False, False])


QUALITIES = {
    "distinct": np.linspace(0.1, 0.9, 20),
    "all zero": np.zeros(20),
    "all one": np.ones(20),
    "zeros and ones": np.repeat([0.0, 1.0], 10),
    "tied in the middle": np.repeat([0.2, 0.4, 0.9], [3, 12, 5]),
    "almost zero": np.repeat([0.0, 1e-12, 0.5], [5, 5, 10]),
    "almost one": np.repeat([0.5, 1 - 1e-12, 1.0], [5, 5, 10]),
}


@pytest.mark.parametrize("name", QUALITIES)
@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.3, 0.6, 0.9, 0.999])
def test_threshold_of_a_share_agrees_with_the_flagged_rows_but_for_ties(name, contamination):
    quality = QUALITIES[name]
    codes = np.zeros(20, dtype=int)
    mask, threshold = flag_share(quality, contamination, codes=codes)
    assert 0 <= threshold <= 1
    assert abs(mask.sum() - 20 * contamination) <= 1
    differ = mask != (quality < threshold)
    # The class keeps its last row.
    assert (np.abs(quality - threshold)[:-1][differ[:-1]] <= 1e-9).all()


@pytest.mark.parametrize("name", QUALITIES)
@pytest.mark.parametrize("contamination", [0.01, 0.5, 0.999])
def test_threshold_is_a_number_from_zero_to_one(name, contamination):
    assert 0 <= contamination_threshold(QUALITIES[name], contamination) <= 1


# -- from margins to qualities -----------------------------------------------------------------

rng = np.random.default_rng(0)
ROWS = {
    "no rows": (np.empty(0), np.empty(0)),
    "one row": (np.array([0.7]), np.array([0.1])),
    "distinct": (rng.random(500), rng.random(500)),
    "tied margins": (rng.choice([0.0, 0.3, 0.5, 0.8, 1.0], 500), rng.random(500)),
    "tied qualities": (rng.random(500), rng.choice([0.0, 0.2, 0.35, 1.0], 500)),
    "learnt by heart": (1 - rng.random(500) / 1e9, rng.random(500)),
    "tiny margins": (10.0 ** -rng.uniform(0, 320, 500), rng.random(500)),
}
EACH_ROWS = pytest.mark.parametrize("name", ROWS)
EACH_ANCHOR = pytest.mark.parametrize("anchor", [(0.5, 0.5), (0.5, 0.1), (1e-9, 0.9), (0.0, 1e-9)])


@EACH_ROWS
@EACH_ANCHOR
def test_scale_keeps_the_order_of_margins(name, anchor):
    knots = quality_scale(*ROWS[name], anchor)
    margins = np.sort(np.append(np.linspace(0, 1, 3001), np.random.default_rng(1).random(1000)))
    scores = quality_of_margins(margins, knots)
    assert scores[0] == 0 and scores[-1] == 1
    assert (np.diff(scores)[np.diff(margins) > 0] > 0).all()


@EACH_ROWS
def test_scale_brings_the_border_of_contradiction_to_the_threshold(name):
    knots = quality_scale(*ROWS[name], (0.5, 0.2))
    assert quality_of_margins(np.array([0.5]), knots) == 0.2


def test_scale_of_a_quality_that_is_the_margin_is_the_identity():
    margins = rng.random(2000)
    knots = quality_scale(margins, margins, (0.5, 0.5))
    np.testing.assert_allclose(quality_of_margins(margins, knots), margins, atol=2e-3)


def test_as_many_rows_lie_below_a_margin_as_below_the_quality_it_is_brought_to():
    margins, quality = rng.random(2000), rng.random(2000) ** 3
    border = np.quantile(margins, (quality < 0.5).mean())
    scores = quality_of_margins(margins, quality_scale(margins, quality, (border, 0.5)))
    for threshold in (0.05, 0.2, 0.5, 0.8):
        assert abs((scores < threshold).mean() - (quality < threshold).mean()) < 0.02


# -- all methods -------------------------------------------------------------------------------


@cache
def table():
    """Return rows to fit and new rows, each with given labels and the wrong ones among them."""
    X, y = make_blobs(600, 4, centers=3, cluster_std=1.5, random_state=3)
    y_noisy, flipped = flip_symmetric(y, 0.2, random_state=0)
    halves = slice(0, 300), slice(300, None)
    return [(X[half], y_noisy[half], flipped[half]) for half in halves]


@cache
def trusted_rows(method):
    _, _, flipped = table()[0]
    return ~flipped & (np.arange(300) % 4 == 0) if METHODS[method].needs_trusted else None


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Fits by method, estimator and parameters; each method is trained once for all of them."""
    folder = str(tmp_path_factory.mktemp("trainings"))

    @cache
    def fit(method, estimator_class=NoisyLabelDetector, **params):
        X, y, _ = table()[0]
        estimator = estimator_class(method, memory=folder, **SHORT, **params)
        return estimator.fit(X, y, trusted=trusted_rows(method))

    return fit


@pytest.mark.slow
@EACH_METHOD
@pytest.mark.parametrize("contamination", [0.1, 0.2])
def test_contamination_flags_that_share_of_the_untrusted_rows(method, contamination, fitted):
    trusted = trusted_rows(method)
    mask = fitted(method, contamination=contamination).noise_mask_
    untrusted = np.ones(300, dtype=bool) if trusted is None else ~trusted
    assert abs(mask[untrusted].sum() - contamination * untrusted.sum()) <= 1
    assert not mask[~untrusted].any()


@pytest.mark.slow
@EACH_METHOD
@pytest.mark.parametrize("params", [{}, {"contamination": 0.2}, {"threshold": 0.4}], ids=str)
def test_labels_of_new_rows_are_wrong_where_their_score_is_below_the_threshold(
    method, params, fitted
):
    X, y, _ = table()[1]
    detector = fitted(method, **params)
    scores = detector.score_labels(X, y)
    assert scores.min() >= 0 and scores.max() <= 1
    np.testing.assert_array_equal(detector.predict_noise(X, y), scores < detector.threshold_)


@EACH_METHOD
def test_without_a_share_new_labels_are_wrong_where_the_net_contradicts_them(method, fitted):
    X, y, flipped = table()[1]
    detector = fitted(method)
    margins = label_margins(detector.predict_proba(X), y)
    wrong = detector.predict_noise(X, y)
    is_contradicted = margins < 0.5
    assert not (wrong & ~is_contradicted).any()
    # What isn't flagged though contradicted is likelier right than what is.
    assert wrong.sum() >= 0.5 * is_contradicted.sum()
    spared = is_contradicted & ~wrong
    quality = detector.score_labels(X, y)
    assert not spared.any() or quality[spared].min() >= detector.threshold_


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator_class", "method"),
    [(NoisyLabelDetector, name) for name in METHODS]
    + [(RobustClassifier, name) for name in [*OWN_CLASSIFIER, "cross_entropy"]],
)
def test_share_and_precision_of_flags_on_new_rows_are_those_of_the_contamination(
    method, estimator_class, fitted
):
    X, y, flipped = table()[1]
    wrong = fitted(method, estimator_class, contamination=0.2).predict_noise(X, y)
    assert 0.1 <= wrong.mean() <= 0.3
    assert flipped[wrong].mean() > 0.7


@pytest.mark.slow
@EACH_METHOD
@pytest.mark.parametrize("params", [{}, {"contamination": 0.1}], ids=str)
def test_scores_rank_new_labels_as_well_as_the_margins(method, params, fitted):
    X, y, flipped = table()[1]
    detector = fitted(method, **params)
    margins = label_margins(detector.predict_proba(X), y)
    auc = roc_auc_score(~flipped, detector.score_labels(X, y))
    assert auc >= roc_auc_score(~flipped, margins) - 1e-3


@EACH_METHOD
def test_scores_of_new_rows_are_spread_like_the_quality_of_those_of_fit(method, fitted):
    X, y, _ = table()[0]
    detector = fitted(method)
    judged = slice(None) if trusted_rows(method) is None else ~trusted_rows(method)
    quality, scores = detector.label_quality_[judged], detector.score_labels(X, y)[judged]
    right_quality = quality[quality >= detector.threshold_]
    right_scores = scores[scores >= detector.threshold_]
    for level in (0.25, 0.5, 0.75):
        assert abs(np.quantile(right_quality, level) - np.quantile(right_scores, level)) < 0.1


def test_log_odds_by_plain_training_follow_those_of_the_margin(fitted):
    X, y, _ = table()[1]
    detector = fitted("cross_entropy")
    margins = label_margins(detector.predict_proba(X), y)
    ratio = logit(detector.score_labels(X, y)) - 3 * logit(margins)
    assert np.ptp(ratio) < 0.3 * np.ptp(3 * logit(margins))


# -- special cases -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event"])
def test_right_labels_make_no_mass_of_false_flags_on_new_rows(method):
    X, y = make_blobs(400, 4, centers=3, random_state=0)
    detector = NoisyLabelDetector(method, **SHORT).fit(X[:200], y[:200])
    assert detector.predict_noise(X[200:], y[200:]).mean() < 0.03


@pytest.mark.parametrize("final_estimator", [LogisticRegression(), RandomForestClassifier(30)])
def test_scores_of_a_final_estimator_are_on_the_scale_of_the_quality(final_estimator):
    (X, y, _), (X_new, y_new, flipped) = table()
    model = RobustClassifier(final_estimator=clone(final_estimator), contamination=0.2, **SHORT)
    wrong = model.fit(X, y).predict_noise(X_new, y_new)
    np.testing.assert_array_equal(wrong, model.score_labels(X_new, y_new) < model.threshold_)
    assert 0.1 < wrong.mean() < 0.3
    assert flipped[wrong].mean() > 0.7


def test_all_rows_may_be_trusted_when_new_ones_are_scored():
    X, y = make_blobs(100, 4, centers=2, random_state=0)
    detector = NoisyLabelDetector(contamination=0.1, **SHORT)
    detector.fit(X, y, trusted=np.ones(100, dtype=bool))
    assert 0 <= detector.threshold_ <= 1
    assert (detector.score_labels(X, 1 - y) < detector.score_labels(X, y)).all()


class TiedQuality(CrossEntropy):
    """Finds all labels equally likely to be right."""

    def detect(self, trainer):
        evidence = super().detect(trainer)
        evidence.quality = np.full(trainer.data.n_rows, self.quality)
        return evidence


class TiedAtZero(TiedQuality):
    quality = 0.0


class TiedAtOne(TiedQuality):
    quality = 1.0


class TiedBetween(TiedQuality):
    quality = 0.7


@pytest.mark.parametrize("method", [TiedAtZero(), TiedAtOne(), TiedBetween()], ids=repr)
def test_margins_decide_where_the_method_cannot(method):
    (X, y, flipped), (X_new, y_new, flipped_new) = table()
    detector = NoisyLabelDetector(method, contamination=0.2, **SHORT).fit(X, y)
    assert detector.noise_mask_.sum() == 60
    assert flipped[detector.noise_mask_].mean() > 0.8
    issues = detector.get_label_issues()
    assert issues["rank"][issues["is_noise"]].max() == 60
    wrong = detector.predict_noise(X_new, y_new)
    assert 0.1 < wrong.mean() < 0.3
    assert flipped_new[wrong].mean() > 0.8


class TiedBelow(TiedQuality):
    quality = 0.3


@pytest.mark.slow
def test_a_net_that_knows_the_labels_by_heart_flags_only_what_it_contradicts():
    (X, y, _), (X_new, y_new, _) = table()
    net = TabularNet(module__n_units=256, optimizer__weight_decay=0.0, batch_size=32, lr=0.003)
    detector = NoisyLabelDetector(TiedBelow(), net=net, max_epochs=150, contamination=0.2)
    detector.set_params(device="cpu", random_state=0).fit(X, y)
    margins = [label_margins(detector.predict_proba(X), y) for X, y in ((X, y), (X_new, y_new))]
    assert (margins[0] < 0.5).mean() < 0.18
    np.testing.assert_array_equal(detector.predict_noise(X_new, y_new), margins[1] < 0.5)


class LogitsOfZero(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return 0 * self.linear(X)


def test_a_net_that_says_nothing_flags_no_new_row():
    X, y, _ = table()[0]
    detector = NoisyLabelDetector("cross_entropy", net=LogitsOfZero, max_epochs=1).fit(X, y)
    assert not detector.predict_noise(X, y).any()
