"""What a fitted estimator has to hold and to answer."""

import inspect
import os
import pickle

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import clone
from torch import nn
from torch.utils.data import Dataset, Subset

import sknoisy
from sknoisy import RobustClassifier, _checkpoints
from sknoisy._labels import without_one_hot

from . import brought
from .observed import constructor_parameters

OWN_CLASSES = dict(inspect.getmembers(brought, inspect.isclass))


class Result:
    """A fitted estimator and what it was fitted on; its checks yield what is wrong."""

    def __init__(self, case, values, estimator, returned, folder):
        self.case = case
        self.values = values
        self.estimator = estimator
        self.returned = returned
        self.folder = folder
        self.y, labels = values.y, values.labels
        if case.entry == "fit_resample":
            # Samplers of imbalanced-learn take labels of one column per class too.
            self.y, labels = without_one_hot(values.y), without_one_hot(values.labels)
        self.labels = _plain_labels(labels)
        self.n_rows = len(self.labels)
        trusted = values.fit_params.get("trusted")
        self.trusted = np.zeros(self.n_rows, dtype=bool)
        if trusted is not None:
            self.trusted = np.asarray(trusted).astype(bool)

    def problems(self):
        yield from self._attributes()
        yield from self._verdict()
        yield from self._issues()
        yield from self._leftovers()
        yield from self._returned_value()
        yield from self._groups()
        yield from self._checkpoints()

    def _attributes(self):
        estimator, n_rows = self.estimator, self.n_rows
        shapes = {
            "noise_mask_": ((n_rows,), "b"),
            "label_quality_": ((n_rows,), "f"),
            "sample_weights_": ((n_rows,), "f"),
            "suggested_labels_": ((n_rows,), estimator.classes_.dtype.kind),
        }
        for name, (shape, kind) in shapes.items():
            value = getattr(estimator, name)
            if (
                not isinstance(value, np.ndarray)
                or value.shape != shape
                or value.dtype.kind != kind
            ):
                yield f"{name} is of another shape or dtype", repr(value)[:200]
        for name in ("label_quality_", "sample_weights_"):
            value = getattr(estimator, name)
            if np.isnan(value).any():
                yield f"NaN in {name}", f"in {np.isnan(value).sum()} of {n_rows} rows"
            elif value.min() < 0 or value.max() > 1:
                yield f"{name} outside of [0, 1]", f"from {value.min()} to {value.max()}"
        if not isinstance(estimator.threshold_, float) or not np.isfinite(estimator.threshold_):
            yield "threshold_ isn't a finite float", repr(estimator.threshold_)
        yield from self._sizes()

    def _sizes(self):
        estimator = self.estimator
        n_classes = len(estimator.classes_)
        matrix = estimator.transition_matrix_
        if matrix.shape != (n_classes, n_classes):
            yield "transition_matrix_ is of another shape", str(matrix.shape)
        elif not np.isfinite(matrix).all():
            yield "NaN in transition_matrix_", repr(matrix)
        elif matrix.min() < 0 or not np.allclose(matrix.sum(axis=1), 1, atol=1e-5):
            yield "rows of transition_matrix_ don't sum to one", repr(matrix.sum(axis=1))
        if set(np.unique(self.labels).tolist()) != set(estimator.classes_.tolist()):
            yield "classes_ aren't those of y", f"{estimator.classes_} and {np.unique(self.labels)}"
        if type(estimator.n_features_in_) is not int:
            yield "n_features_in_ isn't an int", repr(estimator.n_features_in_)
        has_epochs = bool(estimator.history_) or estimator.estimator is not None
        if not has_epochs or not all(isinstance(e, dict) for e in estimator.history_):
            yield "history_ isn't a list of dicts", repr(estimator.history_)[:200]
        if estimator.estimator is not None:
            yield from self._estimators()
            return
        state = estimator.net_.module_.state_dict().values()
        if any(torch.isnan(value).any() for value in state if value.is_floating_point()):
            yield "NaN in the weights of net_", ""

    def _estimators(self):
        estimator = self.estimator
        if hasattr(estimator, "net_"):
            yield "net_ beside an estimator", ""
        kind = type(estimator.estimator)
        # Of a booster the rounds that count are kept with it.
        kinds = {type(getattr(each, "booster", each)) for each in estimator.estimators_}
        if kinds != {kind}:
            yield "estimators_ aren't clones of the estimator", repr(estimator.estimators_)[:200]

    def _verdict(self):
        estimator = self.estimator
        mask, quality = estimator.noise_mask_, estimator.label_quality_
        for label in estimator.classes_:
            if mask[self.labels == label].all():
                yield "a class without kept row", repr(label)
        if mask[self.trusted].any():
            yield "a trusted row is flagged", str(np.flatnonzero(mask & self.trusted))
        if (estimator.sample_weights_[self.trusted] != 1).any():
            yield "the weight of a trusted row isn't 1", ""
        # Of a share that is asked for, ties at the threshold may be on either side of it.
        slack = 0.0 if estimator.contamination is None else 2e-9
        threshold = estimator.threshold_
        if slack:
            # Such a share is flagged by the method's own score.
            quality, threshold = estimator.evidence_.score, estimator.evidence_.threshold
        below = (quality < threshold - slack) & ~self.trusted
        above = quality > threshold + slack if slack else quality >= threshold
        if (mask & above).any():
            yield "a row above the threshold is flagged", str(np.flatnonzero(mask & above))
        spared = self.labels[below & ~mask]
        if len(set(spared.tolist())) < len(spared):
            yield "rows below the threshold aren't flagged", str(np.flatnonzero(below & ~mask))
        if not np.isin(estimator.suggested_labels_, estimator.classes_).all():
            yield "suggested labels that are no classes", repr(estimator.suggested_labels_)[:200]
        elif (estimator.suggested_labels_ != self.labels)[~mask].any():
            yield "another label is suggested for a row that isn't flagged", ""
        elif (estimator.suggested_labels_ == self.labels)[mask].any():
            yield "the given label is suggested for a flagged row", ""

    def _issues(self):
        estimator = self.estimator
        issues = estimator.get_label_issues()
        pairs = {
            "label_quality": estimator.label_quality_,
            "sample_weight": estimator.sample_weights_,
            "is_noise": estimator.noise_mask_,
            "suggested_label": estimator.suggested_labels_,
            "given_label": self.labels,
        }
        for column, values in pairs.items():
            is_number = values.dtype.kind == "f"
            if not np.array_equal(issues[column].to_numpy(), values, equal_nan=is_number):
                yield f"{column} of get_label_issues isn't the estimator's", ""
        ranks = issues["rank"].to_numpy()
        if sorted(ranks) != list(range(1, self.n_rows + 1)):
            yield "ranks aren't 1 to n", str(ranks)
        elif (np.diff(estimator.label_quality_[np.argsort(ranks)]) < 0).any():
            yield "ranks aren't in the order of quality", str(ranks)
        index = next(
            (
                v.index
                for v in (self.values.X, self.values.y)
                if isinstance(v, pd.DataFrame | pd.Series)
            ),
            None,
        )
        if index is not None and not issues.index.equals(index):
            yield "get_label_issues has another index", str(issues.index)

    def _leftovers(self):
        """Attributes that an earlier fit left."""
        estimator, X = self.estimator, self.values.X
        has_names = all(isinstance(c, str) for c in getattr(X, "columns", [0]))
        if hasattr(estimator, "feature_names_in_") != has_names:
            yield "feature_names_in_ without column names, or the other way round", ""
        has_final = getattr(estimator, "final_estimator", None) is not None or (
            isinstance(estimator, RobustClassifier)
            and estimator.estimator is not None
            and estimator.final not in ("method", "joint")
        )
        if hasattr(estimator, "final_estimator_") != has_final:
            yield "final_estimator_ without final_estimator, or the other way round", ""

    def _returned_value(self):
        mask, entry = self.estimator.noise_mask_, self.case.entry
        if entry == "fit" and self.returned is not self.estimator:
            yield "fit doesn't return the estimator", ""
        if entry == "fit_predict" and not np.array_equal(self.returned, mask):
            yield "fit_predict doesn't return the mask", ""
        if entry == "fit_resample":
            X, y = self.returned
            n_kept = _n_rows(X)
            if n_kept != (~mask).sum() or len(y) != (~mask).sum():
                yield "fit_resample returns another number of rows", f"{n_kept}, {len(y)}"
            is_subset = isinstance(X, Subset) and isinstance(self.values.X, Dataset)
            if (
                type(X) is not type(self.values.X)
                and not is_subset
                and not isinstance(self.values.X, np.memmap)
            ):
                yield "fit_resample returns X of another type", type(X).__name__

    def _groups(self):
        estimator, groups = self.estimator, self.values.fit_params.get("groups")
        if hasattr(estimator, "group_noise_rates_") != (groups is not None):
            yield "group_noise_rates_ without groups, or the other way round", ""
        elif groups is not None:
            rates = estimator.group_noise_rates_
            if not rates.between(0, 1).all() or len(rates) != len(pd.unique(np.asarray(groups))):
                yield "group_noise_rates_ aren't a share for each group", repr(rates)

    def _checkpoints(self):
        folder = self.values.params.get("checkpoint_dir")
        left = [] if folder is None else sorted(set(os.listdir(folder)) - {_checkpoints.LOCK})
        if left:
            yield "a fit that ended left checkpoints", ", ".join(left)

    def prediction_problems(self):
        estimator, X, n_rows = self.estimator, self.values.X, self.n_rows
        predicted = estimator.predict(X)
        if predicted.shape != (n_rows,) or not np.isin(predicted, estimator.classes_).all():
            yield "predict gives others than classes_", repr(predicted)[:200]
        if not hasattr(estimator, "predict_proba"):
            return
        probabilities = estimator.predict_proba(X)
        if probabilities.shape != (n_rows, len(estimator.classes_)):
            yield "predict_proba is of another shape", str(probabilities.shape)
        elif not np.isfinite(probabilities).all():
            yield (
                "NaN in predict_proba",
                f"in {(~np.isfinite(probabilities)).any(axis=1).sum()} rows",
            )
        elif not np.allclose(probabilities.sum(axis=1), 1, atol=1e-5):
            yield "rows of predict_proba don't sum to one", ""
        y = self.y
        if y is not None and not 0 <= estimator.score(X, y) <= 1:
            yield "score outside of [0, 1]", ""
        scores = estimator.score_labels(X, y)
        if scores.shape != (n_rows,) or not ((scores >= 0) & (scores <= 1)).all():
            yield "score_labels outside of [0, 1]", f"from {scores.min()} to {scores.max()}"
        noise = estimator.predict_noise(X, y)
        if noise.dtype != bool or not np.array_equal(noise, scores < estimator.threshold_):
            yield "predict_noise isn't score_labels below the threshold", ""

    def pickle_problems(self):
        # Modules such as numpy.random are accepted as random_state, but can't be pickled.
        if inspect.ismodule(self.estimator.random_state):
            return
        try:
            again = pickle.loads(pickle.dumps(self.estimator))
        except RuntimeError as error:
            # skorch's own nets of an unknown device can't be unpickled.
            if "device string" in str(error):
                return
            raise
        if not np.array_equal(again.predict(self.values.X), self.estimator.predict(self.values.X)):
            yield "a pickled copy predicts otherwise", ""
        fresh = clone(self.estimator)
        if set(vars(fresh)) != set(constructor_parameters(fresh)):
            yield "a clone of the fitted one is fitted", ""

    def save_problems(self):
        estimator, path = self.estimator, os.path.join(self.folder, "model.sknoisy")
        try:
            sknoisy.save(estimator, path)
        except TypeError as error:
            if "can't be saved" not in str(error):
                raise
            return
        net = getattr(estimator, "net", None)
        modules = {type(net).__name__: net} if isinstance(net, nn.Module) else OWN_CLASSES
        again = sknoisy.load(path, modules=modules)
        for name in ("noise_mask_", "label_quality_", "sample_weights_", "suggested_labels_"):
            if not np.array_equal(getattr(again, name), getattr(estimator, name)):
                yield f"{name} of a saved estimator is another", ""
        if not np.array_equal(again.predict(self.values.X), estimator.predict(self.values.X)):
            yield "a saved estimator predicts otherwise", ""


def _n_rows(X):
    if isinstance(X, dict):
        lengths = {_n_rows(values) for values in X.values()}
        return lengths.pop() if len(lengths) == 1 else lengths
    return X.shape[0] if sparse.issparse(X) else len(X)


def _plain_labels(labels):
    """Return labels of any kind as the array that the estimator should see."""
    if isinstance(labels, torch.Tensor):
        labels = labels.detach()
    labels = np.asarray(labels)
    labels = labels.reshape(len(labels))
    if labels.dtype == object and not isinstance(labels[0], str):
        labels = np.array(labels.tolist())
    return labels
