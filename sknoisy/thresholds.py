"""From label quality to a verdict: pure functions on arrays."""

import numpy as np

__all__ = ["contamination_threshold", "estimate_transition_matrix", "judge_labels"]


def contamination_threshold(label_quality, contamination, *, judged=None):
    """Return the threshold below which the given share of rows lies.

    Parameters
    ----------
    label_quality : array-like of shape (n_rows,)
    contamination : float in (0, 1)
        Share of the judged rows to flag.
    judged : array-like of bool of shape (n_rows,), default=None
        Rows that count; None: all.

    Returns
    -------
    float

    Examples
    --------
    >>> float(contamination_threshold([0.1, 0.9, 0.4, 0.8], 0.5))
    0.8
    """
    label_quality = np.asarray(label_quality)
    if judged is not None:
        label_quality = label_quality[np.asarray(judged)]
    ordered = np.sort(label_quality)
    n_flagged = round(contamination * len(ordered))
    return float(ordered[n_flagged]) if n_flagged < len(ordered) else np.inf


def judge_labels(label_quality, threshold, *, codes, trusted=None):
    """Return which labels are judged wrong: quality below the threshold.

    Trusted rows are never judged wrong, and every class keeps at least its best row, since a
    class without rows can't be learnt.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
    threshold : float
    codes : ndarray of int of shape (n_rows,)
        Given labels as codes 0, 1, ...
    trusted : ndarray of bool of shape (n_rows,), default=None

    Returns
    -------
    ndarray of bool of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> judge_labels(np.array([0.1, 0.9, 0.4, 0.3]), 0.5, codes=np.array([0, 0, 1, 1]))
    array([ True, False, False,  True])
    """
    mask = label_quality < threshold
    if trusted is not None:
        mask &= ~trusted
    order = np.lexsort((label_quality, codes))
    last_of_class = np.flatnonzero(np.append(np.diff(codes[order]) > 0, True))
    best = order[last_of_class]
    kept = np.bincount(codes, weights=~mask)[codes[best]]
    mask[best[kept == 0]] = False
    return mask


def estimate_transition_matrix(codes, alternatives, label_quality, n_classes):
    """Estimate P(given class j | true class i) from the rows' label quality.

    Each row counts with its quality for its given class as the true one, and with the rest for
    the best other class.

    Parameters
    ----------
    codes, alternatives : ndarray of int of shape (n_rows,)
        Given class and best other class of each row.
    label_quality : ndarray of shape (n_rows,)
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows sum to one; a class that is nobody's true class has a one on the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> estimate_transition_matrix(
    ...     np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([1, 1, 1, 0.0]), 2
    ... ).round(2)
    array([[0.67, 0.33],
           [0.  , 1.  ]])
    """
    matrix = np.zeros((n_classes, n_classes))
    np.add.at(matrix, (codes, codes), label_quality)
    np.add.at(matrix, (alternatives, codes), 1 - label_quality)
    totals = matrix.sum(axis=1, keepdims=True)
    return np.where(totals > 0, matrix / np.where(totals > 0, totals, 1), np.eye(n_classes))
