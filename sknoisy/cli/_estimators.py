"""Classifiers by the names that `--estimator` takes."""

from importlib import import_module
from typing import Any

from ._errors import USAGE, UserError
from ._options import ESTIMATOR_NAMES
from ._reading import did_you_mean

PLACES = {
    "hist_gradient_boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", {}),
    "gradient_boosting": ("sklearn.ensemble", "GradientBoostingClassifier", {}),
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier", {"n_jobs": -1}),
    "extra_trees": ("sklearn.ensemble", "ExtraTreesClassifier", {"n_jobs": -1}),
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression", {"max_iter": 1000}),
    "k_neighbors": ("sklearn.neighbors", "KNeighborsClassifier", {"n_neighbors": 15}),
    "lightgbm": ("lightgbm", "LGBMClassifier", {"verbose": -1}),
    "xgboost": ("xgboost", "XGBClassifier", {}),
    "catboost": ("catboost", "CatBoostClassifier", {"verbose": 0, "allow_writing_files": False}),
}
assert tuple(PLACES) == ESTIMATOR_NAMES


def estimator_by_name(name: str | None) -> Any:
    """Return an unfitted classifier; None for None."""
    if name is None:
        return None
    if name not in PLACES:
        raise UserError(
            f"--estimator: there is no {name!r}.{did_you_mean(name, PLACES)}", exit_code=USAGE
        )
    module, kind, parameters = PLACES[name]
    try:
        return getattr(import_module(module), kind)(**parameters)
    except ImportError as error:
        raise UserError(
            f"--estimator {name} takes a package that isn't installed: pip install {module}"
        ) from error
