"""Which rows the last classifier learns: compared by rows that had no part in the verdict."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from sknoisy import RobustClassifier
from sknoisy._final import FORMS, compare_forms, form_weights, is_better
from sknoisy.methods import METHODS
from sknoisy.noise import flip_pair
from sknoisy.training import Trainer, TrainingData, fit_clone, hold_out

# Those of neighbours let all given labels vote, and BHN ranks p-values among all rows.
LEARN_NOTHING_OF_HELD_OUT_LABELS = sorted(set(METHODS) - {"bhn", "deep_knn", "simifeat"})
TREES = HistGradientBoostingClassifier(max_iter=30)


def table(n_rows=1500, class_sep=1.0, seed=0):
    X, y = make_classification(
        2 * n_rows,
        10,
        n_informative=6,
        n_clusters_per_class=1,
        n_classes=3,
        class_sep=class_sep,
        flip_y=0,
        random_state=seed,
    )
    return X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:]


def compared(quality, y, X):
    """Compare forms by logistic regression, with a tenth of the rows held out."""
    data = TrainingData(X, y, 3, np.zeros(len(y), dtype=bool), table=X)
    held_out = hold_out(data, 0.1, np.random.RandomState(0)).held_out
    learner = LogisticRegression()
    return compare_forms(
        lambda rows, weights: fit_clone(learner, 0, X[rows], y[rows], weights + 1e-12),
        lambda form: form_weights(form, quality, quality < 0.9, quality),
        X,
        data,
        held_out,
    )


def test_form_that_leaves_out_right_labels_by_the_dozen_is_not_taken():
    X, y, _, _ = table()
    # Of one class hardly anything is left.
    quality = np.where((y == 0) & (np.arange(len(y)) % 20 > 0), 0.1, 0.95)
    assert compared(quality, y, X).best == "plain"


def test_forms_that_leave_out_wrong_labels_only_are_better_than_plain_training():
    X, y, _, _ = table(class_sep=2.0)
    y_noisy, flipped = flip_pair(y, 0.4, random_state=0)
    found = compared(np.where(flipped, 0.1, 0.95), y_noisy, X)
    assert found.best != "plain"
    assert found.scores["soft"] > found.scores["plain"]


def test_equal_forms_are_trained_once():
    X, y, _, _ = table(600)
    found = compared(np.ones(len(y)), y, X)
    assert found.best == FORMS[0]
    assert len(set(found.scores.values())) == 1


@pytest.mark.parametrize("n_rows", [100, 390])
def test_few_rows_left_out_decide_nothing(n_rows):
    X, y, _, _ = table(n_rows)
    found = compared(np.full(len(y), 0.6), y, X)
    assert (found.best, found.scores, found.probabilities) == (FORMS[0], {}, None)


def test_a_gain_within_the_error_is_no_gain():
    generator = np.random.RandomState(0)
    scores = generator.rand(400)
    assert not is_better(scores + 0.05 + generator.randn(400), scores)
    assert is_better(scores + 0.5 + generator.randn(400), scores)
    assert not is_better(scores, scores)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", LEARN_NOTHING_OF_HELD_OUT_LABELS)
def test_no_training_of_a_method_learns_the_labels_of_held_out_rows(name):
    X, y, _, _ = table(200)
    y_noisy, _ = flip_pair(y, 0.2, random_state=0)
    trusted = np.arange(len(y)) % 4 == 0
    data = TrainingData(X.astype(np.float32), y_noisy, 3, trusted)
    data = hold_out(data, 0.2, np.random.RandomState(0))
    other = y_noisy.copy()
    other[data.held_out] = (y_noisy[data.held_out] + 1) % 3
    found = []
    for labels in (y_noisy, other):
        trainer = Trainer(None, replace(data, y=labels), device="cpu", seed=0, max_epochs=4)
        found.append(METHODS[name]().detect(trainer))
    learnt = data.trained_rows()
    # Wrong event orders equal counts by the ranks of losses among all rows.
    np.testing.assert_allclose(
        *(each.quality[learnt] for each in found), atol=0.02 if name == "wrong_event" else 1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_overlap_without_noise_does_not_lead_to_filtering(seed):
    X, y, X_test, y_test = table(class_sep=0.4, seed=seed)
    model = RobustClassifier(estimator=TREES, random_state=0).fit(X, y)
    plain = fit_clone(TREES, 1, X, y)
    assert model.score(X_test, y_test) > plain.score(X_test, y_test) - 0.02


@pytest.mark.slow
def test_chosen_form_and_its_scores_are_told():
    X, y, _, _ = table()
    y_noisy, _ = flip_pair(y, 0.3, random_state=0)
    model = RobustClassifier(estimator=TREES, random_state=0).fit(X, y_noisy)
    assert model.final_ in FORMS
    assert set(model.final_scores_) == set(FORMS)
    assert all(0 < score < 1 for score in model.final_scores_.values())


def test_a_form_that_was_asked_for_is_taken_without_comparing():
    X, y, _, _ = table(300)
    model = RobustClassifier(estimator=TREES, final="filter", random_state=0).fit(X, y)
    assert model.final_ == "filter"
    assert not hasattr(model, "final_scores_")
