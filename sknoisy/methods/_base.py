"""The protocol of a method: a small estimator-like object that produces evidence."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator


@dataclass
class LabelEvidence:
    """What a method found out about each row.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
        How likely the given label is right, in [0, 1].
    weights : ndarray of shape (n_rows,)
        Weight of the row in training, in [0, 1].
    alternatives : ndarray of shape (n_rows,) of int
        Most likely class other than the given one.
    state : dict of Tensor
        Weights and buffers of the net that the method trained.
    history : list of dict
        What skorch recorded, one dict per epoch.
    details : dict
        What the method keeps beyond that.
    margins : ndarray of shape (n_rows,), default=None
        p(given) / (p(given) + p(best other class)) of the net in `state`, in [0, 1]; None: not
        known.
    """

    quality: np.ndarray
    weights: np.ndarray
    alternatives: np.ndarray
    state: dict
    history: list
    details: dict = field(default_factory=dict)
    margins: np.ndarray | None = None


class Method(BaseEstimator):
    """Base class of the methods; its hooks are the protocol.

    A subclass sets the class attributes and defines `detect`. Constructor parameters are
    searchable as `method__name`.
    """

    needs_trusted = False
    published_threshold = 0.5
    published_final = "joint"

    def check_parameters(self):
        """Raise a ValueError for a parameter out of range; called at the head of fit."""

    def detect(self, trainer, data):
        """Train, and return a `LabelEvidence`."""
        raise TypeError(f"{type(self).__name__} must define detect(trainer, data).")

    def train_joint(self, trainer, data, evidence):
        """Return the evidence whose `state` is the classifier that the method itself trains."""
        return evidence

    def requires_trusted_rows(self):
        """Return whether this object, with its parameters, needs trusted rows."""
        return self.needs_trusted


def margin_quality(run):
    """Return what the net says of each row's given label, and the best other class.

    The quality is p(given) / (p(given) + p(best other class)): below one half where the net
    predicts another class.
    """
    n_rows = run.data.n_rows
    quality = np.empty(n_rows)
    alternatives = np.empty(n_rows, dtype=np.int64)
    for batch, logits in run.predict_logits(np.arange(n_rows)):
        given = logits.gather(1, batch.y[:, None])[:, 0]
        best, other = logits.scatter(1, batch.y[:, None], float("-inf")).max(dim=1)
        rows = batch.rows.cpu().numpy()
        quality[rows] = (given - best).double().sigmoid().cpu().numpy()
        alternatives[rows] = other.cpu().numpy()
    return quality, alternatives
