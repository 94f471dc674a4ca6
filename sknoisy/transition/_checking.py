"""The check of a transition matrix that the user gave."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-4


def check_transition_matrix(
    matrix: ArrayLike, n_classes: int, owner: object, *, name: str = "transition_matrix"
) -> NDArray[np.floating]:
    """Return a user's transition matrix as floats, or raise an error that names the parameter.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        P(given class j | true class i); rows must sum to one, to within 1e-4.
    n_classes : int
    owner : estimator or Method
        Whose parameter it is.
    name : str, default="transition_matrix"
        Of the parameter.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        A copy, whose rows sum to one exactly.

    Raises
    ------
    ValueError
        If it isn't square of this size, finite, non-negative, and its rows sum to one.

    Examples
    --------
    >>> from sknoisy.methods import CrossEntropy
    >>> from sknoisy.transition import check_transition_matrix
    >>> check_transition_matrix([[0.75, 0.25], [0, 1]], 2, CrossEntropy())
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    start = f"The '{name}' parameter of {type(owner).__name__} must "
    try:
        checked = np.asarray(matrix, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{start}be an array of numbers. Got {matrix!r} instead.") from None
    if checked.shape != (n_classes, n_classes):
        raise ValueError(
            f"{start}have shape ({n_classes}, {n_classes}), a row and a column for each class. "
            f"Got shape {checked.shape} instead."
        )
    wrong = ~np.isfinite(checked) | (checked < 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{start}hold probabilities, finite and not negative. "
            f"Got {checked[row, column]} in row {row}, column {column}."
        )
    sums = checked.sum(axis=1)
    row = np.abs(sums - 1).argmax()
    if abs(sums[row] - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"{start}have rows that sum to one, one for each true class. "
            f"Got a sum of {sums[row]:.6g} in row {row}."
        )
    return checked / sums[:, None]
