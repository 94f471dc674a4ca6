"""Whether a model knows enough for a verdict on single labels."""

import warnings

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector
from sknoisy._verdict import has_learnt
from sknoisy.exceptions import FewRowsLeftWarning, NotLearnedWarning
from sknoisy.noise import flip_symmetric

TREES = HistGradientBoostingClassifier(max_iter=20)


def predictions(n_rows, shares, knowledge, seed=0):
    """Return labels of unequal classes, and probabilities that know so much of them."""
    generator = np.random.RandomState(seed)
    y = generator.choice(len(shares), n_rows, p=shares)
    logits = (
        np.log(shares) + generator.randn(n_rows, len(shares)) + knowledge * np.eye(len(shares))[y]
    )
    return softmax(logits, axis=1), y


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.1, 0.1), (0.2,) * 5])
def test_probabilities_without_knowledge_are_seen_more_often_than_not(shares):
    found = [has_learnt(*predictions(200, shares, 0, seed)) for seed in range(200)]
    assert np.mean(found) < 0.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.1, 0.1)])
def test_probabilities_with_some_knowledge_are_seen(shares, seed):
    assert has_learnt(*predictions(200, shares, 1.5, seed))


def test_a_good_model_that_agrees_with_few_wrong_labels_has_learnt():
    probabilities, y = predictions(200, (0.75, 0.15, 0.1), 4)
    y_noisy, _ = flip_symmetric(y, 0.4, random_state=0)
    assert has_learnt(probabilities, y_noisy)


def test_a_good_model_of_equal_classes_has_nearly_always_learnt_in_spite_of_wrong_labels():
    found = []
    for seed in range(100):
        probabilities, y = predictions(200, (0.5, 0.5), 6, seed)
        y_noisy, _ = flip_symmetric(y, 0.4, random_state=seed + 100)
        found.append(has_learnt(probabilities, y_noisy))
    assert np.mean(found) > 0.95


def test_few_rows_are_no_evidence_against_a_model():
    assert has_learnt(*predictions(15, (0.5, 0.5), 0))


def test_labels_without_relation_to_the_rows_give_a_warning_and_hardly_any_flag():
    X = np.random.RandomState(0).randn(6000, 5)
    y = np.random.RandomState(1).randint(2, size=6000)
    detector = NoisyLabelDetector(estimator=TREES, random_state=0)
    with pytest.warns(NotLearnedWarning, match="hardly more of their labels"):
        detector.fit(X, y)
    assert detector.noise_mask_.mean() < 0.1
    low, high = detector.noise_rate_interval_
    assert high - low > 0.3


def test_labels_that_can_be_learnt_give_no_warning():
    X, y = make_classification(800, 8, n_informative=5, class_sep=1.5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotLearnedWarning)
        NoisyLabelDetector(estimator=TREES, random_state=0).fit(X, y)


def test_a_class_that_would_lose_more_than_half_is_named():
    X, y = make_classification(
        600, 6, n_informative=5, n_redundant=0, weights=[0.9], class_sep=2, flip_y=0, random_state=0
    )
    # The rare class holds twice as many wrong labels as right ones.
    rows = np.flatnonzero(y == 0)[: 2 * int(np.sum(y == 1))]
    y_noisy = y.copy()
    y_noisy[rows] = 1
    with pytest.warns(FewRowsLeftWarning, match=r"judged wrong: 1 \(\d\d%\)"):
        NoisyLabelDetector(estimator=TREES, random_state=0).fit(X, y_noisy)
