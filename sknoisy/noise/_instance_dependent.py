"""Wrong labels that depend on a row's features."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats
from sklearn.utils import check_random_state, gen_batches

from .._typing import BoolArray, FloatArray, IntArray, LabelArray, Labels, RandomStateParameter
from ._labels import check_rate, decode, encode

# The spread of the rows' own flip rates in Xia et al. (2020).
_RATE_STANDARD_DEVIATION = 0.1
# Rows turned into float64 at a time; keeps 4096 x 3072 pixels at 100 MB.
_ROWS_PER_BATCH = 4096
_SCALES = ("auto", "standard", "unit_norm", "none")


def flip_instance_dependent(
    X: ArrayLike,
    y: Labels,
    rate: float,
    *,
    shared_weights: bool = False,
    scale: Literal["auto", "standard", "unit_norm", "none"] = "auto",
    random_state: RandomStateParameter = None,
) -> tuple[LabelArray | pd.Series, BoolArray]:
    """Flip labels with a probability and a target that depend on the row's features.

    Each row draws its own flip rate from a normal distribution with mean `rate` and standard
    deviation 0.1, cut to [0, 1]. Its wrong class is drawn from the softmax, over the other
    classes, of a random linear projection of its features.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Features, a row of any shape (a table, images); a row is flattened. Finite numbers.
    y : array-like of shape (n_samples,)
        Clean labels: integers, strings or booleans of at least two classes.
    rate : float in [0, 1)
        Mean of the rows' flip rates before the cut to [0, 1]. The cut moves the expected share of
        flipped rows: 0.05 gives 0.10, 0.1 gives 0.13, 0.2 gives 0.21, 0.9 gives 0.87; from 0.3 to
        0.7 it moves by less than 0.001. With 0 no row is flipped.
    shared_weights : bool, default=False
        False: a projection for every class, as in the paper. True: one projection for all rows,
        as in the label files of several later benchmarks; most wrong labels then land in very few
        classes.
    scale : {"auto", "standard", "unit_norm", "none"}, default="auto"
        What is done to the features before the projection. It changes the nature of the noise,
        see Notes. "standard": every feature gets mean 0 and standard deviation 1 (a constant
        feature becomes 0). "unit_norm": every row is divided by its Euclidean norm. "none": the
        numbers as they are. "auto": "standard" for a 2-D `X`, "none" for images, that is for
        more than two dimensions; an image flattened beforehand counts as 2-D.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same flips in every call.

    Returns
    -------
    y_noisy : ndarray or Series of shape (n_samples,)
        Labels after the flips, of the kind and dtype of `y`.
    flipped : ndarray of bool of shape (n_samples,)
        True where the label was changed.

    Raises
    ------
    TypeError
        If `X` is sparse or not numeric.
    ValueError
        If `X` has no rows of features, NaN or infinite values, or another length than `y`, if
        `scale` is unknown, `rate` is outside [0, 1), or `y` is not 1-D, has missing values or
        only one class.

    Notes
    -----
    Numbers that are all positive and large, such as pixels in 0..255, have projections that are
    governed by what the rows of a class have in common. The softmax is then nearly one-hot, and
    most wrong labels of a class go to one other class: with "none" the noise on images is close to
    a random map from class to class. The published benchmarks are made this way; to repeat them
    pass raw pixels and ``scale="none"``.

    With "standard" the part that all rows share is gone. A row still has one or two likely wrong
    classes, but they differ from row to row, and over a whole class the wrong labels spread: the
    transition matrix comes nearer to a symmetric one, the more so the less the classes differ in
    their means. With "unit_norm" projections are at most of size one, so that even a single row's
    wrong class is close to a fair draw. On the digits of scikit-learn, the most frequent wrong
    class of a class takes 0.69 of its wrong labels with "none", 0.39 with "standard" and 0.30 with
    "unit_norm"; an even spread would be 0.11. A table without scaling is governed by the features
    with the largest units.

    One class is projected at a time, in batches of rows: memory stays at one
    (n_features, n_classes) matrix and one batch.

    References
    ----------
    Xia, X., Liu, T., Han, B., Wang, N., Gong, M., Liu, H., Niu, G., Tao, D. and Sugiyama, M.
    (2020). Part-dependent label noise: towards instance-dependent label noise. NeurIPS 33.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy.noise import flip_instance_dependent
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_instance_dependent(X, y, 0.4, random_state=0)
    >>> print(y_noisy.shape, flipped.mean().round(2))
    (1797,) 0.41
    """
    y, first_rows, codes = encode(y)
    rate = check_rate(rate)
    features = _check_features(X, codes)
    shift, spread = _scaling(features, _resolve_scale(scale, np.ndim(X)))
    generator = check_random_state(random_state)
    flips = _draw_row_flips(len(codes), rate, generator)
    shape = (features.shape[1], len(first_rows))
    weights = generator.normal(size=shape) if shared_weights else None
    noisy_codes = codes.copy()
    for code in range(len(first_rows)):
        class_weights = generator.normal(size=shape) if weights is None else weights
        rows = np.flatnonzero(flips & (codes == code))
        for start in range(0, len(rows), _ROWS_PER_BATCH):
            batch = rows[start : start + _ROWS_PER_BATCH]
            logits = _scale_rows(features[batch], shift, spread) @ class_weights
            noisy_codes[batch] = _draw_other_class(logits, code, generator)
    return decode(y, first_rows, codes, noisy_codes)


def _draw_row_flips(n_rows: int, rate: float, generator: np.random.RandomState) -> BoolArray:
    """Draw which rows are flipped, each with a rate of its own around the wanted one."""
    if rate == 0:
        return np.zeros(n_rows, dtype=bool)
    row_rates = stats.truncnorm.rvs(
        -rate / _RATE_STANDARD_DEVIATION,
        (1 - rate) / _RATE_STANDARD_DEVIATION,
        loc=rate,
        scale=_RATE_STANDARD_DEVIATION,
        size=n_rows,
        random_state=generator,
    )
    return generator.random_sample(n_rows) < row_rates


def _draw_other_class(
    logits: FloatArray, own_code: int, generator: np.random.RandomState
) -> IntArray:
    """Draw from the softmax over all classes but the own one (Gumbel-max: no overflow)."""
    perturbed = logits + generator.gumbel(size=logits.shape)
    perturbed[:, own_code] = -np.inf
    return perturbed.argmax(axis=1)


def _resolve_scale(scale: str, n_dimensions: int) -> str:
    if scale not in _SCALES:
        raise ValueError(f"scale must be one of {', '.join(_SCALES)}; got {scale!r}.")
    if scale == "auto":
        return "standard" if n_dimensions <= 2 else "none"
    return scale


def _scaling(
    features: NDArray[Any], scale: str
) -> tuple[FloatArray | float, FloatArray | float | None]:
    """Return what to subtract from the rows and what to divide them by (None: their norm)."""
    if scale == "unit_norm":
        return 0.0, None
    if scale == "none":
        return 0.0, 1.0
    mean = features.mean(axis=0, dtype=np.float64)
    variance = np.zeros_like(mean)
    for batch in gen_batches(len(features), _ROWS_PER_BATCH):
        variance += ((features[batch] - mean) ** 2).sum(axis=0)
    spread = np.sqrt(variance / len(features))
    # The mean of equal numbers can be off by rounding; such a column must not be blown up.
    constant = spread <= 1e-12 * np.abs(mean)
    return mean, np.where(constant, np.inf, spread)


def _scale_rows(
    rows: NDArray[Any], shift: FloatArray | float, spread: FloatArray | float | None
) -> FloatArray:
    rows = rows.astype(np.float64) - shift
    if spread is not None:
        return rows / spread
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    norms[norms == 0] = 1.0
    return rows / norms


def _check_features(X: ArrayLike, codes: IntArray) -> NDArray[Any]:
    """Return X as an array of one flat row per label, without a copy where possible."""
    if sparse.issparse(X):
        raise TypeError("X must be dense; got a sparse matrix. Use X.toarray().")
    features = np.asarray(X)
    if features.dtype == object:
        # A DataFrame with columns of several number types arrives as objects.
        try:
            features = features.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError("X must hold numbers; got other objects too.") from error
    if features.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers; got dtype {features.dtype}.")
    if features.ndim < 2 or 0 in features.shape:
        raise ValueError(
            f"X must have the shape (n_samples, ...) with features; got {features.shape}."
        )
    if len(features) != len(codes):
        raise ValueError(f"X and y must have as many rows; got {len(features)} and {len(codes)}.")
    if features.dtype.kind == "f" and not np.isfinite(features).all():
        raise ValueError("X must be finite; got NaN or infinite values.")
    return features.reshape(len(features), -1)
