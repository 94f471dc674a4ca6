"""What scikit-learn and libraries of boosted trees have fitted, by skops."""

import io
import zipfile
from typing import Any

import numpy as np

from ..exceptions import ModelFileError
from ._writer import Kind, Reader, Writer

SUFFIX = ".skops"
LIBRARIES = ("catboost", "lightgbm", "sklearn", "xgboost")
# What skops loads from our files beyond the types that it trusts by itself. None of them runs
# anything; what trees hold is checked, since they would follow a wrong number anywhere.
TRUSTED_TYPES = (
    "catboost.core.CatBoostClassifier",
    "collections.OrderedDict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in ("Euclidean", "Manhattan")),
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
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


def check_trees(value: Any) -> None:
    """Raise an error where a tree of scikit-learn's leads outside itself or in a circle."""
    for tree in _trees(value, set()):
        nodes = tree.nodes if hasattr(tree, "nodes") else tree.__getstate__()["nodes"]
        names = nodes.dtype.names or ()
        left, right = (
            nodes[name].astype(np.int64)
            for name in (("left", "right") if "left" in names else ("left_child", "right_child"))
        )
        is_leaf = nodes["is_leaf"].astype(bool) if "is_leaf" in names else left < 0
        numbers = np.arange(len(nodes))
        for children in (left, right):
            inner = ~is_leaf
            if (children[inner] <= numbers[inner]).any() or (children[inner] >= len(nodes)).any():
                raise ModelFileError("one of its trees leads outside itself")


def _trees(value: Any, seen: set[int]) -> Any:
    """Yield the trees that an object holds, wherever they are."""
    kind = type(value)
    if id(value) in seen or isinstance(value, str | bytes | int | float):
        return
    seen.add(id(value))
    name = f"{kind.__module__}.{kind.__name__}"
    if name in TREES:
        yield value
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _trees(each, seen)
    elif isinstance(value, dict):
        yield from _trees(list(value.values()), seen)
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            yield from _trees(value.ravel().tolist(), seen)
    elif hasattr(value, "__dict__"):
        yield from _trees(list(vars(value).values()), seen)


TREES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)

SCIKIT_LEARN_KINDS = (Kind("skops", _is_of_library, _write, _read),)
