"""What all displays share: colours, the check for matplotlib, checks of arguments."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import FloatArray

# From the palette of Okabe and Ito, whose colours stay apart in every common colour blindness.
# The pale blue differs from the orange-red in brightness too; the dark one is for lines and text.
PALE_BLUE, DARK_BLUE, ORANGE_RED = "#56B4E9", "#0072B2", "#D55E00"
INK, GREY, PALE_GREY = "#222222", "#888888", "#DDDDDD"


def import_pyplot() -> Any:
    """Return ``matplotlib.pyplot``, or say what to install."""
    try:
        import matplotlib.pyplot as pyplot
    except ImportError as error:
        raise ImportError(
            "sknoisy.display needs matplotlib. Install it with: pip install 'sknoisy[plot]'"
        ) from error
    return pyplot


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
