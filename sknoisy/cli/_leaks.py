"""Columns that tell the label alone."""

import numpy as np
import pandas as pd

from .._typing import IntArray, LabelArray

SAMPLE = 4_000
# Share of what a guess of the most frequent class leaves open.
NEARLY_ALL = 0.95
MIN_HELD_OUT = 20


def leaking_columns(
    features: pd.DataFrame, labels: LabelArray, *, seed: int, least: float = NEARLY_ALL
) -> dict[str, float]:
    """Return the columns that predict the labels of held-out rows alone, nearly all of them.

    Parameters
    ----------
    features : DataFrame
    labels : ndarray of shape (n_rows,)
    seed : int
        Of the sample.
    least : float, default=0.95
        Share of the labels to be predicted, among those that a guess gets wrong.

    Returns
    -------
    dict of str to float
        By column, the share of held-out labels that it predicts; the largest first.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"code": [f"{row % 3}" for row in range(90)], "one": 1})
    >>> leaking_columns(table, table["code"].to_numpy() + "x", seed=0)
    {'code': 1.0}
    """
    rows = np.random.default_rng(seed).permutation(len(labels))[:SAMPLE]
    _, codes = np.unique(labels[rows].astype(str), return_inverse=True)
    train, held_out = np.array_split(np.arange(len(rows)), 2)
    if len(held_out) < MIN_HELD_OUT:
        return {}
    base = np.bincount(codes[held_out]).max() / len(held_out)
    found = {}
    for name in features:
        predicted = _predicted(features[name].iloc[rows], codes, train, held_out)
        accuracy = float((predicted == codes[held_out]).mean())
        if accuracy - base >= least * (1 - base) and base < 1:
            found[str(name)] = accuracy
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _predicted(values: pd.Series, codes: IntArray, train: IntArray, held_out: IntArray) -> IntArray:
    """Return the codes of held-out rows that a column predicts: by its numbers, or its values."""
    from sklearn.tree import DecisionTreeClassifier

    if values.dtype.kind in "iufb":
        tree = DecisionTreeClassifier(max_leaf_nodes=1000, min_samples_leaf=2, random_state=0)
        # scikit-learn's trees compute with float32.
        numbers = np.clip(values.to_numpy(dtype=np.float64, na_value=np.nan), -1e38, 1e38)[:, None]
        return tree.fit(numbers[train], codes[train]).predict(numbers[held_out])
    numbers, _ = pd.factorize(values.map(str))
    usual = np.bincount(codes[train]).argmax()
    table = pd.Series(codes[train]).groupby(numbers[train]).agg(lambda each: each.mode().iloc[0])
    return table.reindex(numbers[held_out]).fillna(usual).to_numpy(dtype=np.int64)
