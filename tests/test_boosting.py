"""Boosted trees round by round, whichever library they come from."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknoisy.boosting import EarlyRounds, has_rounds, round_probabilities, slowed_down

N_ROUNDS = 6


def lightgbm(**parameters):
    library = pytest.importorskip("lightgbm")
    return library.LGBMClassifier(n_estimators=N_ROUNDS, verbose=-1, n_jobs=1, **parameters)


def xgboost(**parameters):
    library = pytest.importorskip("xgboost")
    return library.XGBClassifier(n_estimators=N_ROUNDS, n_jobs=1, **parameters)


def catboost(**parameters):
    library = pytest.importorskip("catboost")
    return library.CatBoostClassifier(
        iterations=N_ROUNDS, verbose=0, thread_count=1, allow_writing_files=False, **parameters
    )


BOOSTERS = {
    "hist_gradient_boosting": lambda: HistGradientBoostingClassifier(max_iter=N_ROUNDS),
    "gradient_boosting": lambda: GradientBoostingClassifier(n_estimators=N_ROUNDS),
    "ada_boost": lambda: AdaBoostClassifier(n_estimators=N_ROUNDS),
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "catboost": catboost,
}


@pytest.fixture(params=BOOSTERS)
def booster(request):
    return BOOSTERS[request.param]()


@pytest.fixture(params=[2, 4], ids="{}_classes".format)
def data(request):
    return make_classification(
        200, 6, n_informative=5, n_redundant=0, n_classes=request.param, random_state=0
    )


def test_last_round_is_what_the_booster_predicts(booster, data):
    X, y = data
    rounds = list(round_probabilities(booster.fit(X, y), X))
    assert len(rounds) == N_ROUNDS
    assert_allclose(rounds[-1], booster.predict_proba(X), rtol=1e-4, atol=1e-6)


def test_round_is_what_a_training_of_as_many_rounds_predicts(booster, data):
    X, y = data
    name = next(n for n in ("max_iter", "n_estimators", "iterations") if n in booster.get_params())
    shorter = type(booster)(**booster.get_params() | {name: 2})
    for each in (booster, shorter):
        each.set_params(random_state=0)
    rounds = list(round_probabilities(booster.fit(X, y), X))
    # CatBoost makes the size of its steps depend on how many there are.
    if "catboost" not in type(booster).__module__:
        assert_allclose(rounds[1], shorter.fit(X, y).predict_proba(X), rtol=1e-4, atol=1e-6)
    assert_allclose(rounds[1], EarlyRounds(booster, 2).predict_proba(X))


def test_boosters_have_rounds(booster):
    assert has_rounds(booster)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(),
        make_pipeline(HistGradientBoostingClassifier()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_classifiers_have_none(estimator):
    assert not has_rounds(estimator)


def test_forms_whose_trees_are_no_sum_have_none():
    assert not has_rounds(lightgbm(boosting_type="dart"))
    assert not has_rounds(lightgbm(boosting_type="rf"))
    assert not has_rounds(xgboost(booster="gblinear"))


def test_judge_keeps_the_regularisation_that_the_user_chose():
    codes = np.repeat([0, 1], 100)
    chosen = HistGradientBoostingClassifier(l2_regularization=1.0)
    assert "l2_regularization" not in slowed_down(chosen, codes)
    assert "l2_regularization" in slowed_down(HistGradientBoostingClassifier(), codes)


def test_judge_can_be_trained_with_its_parameters(booster, data):
    X, y = data
    booster.set_params(**slowed_down(booster, y)).fit(X, y)
    assert len(list(round_probabilities(booster, X))) == N_ROUNDS
