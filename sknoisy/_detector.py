"""NoisyLabelDetector."""

import numpy as np
from sklearn.utils import _safe_indexing
from torch.utils.data import Dataset, Subset

from ._base import BaseNoisyLabelEstimator
from .methods import check_trusted_rows, resolve_method


class NoisyLabelDetector(BaseNoisyLabelEstimator):
    """docs later"""

    def fit(self, X, y=None, *, trusted=None, sample_weight=None):
        self._check_parameters()
        method = resolve_method(self.method)
        data, classes, index = self._check_data(X, y, trusted, sample_weight)
        check_trusted_rows(method, data.trusted)
        evidence = self._collect(method, data, self._fixed_random_state(), joint=False)
        self._remember_rows(data, classes, index)
        self._judge(method, data, evidence)
        self._keep_net(data, evidence.state, evidence.history)
        return self

    def fit_predict(self, X, y=None, *, trusted=None, sample_weight=None):
        return self.fit(X, y, trusted=trusted, sample_weight=sample_weight).noise_mask_

    def fit_resample(self, X, y=None, *, trusted=None, sample_weight=None):
        self.fit(X, y, trusted=trusted, sample_weight=sample_weight)
        self.sample_indices_ = np.flatnonzero(~self.noise_mask_)
        if isinstance(X, Dataset):
            return Subset(X, self.sample_indices_.tolist()), self._given_labels[
                self.sample_indices_
            ]
        return _safe_indexing(X, self.sample_indices_), _safe_indexing(y, self.sample_indices_)
