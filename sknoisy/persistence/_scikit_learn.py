"""What scikit-learn and libraries of boosted trees have fitted, by skops."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..exceptions import ModelFileError
from ._writer import Kind, Reader, Writer

SUFFIX = ".skops"
LIBRARIES = ("catboost", "lightgbm", "sklearn", "xgboost")
SPLITTERS = (
    "GroupKFold",
    "KFold",
    "PredefinedSplit",
    "ShuffleSplit",
    "StratifiedGroupKFold",
    "StratifiedKFold",
    "StratifiedShuffleSplit",
)
# What skops loads from our files beyond the types that it trusts by itself. None of them runs
# anything; what trees hold is checked, since they would follow a wrong number anywhere.
#: What a file may hold beyond the types that skops trusts by itself.
TRUSTED_TYPES = (
    "catboost.core.CatBoostClassifier",
    "collections.OrderedDict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    # Of scikit-learn before 1.9: a list that warns.
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in ("Euclidean", "Manhattan")),
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    *(f"sklearn.model_selection._split.{name}" for name in SPLITTERS),
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


def _is_of_library(value: Any) -> bool:
    """Return whether an object is scikit-learn's, or follows its way of writing estimators."""
    kinds = [kind.__module__.partition(".")[0] for kind in type(value).__mro__]
    return any(kind in LIBRARIES for kind in kinds)


def _write(value: Any, writer: Writer) -> str:
    import skops.io

    try:
        content = skops.io.dumps(value)
        unknown = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES)
    except Exception as error:
        # skops and the estimators' own ways of giving their state fail in ways of their own.
        raise writer.refusal(
            value, f"skops can't save a {type(value).__name__}: {error}"
        ) from error
    if unknown:
        names = ", ".join(sorted(unknown))
        reason = f"a {type(value).__name__} holds what no file may bring along: {names}"
        raise writer.refusal(value, reason)
    return writer.part(content, SUFFIX)


def _read(name: Any, reader: Reader) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    content = reader.parts[name]
    _check_size(content)
    try:
        value = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ModelFileError(f"{name} brings along what no file may: {error}") from error
    check_trees(value)
    return value


def _check_size(content: bytes) -> None:
    """Raise an error if the file would grow when it is read."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > len(content):
            raise ModelFileError("one of its parts would grow when it is read")


# -- trees ---------------------------------------------------------------------------------------

TREE = "sklearn.tree._tree.Tree"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
CHILDREN = {TREE: ("left_child", "right_child"), PREDICTOR: ("left", "right")}
FEATURE = {TREE: "feature", PREDICTOR: "feature_idx"}


def check_trees(value: Any) -> None:
    """Raise an error where a tree of scikit-learn's leads outside itself or its rows.

    In prediction scikit-learn follows the numbers that a tree holds without a look at them.
    """
    for tree, n_features in _trees(value, 0, set()):
        if not _stays_inside(tree, n_features):
            raise ModelFileError("one of its trees leads outside itself")


def _stays_inside(tree: Any, n_features: int) -> bool:
    name = _name_of_type(tree)
    nodes = tree.nodes if name == PREDICTOR else tree.__getstate__()["nodes"]
    is_leaf = nodes["is_leaf"] != 0 if name == PREDICTOR else nodes[CHILDREN[TREE][0]] < 0
    inner = nodes[~is_leaf]
    numbers = np.flatnonzero(~is_leaf)
    # A child comes after its parent, so that no path is a circle.
    children = [inner[each].astype(np.int64) for each in CHILDREN[name]]
    features = inner[FEATURE[name]].astype(np.int64)
    stays = all((each > numbers).all() and (each < len(nodes)).all() for each in children)
    stays &= bool((features >= 0).all() and (features < n_features).all())
    if name == PREDICTOR:
        sets = inner["bitset_idx"][inner["is_categorical"] != 0]
        stays &= bool((sets < len(tree.raw_left_cat_bitsets)).all())
    return stays and len(nodes) > 0


def _trees(value: Any, n_features: int, seen: set[int]) -> Iterator[tuple[Any, int]]:
    """Yield the trees that an object holds, and how many features their rows have."""
    if id(value) in seen or isinstance(value, str | bytes | int | float):
        return
    seen.add(id(value))
    name = _name_of_type(value)
    parts: Any = ()
    if name in CHILDREN:
        yield value, value.n_features if name == TREE else n_features
    elif isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, np.ndarray):
        parts = value.ravel().tolist() if value.dtype == object else ()
    elif hasattr(value, "__dict__"):
        n_features = getattr(value, "n_features_in_", n_features)
        parts = vars(value).values()
    for part in list(parts):
        yield from _trees(part, n_features, seen)


def _name_of_type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"


SCIKIT_LEARN_KINDS = (Kind("skops", _is_of_library, _write, _read),)
