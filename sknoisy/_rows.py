"""X in the forms that nets, boosted trees and other classifiers take."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from torch.utils.data import Dataset

from ._arrays import as_array
from ._features import check_features, check_table, encode_table, is_table
from ._mapped import in_memory
from ._typing import Features
from .boosting import EarlyRounds, as_booster_takes, takes_categories
from .tables import NumberEncoder, TreeEncoder
from .training import MIN_EMBEDDING_FEATURES


class CheckedRows:
    """Rows of X, checked once, in each form that is asked for.

    Parameters
    ----------
    owner : estimator of this package
        Remembers what the columns of fit were and how they were encoded.
    X : array-like, DataFrame, sparse matrix, torch Dataset or dict of arrays
    reset : bool
        True in fit: the columns are remembered. Otherwise they are compared with those of fit.

    Attributes
    ----------
    checked : table, images (N, C, H, W), Dataset or NamedInputs
    is_table : bool
    """

    def __init__(self, owner: Any, X: Features, *, reset: bool) -> None:
        self._owner = owner
        self._reset = reset
        self._X = X if isinstance(X, Dataset) else as_array(X, "X")
        self.is_table = is_table(self._X)
        check = check_table if self.is_table else check_features
        self.checked: Any = check(owner, self._X, reset=reset)

    @cached_property
    def for_nets(self) -> Any:
        """Numbers of float32, images (N, C, H, W), the Dataset, or named inputs.

        Numbers of another type in a file become float32 when they are read.
        """
        return self._encoded(NumberEncoder) if self.is_table else self.checked

    @cached_property
    def for_trees(self) -> Any:
        """Numbers with NaN for missing, or a DataFrame of numbers and pandas' categories.

        Sparse rows of few columns are made dense, and judged like any others.
        """
        if issparse(self.checked) and self.checked.shape[1] < MIN_EMBEDDING_FEATURES:
            self.checked = self.checked.toarray()
        return self._encoded(TreeEncoder)

    def for_classifier(self, classifier: Any) -> Any:
        """Return the rows as a classifier takes them.

        A pipeline prepares its rows itself, so they stay as they are. Boosted trees that know
        categories and missing values are given these, any other classifier numbers.
        """
        # Not by its attribute: XGBoost's own classifiers have one of that name too.
        if isinstance(classifier, EarlyRounds):
            classifier = classifier.booster
        if not self.is_table or hasattr(classifier, "steps"):
            return self._X
        if takes_categories(classifier):
            return as_booster_takes(classifier, self._named(self.for_trees))
        return self._named(in_memory(self.for_nets))

    def _named(self, rows: Any) -> Any:
        """Return the user's own columns under their names."""
        names = getattr(self._owner, "feature_names_in_", None)
        if names is None or not isinstance(rows, np.ndarray) or rows.shape[1] != len(names):
            return rows
        return pd.DataFrame(rows, columns=names, copy=False)

    def _encoded(self, encoder_class: type[NumberEncoder] | type[TreeEncoder]) -> Any:
        return encode_table(self._owner, self.checked, encoder_class, reset=self._reset)
