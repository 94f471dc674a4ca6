"""Data with wrong labels made on purpose, so that the right ones are known."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits, make_classification
from sklearn.utils import Bunch, check_random_state

from .._typing import BoolArray, FloatArray, IntArray, RandomStateParameter
from ..noise import flip_instance_dependent, flip_pair, flip_symmetric

NOISES = ("symmetric", "pair", "instance")
CATEGORIES = ("very low", "low", "middle", "high", "very high")


def make_noisy_classification(
    n_samples: int = 1000,
    *,
    n_features: int = 10,
    n_classes: int = 3,
    class_sep: float = 1.5,
    noise: Literal["symmetric", "pair", "instance"] = "symmetric",
    rate: float = 0.2,
    n_string_columns: int = 0,
    missing: float = 0.0,
    random_state: RandomStateParameter = None,
) -> Bunch:
    """Make a table with classes, and flip some labels.

    Parameters
    ----------
    n_samples : int, default=1000
        Rows.
    n_features : int, default=10
        Columns, half of which tell the classes apart (rounded up, and at least as many as it takes
        for the classes).
    n_classes : int, default=3
        Classes, of equal size but for chance.
    class_sep : float, default=1.5
        How far apart the classes are, as in `sklearn.datasets.make_classification`.
    noise : {"symmetric", "pair", "instance"}, default="symmetric"
        Wrong labels by `sknoisy.noise.flip_symmetric`, `flip_pair` or `flip_instance_dependent`.
    rate : float in [0, 1), default=0.2
        How often a label is flipped.
    n_string_columns : int, default=0
        How many of the columns, the last ones, are cut into five words from "very low" to "very
        high". Which columns tell the classes apart is random, so these may do so or not.
    missing : float in [0, 1), default=0.0
        Share of cells without a value, drawn at random.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same data in every call.

    Returns
    -------
    sklearn.utils.Bunch
        With ``X`` (float array of shape (n_samples, n_features), or a DataFrame if there are
        string columns), ``y`` (int array of shape (n_samples,), the given labels), ``y_true`` (the
        right ones) and ``flipped`` (bool array, True where they differ).

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from sknoisy.datasets import make_noisy_classification
    >>> data = make_noisy_classification(200, rate=0.3, n_string_columns=2, random_state=0)
    >>> data.X.shape, data.X.iloc[0, -1]
    ((200, 10), 'high')
    >>> bool((data.flipped == (data.y != data.y_true)).all())
    True
    """
    check_columns(n_features, n_classes, n_string_columns)
    check_share("missing", missing)
    flip = flipper(noise)
    generator = check_random_state(random_state)
    n_informative = max((n_features + 1) // 2, n_needed(n_classes))
    X, y_true = make_classification(
        n_samples,
        n_features,
        n_informative=n_informative,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        flip_y=0.0,
        class_sep=class_sep,
        random_state=generator,
    )
    y, flipped = flip(X, y_true, rate, generator)
    table = with_string_columns(X, n_string_columns) if n_string_columns else X
    return Bunch(X=without_some(table, missing, generator), y=y, y_true=y_true, flipped=flipped)


def load_digits_noisy(
    *,
    noise: Literal["symmetric", "pair", "instance"] = "symmetric",
    rate: float = 0.2,
    random_state: RandomStateParameter = None,
) -> Bunch:
    """Load scikit-learn's digits, and flip some labels.

    Parameters
    ----------
    noise : {"symmetric", "pair", "instance"}, default="symmetric"
        Wrong labels by `sknoisy.noise.flip_symmetric`, `flip_pair` or `flip_instance_dependent`.
    rate : float in [0, 1), default=0.2
        How often a label is flipped.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same flips in every call.

    Returns
    -------
    sklearn.utils.Bunch
        With ``X`` (float array of shape (1797, 64)), ``images`` (the same as (1797, 8, 8)), ``y``
        (the given labels), ``y_true`` (the right ones), ``flipped`` (bool array, True where they
        differ) and ``target_names``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from sknoisy.datasets import load_digits_noisy
    >>> digits = load_digits_noisy(rate=0.4, random_state=0)
    >>> digits.X.shape, round(float(digits.flipped.mean()), 2)
    ((1797, 64), 0.41)
    """
    flip = flipper(noise)
    digits = load_digits()
    y, flipped = flip(digits.data, digits.target, rate, check_random_state(random_state))
    return Bunch(
        X=digits.data,
        images=digits.images,
        y=y,
        y_true=digits.target,
        flipped=flipped,
        target_names=list(digits.target_names),
    )


def check_columns(n_features: int, n_classes: int, n_string_columns: int) -> None:
    if n_classes < 2:
        raise ValueError(f"n_classes must be at least 2, got {n_classes!r}.")
    if n_features < n_needed(n_classes):
        raise ValueError(
            f"n_features must be at least {n_needed(n_classes)} for {n_classes} classes, got "
            f"{n_features!r}."
        )
    if not 0 <= n_string_columns <= n_features:
        raise ValueError(
            f"n_string_columns must be in 0 to n_features ({n_features}), got {n_string_columns!r}."
        )


def check_share(name: str, share: float) -> None:
    if not 0 <= share < 1:
        raise ValueError(f"{name} must be a number in [0, 1), got {share!r}.")


def n_needed(n_classes: int) -> int:
    """Return how many features put each class at a corner of its own."""
    return max(2, int(np.ceil(np.log2(n_classes))))


def flipper(noise: str) -> Any:
    """Return the function of X, y, rate and generator that makes this noise."""
    if noise == "instance":
        return flip_by_features
    flips = {"symmetric": flip_symmetric, "pair": flip_pair}
    if noise not in flips:
        raise ValueError(f"noise must be one of {', '.join(NOISES)}, got {noise!r}.")
    return lambda X, y, rate, generator: flips[noise](y, rate, random_state=generator)


def flip_by_features(
    X: FloatArray, y: IntArray, rate: float, generator: np.random.RandomState
) -> tuple[NDArray[Any] | pd.Series, BoolArray]:
    return flip_instance_dependent(X, y, rate, random_state=generator)


def with_string_columns(X: FloatArray, n_columns: int) -> pd.DataFrame:
    """Return X as a table whose last columns are words, one for each fifth of the rows."""
    table = pd.DataFrame(X, columns=[f"feature_{number}" for number in range(X.shape[1])])
    for name in table.columns[-n_columns:]:
        fifths = (table[name].rank(method="first") - 1) * len(CATEGORIES) // len(table)
        table[name] = np.array(CATEGORIES, dtype=object)[fifths.to_numpy(dtype=int)]
    return table


def without_some(
    X: FloatArray | pd.DataFrame, share: float, generator: np.random.RandomState
) -> FloatArray | pd.DataFrame:
    """Return X with a share of its cells missing."""
    if not share:
        return X
    gone = generator.random_sample(X.shape) < share
    return X.mask(gone) if isinstance(X, pd.DataFrame) else np.where(gone, np.nan, X)
