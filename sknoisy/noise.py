"""Wrong labels made on purpose, for benchmarks and tests.

Every function takes clean labels and returns ``(y_noisy, flipped)``: the labels with some of them
exchanged for another class, and the mask of the rows where that happened. ``y_noisy`` is of the
same kind as ``y`` (an array of the same dtype; a pandas Series with the same index, name and
dtype), ``flipped`` is always a NumPy array of bool. Only classes that occur in ``y`` are known and
they are used in sorted order, as ``numpy.unique`` gives them. The number of flipped rows is random:
each row is drawn on its own.
"""

from numbers import Real

import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.utils import check_random_state, gen_batches

__all__ = ["flip_classes", "flip_instance_dependent", "flip_pair", "flip_symmetric"]

# The spread of the rows' own flip rates in Xia et al. (2020).
_RATE_STANDARD_DEVIATION = 0.1
# Rows turned into float64 at a time; keeps 4096 x 3072 pixels at 100 MB.
_ROWS_PER_BATCH = 4096
_SCALES = ("auto", "standard", "unit_norm", "none")


def flip_symmetric(y, rate, *, random_state=None):
    """Flip labels to any other class, all others being equally likely.

    The mildest kind of noise: with classes of equal size the right labels stay the largest group
    within every given class as long as ``rate < 1 - 1 / n_classes``. A flipped label never keeps
    its class, so `rate` is the rate of wrong labels; benchmarks that let a "flip" hit the own class
    too have fewer wrong labels than they say.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Clean labels: integers, strings or booleans of at least two classes.
    rate : float in [0, 1)
        Probability that a label is flipped.
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
    ValueError
        If `rate` is outside [0, 1), or `y` is not 1-D, has missing values or only one class.

    Examples
    --------
    >>> from sknoisy.noise import flip_symmetric
    >>> y = ["cat", "dog", "owl"] * 100
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> print(y_noisy[:6], flipped.mean().round(2))
    ['cat' 'dog' 'owl' 'cat' 'dog' 'owl'] 0.31
    """
    y, first_rows, codes = _encode(y)
    rate = _check_rate(rate)
    generator = check_random_state(random_state)
    flips = generator.random_sample(len(codes)) < rate
    shifts = generator.randint(1, len(first_rows), size=len(codes))
    return _decode(y, first_rows, codes, (codes + shifts * flips) % len(first_rows))


def flip_pair(y, rate, *, random_state=None):
    """Flip labels to the next class in sorted order, the last class to the first.

    The hard kind of class-dependent noise: all wrong labels of a given class come from one other
    class. From ``rate=0.5`` on, with classes of equal size, they are at least as many as the right
    ones, and no method can tell the two apart without some labels known to be right.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Clean labels: integers, strings or booleans of at least two classes.
    rate : float in [0, 1)
        Probability that a label is flipped.
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
    ValueError
        If `rate` is outside [0, 1), or `y` is not 1-D, has missing values or only one class.

    Examples
    --------
    >>> from sknoisy.noise import flip_pair
    >>> y_noisy, flipped = flip_pair([0, 1, 2, 0, 1, 2], 0.9, random_state=0)
    >>> print(y_noisy)
    [1 2 0 1 2 0]
    """
    y, first_rows, codes = _encode(y)
    rate = _check_rate(rate)
    flips = check_random_state(random_state).random_sample(len(codes)) < rate
    return _decode(y, first_rows, codes, (codes + flips) % len(first_rows))


def flip_classes(y, transition, *, rate=None, random_state=None):
    """Flip labels by a transition matrix, or from some classes to named others.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Clean labels: integers, strings or booleans of at least two classes.
    transition : array-like of shape (n_classes, n_classes) or dict
        A matrix whose entry [i, j] is the probability that a row of class i is labelled j, the
        classes in sorted order and each row summing to one. Or a dict from class to the class
        that it is mistaken for; a class that is not among the keys keeps its labels.
    rate : float in [0, 1), default=None
        Probability that a label of a class in the dict is flipped. Needed with a dict; must be
        None with a matrix, which holds its own rates.
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
    ValueError
        If the matrix has another shape, a negative entry or a row that does not sum to one, if
        the dict names a class that is not in `y`, if `rate` does not go with `transition` or is
        outside [0, 1), or if `y` is not 1-D, has missing values or only one class.

    Examples
    --------
    >>> from sknoisy.noise import flip_classes
    >>> y = ["car", "cat", "dog"] * 2
    >>> y_noisy, flipped = flip_classes(y, {"dog": "cat"}, rate=0.9, random_state=0)
    >>> print(y_noisy)
    ['car' 'cat' 'cat' 'car' 'cat' 'cat']
    >>> matrix = [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    >>> print(flip_classes(y, matrix, random_state=0)[0])
    ['car' 'dog' 'dog' 'car' 'dog' 'dog']
    """
    y, first_rows, codes = _encode(y)
    if isinstance(transition, dict):
        matrix = _matrix_from_map(np.asarray(y)[first_rows], transition, rate)
    else:
        matrix = _check_matrix(transition, len(first_rows), rate)
    draws = check_random_state(random_state).random_sample(len(codes))
    cumulative = matrix.cumsum(axis=1)
    # Dividing puts the last possible class at exactly 1, whatever the rounding of the sum.
    cumulative /= cumulative[:, -1:]
    noisy_codes = codes.copy()
    for code, bounds in enumerate(cumulative):
        rows = codes == code
        noisy_codes[rows] = np.searchsorted(bounds, draws[rows], side="right")
    return _decode(y, first_rows, codes, noisy_codes)


