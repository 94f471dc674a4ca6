"""The threshold whose verdict is expected to have the best F1."""

import numpy as np

from .._typing import FloatArray

# Labels that are this likely right aren't flagged, however few wrong ones there are to be found.
LARGEST_QUALITY = 0.8


def threshold_of_best_f1(label_quality: FloatArray) -> float:
    """Return the quality below which labels are to be flagged for the best expected F1.

    Of n flagged rows S are expected to be wrong, of all rows T: F1 is about 2 S / (n + T). It is
    largest where the rows are flagged that are wrong with a probability above half of it.

    Parameters
    ----------
    label_quality : ndarray of shape (n_rows,)
        Probability that the label is right; 0 or 1 where it is known.

    Returns
    -------
    float
        At most 0.8: where no verdict can be good, right labels are spared.

    Examples
    --------
    >>> import numpy as np
    >>> round(threshold_of_best_f1(np.array([0.0, 0.1, 0.2, 0.9, 0.9, 0.9, 1.0])), 2)
    0.55
    """
    wrong = np.sort(1 - np.asarray(label_quality, dtype=float))[::-1]
    expected = 2 * np.cumsum(wrong) / (np.arange(1, len(wrong) + 1) + wrong.sum())
    return float(min(1 - expected.max() / 2, LARGEST_QUALITY))
