"""What displays ask of their arguments."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import FloatArray


def check_quality(label_quality: ArrayLike) -> FloatArray:
    """Return label quality as an array; raise unless it is one number in [0, 1] per row."""
    quality = np.asarray(label_quality, dtype=float)
    if quality.ndim != 1 or not len(quality):
        raise ValueError(f"label_quality must have shape (n_samples,), got {quality.shape}.")
    if not ((quality >= 0.0) & (quality <= 1.0)).all():
        raise ValueError(
            f"label_quality must be in [0, 1], got {quality.min():.3g} to {quality.max():.3g}."
        )
    return quality


def check_threshold(threshold: float | None) -> float | None:
    """Return a threshold; raise unless it is None or in [0, 1]."""
    if threshold is not None and not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold must be None or in [0, 1], got {threshold!r}.")
    return threshold


def check_length(values: ArrayLike, n_samples: int, *, name: str) -> NDArray[Any]:
    """Return values as an array; raise unless there is one per row."""
    values = np.asarray(values)
    if values.shape != (n_samples,):
        raise ValueError(f"{name} must have shape ({n_samples},), got {values.shape}.")
    return values


def check_names(names: ArrayLike | None, n_classes: int) -> NDArray[Any]:
    """Return the names of classes; raise unless there is one per class. None: 0, 1, ..."""
    if names is None:
        return np.arange(n_classes)
    names = np.asarray(names)
    if names.shape != (n_classes,):
        raise ValueError(
            f"display_labels must be the names of {n_classes} classes, got {names.shape}."
        )
    return names


def check_choice(value: Any, choices: Collection[str], *, name: str) -> None:
    """Raise unless a value is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {tuple(choices)}, got {value!r}.")


def named(values: Any, name: str) -> dict[str, Any]:
    """Return values by the names of the methods that they are of; one alone is named by its kind.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not isinstance(values, Mapping):
        return {name.replace("_", " "): values}
    if not values:
        raise ValueError(f"{name} must hold at least one method, got an empty dict.")
    return {str(each): value for each, value in values.items()}