def flip_instance_dependent(X, y, rate, *, shared_weights=False, scale="auto", random_state=None):
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
    y, first_rows, codes = _encode(y)
    rate = _check_rate(rate)
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
    return _decode(y, first_rows, codes, noisy_codes)


def _draw_row_flips(n_rows, rate, generator):
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


def _draw_other_class(logits, own_code, generator):
    """Draw from the softmax over all classes but the own one (Gumbel-max: no overflow)."""
    perturbed = logits + generator.gumbel(size=logits.shape)
    perturbed[:, own_code] = -np.inf
    return perturbed.argmax(axis=1)


def _resolve_scale(scale, n_dimensions):
    if scale not in _SCALES:
        raise ValueError(f"scale must be one of {', '.join(_SCALES)}; got {scale!r}.")
    if scale == "auto":
        return "standard" if n_dimensions <= 2 else "none"
    return scale


def _scaling(features, scale):
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


def _scale_rows(rows, shift, spread):
    rows = rows.astype(np.float64) - shift
    if spread is None:
        spread = np.linalg.norm(rows, axis=1, keepdims=True)
        spread[spread == 0] = 1.0
    return rows / spread


def _check_features(X, codes):
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


def _matrix_from_map(classes, class_map, rate):
    """Write a dict from class to class as a transition matrix."""
    if rate is None:
        raise ValueError("rate must be given when transition is a dict; got None.")
    rate = _check_rate(rate)
    position = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for pair in class_map.items() for label in pair if label not in position]
    if unknown:
        raise ValueError(
            f"transition must name classes of y, which are {list(position)}; got {unknown}."
        )
    matrix = np.eye(len(classes))
    for source, target in class_map.items():
        matrix[position[source], position[source]] -= rate
        matrix[position[source], position[target]] += rate
    return matrix


def _check_matrix(transition, n_classes, rate):
    if rate is not None:
        raise ValueError(
            f"rate must be None when transition is a matrix, which holds its own; got {rate!r}."
        )
    matrix = np.asarray(transition, dtype=np.float64)
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"transition must be of shape ({n_classes}, {n_classes}), a row and a column for "
            f"every class of y; got {matrix.shape}."
        )
    if not (matrix >= 0).all():
        raise ValueError(f"transition must not be negative or NaN; got {matrix.min()}.")
    sums = matrix.sum(axis=1)
    # Loose enough for matrices in float32.
    if not np.allclose(sums, 1, rtol=0, atol=1e-5):
        raise ValueError(f"Every row of transition must sum to one; got the sums {sums}.")
    return matrix


def _check_rate(rate):
    # `not` round the comparison, so that NaN is refused too.
    if isinstance(rate, bool | np.bool_) or not isinstance(rate, Real) or not 0 <= rate < 1:
        raise ValueError(f"rate must be a number in [0, 1); got {rate!r}.")
    return float(rate)


def _encode(y):
    """Return y as array or Series, the first row of each class, and each row's class number."""
    y = y if isinstance(y, pd.Series) else np.asarray(y)
    if y.ndim != 1:
        raise ValueError(f"y must be 1-D; got the shape {y.shape}.")
    if pd.isna(y).any():
        raise ValueError("y must not have missing values.")
    values = np.asarray(y)
    if values.dtype.kind == "f" and (values % 1 != 0).any():
        raise ValueError("y must hold classes; got fractional numbers.")
    try:
        classes, first_rows, codes = np.unique(values, return_index=True, return_inverse=True)
    except TypeError as error:
        raise TypeError("y must hold classes that can be sorted, all of one type.") from error
    if len(classes) < 2:
        raise ValueError(f"y must have at least two classes; got {classes.tolist()}.")
    return y, first_rows, codes


def _decode(y, first_rows, codes, noisy_codes):
    """Give each row the label of its new class, and say which rows have changed.

    Labels are picked from y itself, which keeps any dtype, also pandas' own.
    """
    picked_rows = first_rows[noisy_codes]
    if isinstance(y, pd.Series):
        y_noisy = y.iloc[picked_rows].set_axis(y.index)
    else:
        y_noisy = y[picked_rows]
    return y_noisy, noisy_codes != codes
