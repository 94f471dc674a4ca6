"""RobustClassifier."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ._base import BaseNoisyLabelEstimator
from ._evidence import draw_seed
from ._validation import check_features
from .methods import CrossEntropy, check_trusted_rows, resolve_method
from .training import Trainer

FINALS = ("auto", "joint", "weight", "filter", "filter_weight")


class RobustClassifier(BaseNoisyLabelEstimator):
    """docs later"""

    def __init__(
        self,
        method="wrong_event",
        *,
        net=None,
        final="auto",
        final_estimator=None,
        threshold="auto",
        contamination=None,
        max_epochs=None,
        batch_size=None,
        lr=None,
        device="auto",
        memory=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            method,
            net=net,
            threshold=threshold,
            contamination=contamination,
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            device=device,
            memory=memory,
            random_state=random_state,
            verbose=verbose,
        )
        self.final = final
        self.final_estimator = final_estimator

    def fit(self, X, y=None, *, trusted=None, sample_weight=None):
        self._check_parameters()
        method = resolve_method(self.method)
        final = self._resolve_final(method)
        data, classes, index = self._check_data(X, y, trusted, sample_weight)
        check_trusted_rows(method, data.trusted)
        random_state = self._fixed_random_state()
        evidence = self._collect(method, data, random_state, joint=final == "joint")
        self._remember_rows(data, classes, index)
        self._judge(method, data, evidence)
        if self.final_estimator is not None:
            self._keep_net(data, evidence.state, evidence.history)
            self._fit_final_estimator(X, data, final)
        elif final == "joint":
            self._keep_net(data, evidence.state, evidence.history)
        else:
            self._fit_final_net(data, final, random_state)
        return self

    def _resolve_final(self, method):
        if self.final not in FINALS:
            raise ValueError(
                f"The 'final' parameter of RobustClassifier must be one of {FINALS}. "
                f"Got {self.final!r} instead."
            )
        if self.final_estimator is None:
            return method.published_final if self.final == "auto" else self.final
        if not is_classifier(self.final_estimator):
            raise TypeError(
                "The 'final_estimator' parameter of RobustClassifier must be a classifier. "
                f"Got {self.final_estimator!r} instead."
            )
        takes_weights = has_fit_parameter(self.final_estimator, "sample_weight")
        if self.final.endswith("weight") and not takes_weights:
            raise ValueError(
                f"final={self.final!r} needs a 'final_estimator' whose fit takes sample_weight. "
                f"Got {self.final_estimator!r}."
            )
        if self.final == "joint":
            raise ValueError(
                "final='joint' keeps the net that the method trained, so it excludes a "
                f"'final_estimator'. Got {self.final_estimator!r}."
            )
        return "filter" if self.final == "auto" else self.final

    def _fit_final_estimator(self, X, data, final):
        weights = self._final_weights(final, data)
        rows = np.flatnonzero(weights > 0)
        fit_params = {}
        if final.endswith("weight") or data.sample_weight is not None:
            fit_params["sample_weight"] = weights[rows]
        self.final_estimator_ = clone(self.final_estimator)
        self.final_estimator_.fit(_safe_indexing(X, rows), self._given_labels[rows], **fit_params)

    def _final_weights(self, final, data):
        """Return the weight of each row in the final training; 0: left out."""
        weights = np.ones(data.n_rows) if data.sample_weight is None else data.sample_weight
        if final.endswith("weight"):
            weights = weights * self.sample_weights_
        if final.startswith("filter"):
            weights = np.where(self.noise_mask_, 0.0, weights)
        return weights

    def _fit_final_net(self, data, final, random_state):
        weights = self._final_weights(final, data)
        data = replace(data, sample_weight=weights.astype(np.float32))
        seed = draw_seed(None if random_state is None else random_state + 1)
        trainer = Trainer(self.net, data, seed=seed, verbose=self.verbose, **self._settings())
        evidence = CrossEntropy().detect(trainer, data)
        self._keep_net(data, evidence.state, evidence.history)

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or torch Dataset
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        if self.final_estimator is None:
            return super().predict_proba(X)
        check_is_fitted(self)
        check_features(self, X, reset=False)
        return self.final_estimator_.predict_proba(X)

    def predict(self, X):
        """Return the class of each row, in the user's own labels.

        Parameters
        ----------
        X : array-like or torch Dataset
            Rows of the kind seen in fit.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        if self.final_estimator is None:
            return super().predict(X)
        check_is_fitted(self)
        check_features(self, X, reset=False)
        return self.final_estimator_.predict(X)
