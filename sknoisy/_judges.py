"""Who judges the labels: a net, a scikit-learn classifier, or both."""

from dataclasses import dataclass
from inspect import isclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from skorch import NeuralNet
from torch.utils.data import Dataset

from ._named_inputs import NamedInputs
from ._rows import CheckedRows
from ._typing import CrossValidation, FloatArray
from .methods import Method, check_judging_estimator
from .training import MIN_EMBEDDING_FEATURES, DefaultNet, takes_sample_weight

NET_PARAMETERS = ("net", "max_epochs", "batch_size", "lr")


@dataclass(frozen=True)
class Judges:
    """Who judges the labels of one data set.

    Parameters
    ----------
    method : Method
    net : skorch net, nn.Module class or None
        As the user gave it.
    uses_net : bool
        Whether a net is trained at all.
    estimator : classifier or None
        Judges beside the net, or in its place.
    cv : None, int or splitter
    """

    method: Method
    net: Any = None
    uses_net: bool = True
    estimator: Any = None
    cv: CrossValidation = None


def resolve_judges(owner: Any, method: Method, rows: CheckedRows) -> Judges:
    """Return who judges: an `estimator` or a `net` that was given, or both by default.

    Boosted trees judge tables beside the default net, where the method can weigh both. They don't
    judge embeddings: trees that split on one of many numbers know little of them.
    """
    if owner.estimator is not None:
        return Judges(method, uses_net=False, estimator=owner.estimator, cv=owner.cv)
    can_weigh = method.estimator_parameters is not None
    is_default = owner.net is None or (isinstance(owner.net, DefaultNet) and not owner.net.module)
    if is_default and can_weigh and rows.is_table:
        if rows.checked.shape[1] < MIN_EMBEDDING_FEATURES:
            return Judges(method, net=owner.net, estimator=default_trees())
    return Judges(method, net=owner.net)


def check_rows_of_method(method: Method, rows: CheckedRows) -> None:
    """Raise an error if a method can't work with such rows."""
    if method.mixes_rows and isinstance(rows.checked, NamedInputs):
        raise ValueError(
            f"The method {type(method).__name__} mixes rows with each other, so X must be one "
            "array or a Dataset. Got a dict of arrays: use another method."
        )


def default_trees() -> Any:
    """Return the boosted trees that judge tables beside the default net."""
    # It takes its time, and images don't need it.
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier()


def check_estimator_parameter(owner: Any, method: Method) -> None:
    """Raise an error if the parameters don't say clearly who judges."""
    name = type(owner).__name__
    estimator = owner.estimator
    if estimator is None:
        return
    if isclass(estimator) or not (hasattr(estimator, "fit") and is_classifier(estimator)):
        raise TypeError(
            f"The 'estimator' parameter of {name} must be a scikit-learn classifier, or None. "
            f"Got {estimator!r} instead."
        )
    if isinstance(estimator, NeuralNet):
        raise TypeError(
            f"The 'estimator' parameter of {name} must be a classifier that isn't a net: pass a "
            f"skorch net as net=. Got {type(estimator).__name__}."
        )
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"The 'estimator' parameter of {name} must have predict_proba: wrap it in "
            f"sklearn.calibration.CalibratedClassifierCV. Got {estimator!r}."
        )
    if isinstance(owner.cv, int | np.integer) and (isinstance(owner.cv, bool) or owner.cv < 2):
        raise ValueError(f"The 'cv' parameter of {name} must be at least 2. Got {owner.cv!r}.")
    if isclass(owner.cv):
        raise TypeError(
            f"The 'cv' parameter of {name} must be a splitter, not its class: write "
            f"cv={owner.cv.__name__}(). Got {owner.cv!r}."
        )
    _check_without_net(owner)
    check_judging_estimator(method)


def _check_without_net(owner: Any) -> None:
    set_ones = [name for name in NET_PARAMETERS if getattr(owner, name) is not None]
    if not (isinstance(owner.device, str) and owner.device == "auto"):
        set_ones.append("device")
    if set_ones:
        raise ValueError(
            f"The '{set_ones[0]}' parameter of {type(owner).__name__} belongs to a net, and an "
            f"'estimator' judges without one: leave out one of them. Got "
            f"{set_ones[0]}={getattr(owner, set_ones[0])!r} and estimator={owner.estimator!r}."
        )


def check_estimator_rows(
    owner: Any, name: str, rows: CheckedRows, sample_weight: FloatArray | None
) -> None:
    """Raise an error if a classifier can't learn from such rows.

    Parameters
    ----------
    owner : estimator of this package
    name : str
        Of the parameter that the classifier is.
    rows : CheckedRows
    sample_weight : ndarray of shape (n_rows,) or None
    """
    estimator = getattr(owner, name)
    if isinstance(rows.checked, Dataset | NamedInputs):
        got = "torch Dataset" if isinstance(rows.checked, Dataset) else "dict of arrays"
        raise TypeError(
            f"{type(owner).__name__}'s '{name}' learns from arrays and DataFrames: pass "
            f"X as one of these, or leave {name}=None. Got a {got}."
        )
    if not rows.is_table and not takes_images(estimator):
        raise TypeError(
            f"{type(owner).__name__}'s '{name}' learns from tables, not from images: "
            f"leave {name}=None, pass features of the images as X, or begin a pipeline "
            "with a FunctionTransformer that flattens them. Got X with rows of shape "
            f"{rows.checked.shape[1:]} and {estimator!r}."
        )
    if sample_weight is not None and not takes_sample_weight(estimator):
        raise ValueError(
            f"sample_weight needs a classifier as '{name}' whose fit takes sample_weight. "
            f"Got {estimator!r}."
        )


def takes_images(estimator: Any) -> bool:
    """Return whether a classifier may learn from images; a pipeline, if its first step does."""
    while hasattr(estimator, "steps"):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        if not steps:
            return True
        estimator = steps[0]
    if isinstance(estimator, NeuralNet):
        return True
    tags = get_tags(estimator)
    return tags.no_validation or tags.input_tags.three_d_array
