"""Wrong labels that depend on the class alone."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from .._typing import BoolArray, FloatArray, LabelArray, Labels, RandomStateParameter
from ._labels import check_rate, decode, encode


def flip_symmetric(
    y: Labels, rate: float, *, random_state: RandomStateParameter = None
) -> tuple[LabelArray | pd.Series, BoolArray]:
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
    y, first_rows, codes = encode(y)
    rate = check_rate(rate)
    generator = check_random_state(random_state)
    flips = generator.random_sample(len(codes)) < rate
    shifts = generator.randint(1, len(first_rows), size=len(codes))
    return decode(y, first_rows, codes, (codes + shifts * flips) % len(first_rows))


def flip_pair(
    y: Labels, rate: float, *, random_state: RandomStateParameter = None
) -> tuple[LabelArray | pd.Series, BoolArray]:
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
    y, first_rows, codes = encode(y)
    rate = check_rate(rate)
    flips = check_random_state(random_state).random_sample(len(codes)) < rate
    return decode(y, first_rows, codes, (codes + flips) % len(first_rows))


def flip_classes(
    y: Labels,
    transition: ArrayLike | dict[Any, Any],
    *,
    rate: float | None = None,
    random_state: RandomStateParameter = None,
) -> tuple[LabelArray | pd.Series, BoolArray]:
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
    y, first_rows, codes = encode(y)
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
    return decode(y, first_rows, codes, noisy_codes)


def _matrix_from_map(
    classes: LabelArray, class_map: dict[Any, Any], rate: float | None
) -> FloatArray:
    """Write a dict from class to class as a transition matrix."""
    if rate is None:
        raise ValueError("rate must be given when transition is a dict; got None.")
    rate = check_rate(rate)
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


def _check_matrix(transition: ArrayLike, n_classes: int, rate: float | None) -> FloatArray:
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
