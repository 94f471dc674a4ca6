"""Fitted estimators in files that run no code."""

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ._classifier import RobustClassifier
from ._detector import NoisyLabelDetector
from .exceptions import ModelFileError
from .persistence._archive import read_parts, write_parts
from .persistence._kinds import every_kind
from .persistence._scikit_learn import SUFFIX
from .persistence._writer import Reader, Writer

# Of the files. A version reads its own format and all earlier ones.
FORMAT = 1
ARRAYS, DESCRIPTION = "model.safetensors", "sknoisy.json"
ESTIMATORS = {kind.__name__: kind for kind in (NoisyLabelDetector, RobustClassifier)}
LIBRARIES = (
    "sknoisy",
    "numpy",
    "pandas",
    "safetensors",
    "scikit-learn",
    "skops",
    "skorch",
    "torch",
)
# Places on one machine, which are no part of a model, and which nobody else should choose.
LEFT_OUT = ("checkpoint_dir", "memory")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator to a file that runs no code when it is loaded.

    The file is a zip archive. `model.safetensors` holds weights and the numbers of each row;
    `sknoisy.json` parameters, classes, encoders, the verdict and versions; parts that end in
    `.skops` what scikit-learn or a library of boosted trees has fitted. Nothing is pickled.
    The file takes its name when all of it is written, so a file that was there before stays if
    anything goes wrong. Unpacked in a folder the parts can be loaded too.

    Parameters
    ----------
    estimator : NoisyLabelDetector or RobustClassifier
        Fitted.
    path : str or path
        By convention it ends in `.sknoisy`.

    Raises
    ------
    TypeError
        If something can't be saved: the message says where it is.

    Notes
    -----
    The rows of X aren't saved. The labels, the index of the rows and the verdict are, and so are
    categories, and strings of characters that texts share. `memory` isn't saved: it is a place on
    your machine. The `net_` of a loaded estimator predicts; it has no callbacks.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> import sknoisy
    >>> X, y = load_iris(return_X_y=True)
    >>> detector = sknoisy.NoisyLabelDetector(max_epochs=2, random_state=0).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.sknoisy")
    >>> sknoisy.save(detector, path)
    >>> bool((sknoisy.load(path).predict(X) == detector.predict(X)).all())
    True
    """
    if type(estimator) not in ESTIMATORS.values():
        raise TypeError(
            "sknoisy.save takes a NoisyLabelDetector or a RobustClassifier. Got "
            f"{type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    writer = Writer(every_kind())
    content = {
        "estimator": type(estimator).__name__,
        "parameters": _written_parameters(estimator, writer),
        "fitted": _written_attributes(estimator, writer),
        "requests": _written_requests(estimator),
        "versions": _versions(),
    }
    # It takes its time, and only who saves needs it.
    from safetensors.numpy import save as save_arrays

    parts = {ARRAYS: save_arrays(writer.arrays), **writer.parts}
    description = {
        "format": FORMAT,
        "checksums": {name: _checksum(each) for name, each in parts.items()}
        | {"content": _checksum(_as_bytes(content))},
        "content": content,
    }
    parts = {DESCRIPTION: _as_bytes(description), **parts}
    write_parts(Path(path), parts, uncompressed=(ARRAYS,))


def load(path: str | os.PathLike[str], *, modules: Mapping[str, Any] | None = None) -> Any:
    """Load an estimator that `save` has written.

    No code of the file is run, and it can't name any to run: what isn't of this package, of
    torch, skorch or scikit-learn comes from `modules`.

    Parameters
    ----------
    path : str or path
        The file, or a folder with its parts.
    modules : mapping of str to class, function or module, default=None
        What the net or the method needs of yours, by its name: module classes, subclasses of
        skorch's nets, methods, criterions and views. For a module that was given as an instance
        an instance of the same structure, or what makes one, by the name of its class.

    Returns
    -------
    NoisyLabelDetector or RobustClassifier
        What it predicts and has found is equal to the bit, on the same device and with the same
        versions of torch and the other libraries.

    Raises
    ------
    sknoisy.exceptions.ModelFileError
        If the file is damaged, altered, of another kind or of a later format, or if it needs
        something that `modules` doesn't have.

    Notes
    -----
    Checksums find damage. They don't tell who wrote the file: whoever can write one can let it
    predict whatever they like.
    """
    path = Path(path)
    parts = read_parts(path, (DESCRIPTION, ARRAYS), SUFFIX)
    try:
        content = _checked_content(parts)
        return _read_estimator(content, parts, modules or {})
    except ModelFileError as error:
        raise ModelFileError(f"{path} can't be loaded: {error}.") from error.__cause__
    except (Exception, RecursionError) as error:
        # What a file that was altered on purpose leads to can't be foreseen.
        raise ModelFileError(
            f"{path} can't be loaded: what it holds doesn't make a model "
            f"({type(error).__name__}: {error})."
        ) from error


# -- write ---------------------------------------------------------------------------------------


def _written_parameters(estimator: Any, writer: Writer) -> dict[str, Any]:
    parameters = estimator.get_params(deep=False)
    return {
        name: writer.item(name, None if name in LEFT_OUT else value)
        for name, value in parameters.items()
    }


def _written_attributes(estimator: Any, writer: Writer) -> dict[str, Any]:
    return {
        name: writer.item(name, value)
        for name, value in vars(estimator).items()
        if _is_fitted_name(name)
    }


def _is_fitted_name(name: str) -> bool:
    """Return whether a name is one of what a fit leaves."""
    is_of_scikit_learn = name.startswith(("__", "_metadata_request", "_sklearn"))
    return (name.startswith("_") or name.endswith("_")) and not is_of_scikit_learn


def _written_requests(estimator: Any) -> dict[str, Any]:
    """Return which metadata each method asks for, as far as the user has set it."""
    requests = vars(estimator).get("_metadata_request")
    if requests is None:
        return {}
    return {name: dict(each) for name, each in requests._serialize().items()}


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def _as_bytes(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":"), sort_keys=False).encode()


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# -- read ----------------------------------------------------------------------------------------


def _checked_content(parts: dict[str, bytes]) -> dict[str, Any]:
    description = json.loads(parts[DESCRIPTION], parse_constant=_no_constant)
    if not isinstance(description, dict) or type(description.get("format")) is not int:
        raise ModelFileError(f"its {DESCRIPTION} isn't one of sknoisy.save")
    if description["format"] > FORMAT:
        written = description.get("content", {}).get("versions", {}).get("sknoisy", "a later one")
        raise ModelFileError(
            f"it is of format {description['format']}, of sknoisy {written}, and this version "
            f"reads formats up to {FORMAT}: update sknoisy"
        )
    content, checksums = description["content"], description["checksums"]
    found = {name: _checksum(each) for name, each in parts.items() if name != DESCRIPTION}
    found["content"] = _checksum(_as_bytes(content))
    if set(found) != set(checksums):
        different = sorted(set(found) ^ set(checksums))[0]
        raise ModelFileError(f"a part is missing, or there is one too many: {different!r}")
    altered = [name for name, each in checksums.items() if found[name] != each]
    if altered:
        raise ModelFileError(
            f"it is damaged or was altered: the checksum of {altered[0]!r} differs"
        )
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} isn't JSON")


def _read_estimator(
    content: dict[str, Any], parts: dict[str, bytes], modules: Mapping[str, Any]
) -> Any:
    from safetensors.numpy import load as load_arrays

    kind = ESTIMATORS.get(content["estimator"])
    if kind is None:
        raise ModelFileError(
            f"it holds a {content['estimator']!r}, which this version doesn't know"
        )
    reader = Reader(every_kind(), load_arrays(parts[ARRAYS]), parts, modules)
    known = inspect.signature(kind).parameters
    unknown = sorted(set(content["parameters"]) - set(known))
    if unknown:
        raise ModelFileError(f"its parameter {unknown[0]!r} is one that this version doesn't know")
    parameters = {name: reader.value(each) for name, each in content["parameters"].items()}
    estimator: Any = kind(**parameters)
    for name, each in content["fitted"].items():
        if not _is_fitted_name(name) or hasattr(kind, name):
            raise ModelFileError(f"it sets {name!r}, which no fit does")
        vars(estimator)[name] = reader.value(each)
    _set_requests(estimator, content["requests"])
    return estimator


def _set_requests(estimator: Any, requests: dict[str, Any]) -> None:
    if not requests:
        return
    known = estimator._get_metadata_request()
    for method, each in requests.items():
        for name, alias in each.items():
            getattr(known, str(method)).add_request(param=str(name), alias=alias)
    estimator._metadata_request = known
