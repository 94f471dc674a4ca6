"""Which classifiers boost in rounds, and how each is slowed down to judge labels."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._typing import IntArray

# Their classifiers predict by some rounds on request. All others have `staged_predict_proba`.
LIBRARIES = ("lightgbm", "xgboost")
N_ROUNDS = 150


def family_of(estimator: Any) -> str:
    """Return the library that a classifier comes from, without importing it."""
    for kind in type(estimator).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in (*LIBRARIES, "catboost", "sklearn"):
            return library
    return "other"


def has_rounds(estimator: BaseEstimator) -> bool:
    """Return whether a classifier boosts, and can say what it predicts after each round."""
    if family_of(estimator) == "lightgbm":
        # Random forests average, and dropped trees are scaled anew after their round.
        return getattr(estimator, "boosting_type", "gbdt") not in ("rf", "dart")
    if family_of(estimator) == "xgboost":
        return estimator.get_params().get("booster") in (None, "gbtree")
    return hasattr(estimator, "staged_predict_proba")


def takes_categories(estimator: BaseEstimator) -> bool:
    """Return whether a booster takes pandas' categories and missing values as they are."""
    if family_of(estimator) == "sklearn":
        return hasattr(estimator, "categorical_features")
    return family_of(estimator) in (*LIBRARIES, "catboost")


def needs_codes(estimator: BaseEstimator) -> bool:
    """Return whether a classifier takes no other classes than 0, 1, ..."""
    return family_of(estimator) == "xgboost"


def category_parameters(estimator: BaseEstimator, X: Any) -> dict[str, Any]:
    """Return the parameters that tell a booster which columns are categories.

    scikit-learn's and LightGBM's find these by their dtype.
    """
    if not isinstance(X, pd.DataFrame):
        return {}
    family = family_of(estimator)
    if family == "xgboost":
        return {"enable_categorical": True}
    return {"cat_features": _categories_of(X)} if family == "catboost" else {}


def as_booster_takes(estimator: BaseEstimator, X: Any) -> Any:
    """Return a table in which a booster finds categories, and missing ones, as it knows them.

    CatBoost knows no missing category: it gets a text in its place.
    """
    if family_of(estimator) != "catboost" or not isinstance(X, pd.DataFrame):
        return X
    texts = {name: X[name].astype(object).where(X[name].notna(), "") for name in _categories_of(X)}
    return X.assign(**texts)


def without_gaps_alone(estimator: BaseEstimator, X: Any) -> Any:
    """Return a table in which no column of numbers is missing altogether.

    scikit-learn's boosted trees find no place for such a column. It may have values in other rows.
    """
    if not hasattr(estimator, "categorical_features") or family_of(estimator) != "sklearn":
        return X
    if isinstance(X, pd.DataFrame):
        empty = [name for name in X.select_dtypes("number") if X[name].isna().all()]
        return X.assign(**dict.fromkeys(empty, 0.0)) if empty else X
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return X
    # A sum needs no memory, unlike a mask.
    if np.isnan(X.sum()) and (is_empty := np.isnan(X).all(axis=0)).any():
        X = X.copy()
        X[:, is_empty] = 0
    return X


def _categories_of(X: pd.DataFrame) -> list[str]:
    return [
        name
        for name, dtype in X.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_object_dtype(dtype)
    ]


def slowed_down(estimator: BaseEstimator, codes: IntArray) -> dict[str, Any]:
    """Return parameters with which a booster learns wrong labels later than right ones.

    A judge should be slower to fit than a predictor: small trees that see half of the columns,
    large leaves and strong shrinkage. Only what the user left at its default is changed. Constants:
    docs/decisions/0047.

    Parameters
    ----------
    estimator : unfitted classifier
    codes : ndarray of int
        Labels that it is to learn.
    """
    parameters = estimator.get_params(deep=False)
    defaults = type(estimator)().get_params(deep=False)
    return {
        name: value
        for name, value in _slow_parameters(family_of(estimator), codes).items()
        if name in parameters and _are_equal(parameters[name], defaults.get(name))
    }


def _slow_parameters(family: str, codes: IntArray) -> dict[str, Any]:
    """Return a family's parameters; names that a classifier doesn't know are left out."""
    # A leaf as large as a class could never be of that class alone.
    rows_per_class = np.median(np.bincount(codes)[np.unique(codes)])
    leaf = int(np.clip(rows_per_class // 8, 5, 40))
    if family == "lightgbm":
        return {
            "n_estimators": N_ROUNDS,
            "num_leaves": 8,
            "min_child_samples": leaf,
            "reg_lambda": 10.0,
            "colsample_bytree": 0.5,
        }
    if family == "xgboost":
        return {
            "n_estimators": N_ROUNDS,
            "learning_rate": 0.1,
            "max_depth": 3,
            "reg_lambda": 10.0,
            "colsample_bynode": 0.5,
        }
    if family == "catboost":
        return {"iterations": N_ROUNDS, "learning_rate": 0.1, "depth": 4, "l2_leaf_reg": 10.0}
    return {
        "max_iter": N_ROUNDS,
        "n_estimators": N_ROUNDS,
        "max_leaf_nodes": 8,
        "min_samples_leaf": leaf,
        "l2_regularization": 10.0,
        "max_features": 0.5,
        "early_stopping": False,
    }


def _are_equal(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and one == other)
