"""Deep k-NN: labels that disagree with their neighbours in a net's outputs."""

from numbers import Integral
from typing import Literal

import numpy as np

from .._parameters import check_choice, check_number
from ..neighbors import count_votes, nearest_rows
from ..training import Trainer, last_layer_inputs, progress_task
from ._base import LabelEvidence, Method

FEATURES = ("logits", "last_layer")
PUBLISHED_SHARE = 0.01
MIN_NEIGHBORS = 50


class DeepKNN(Method):
    r"""Keep the rows whose label is the commonest one among their neighbours.

    A first net is trained on the given labels. Each row is compared with the :math:`k` rows that
    are nearest to it in the net's logits, by Euclidean distance and without itself; its label is
    judged wrong where another one is commoner among them. A fresh net learns from the other rows.

    With :math:`v_c` neighbours of class c, the label quality is
    :math:`v_y / (v_y + \max_{c \ne y} v_c)`, below one half where another class is commoner. Rows
    of equal votes are ordered by what the net says of them.

    Needs nothing but the labels. Cost in multiples of plain training: 1 for the detector, and one
    search for neighbours; the classifier up to 1 more.

    Parameters
    ----------
    n_neighbors : int, default=None
        None: a hundredth of the rows, as with the published 500 of 50,000, and at least 50. The
        paper finds the result much the same over a wide range.
    features : {"logits", "last_layer"}, default="logits"
        What rows are compared by: the logits, as published, or what the last linear layer sees.
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first net is trained for. The paper chooses its first
        net on clean validation rows; without these, one that has not yet learnt wrong labels by
        heart is had by an early end.

    Notes
    -----
    It fails where the first net has put wrong labels among their own kind: in a training so long
    that it knows them by heart, and under pair noise near one half. Classes with fewer rows than
    half of `n_neighbors` lose their rows to larger ones.

    References
    ----------
    Bahri, Jiang and Gupta, "Deep k-NN for Noisy Labels", ICML 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("deep_knn", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "deep_knn"
    cost = "detector: less than 1, and a search for neighbours; classifier: less than 1 more"
    choose_it = "to compare: rows are judged by their neighbours in a net trained on all labels"
    citation = "Bahri, Jiang, Gupta (2020). *Deep k-NN for Noisy Labels.* ICML"
    default_final = "filter"

    def __init__(
        self,
        *,
        n_neighbors: int | None = None,
        features: Literal["logits", "last_layer"] = "logits",
        training_share: float = 0.15,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.features = features
        self.training_share = training_share

    def check_parameters(self) -> None:
        check_number(self, "n_neighbors", 1, kind=Integral, optional=True)
        check_choice(self, "features", FEATURES)
        check_number(self, "training_share", 0, np.nextafter(1, 2), above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train the first net, and let neighbours vote."""
        run = trainer.new_run()
        n_epochs = max(1, round(self.training_share * trainer.max_epochs))
        run.fit(max_epochs=n_epochs, stage="first_training")
        every = np.arange(run.data.n_rows)
        if self.features == "logits":
            features = run.predict(every, lambda batch, logits: logits.float())
        else:
            features = last_layer_inputs(run, every)
        n_neighbors = self.n_neighbors or max(MIN_NEIGHBORS, round(PUBLISHED_SHARE * len(every)))
        with progress_task("neighbours"):
            nearest = nearest_rows(features, n_neighbors)
        votes = count_votes(run.data.y, run.data.n_classes, nearest)
        evidence = LabelEvidence.of(run)
        evidence.quality = vote_quality(votes, run.data.y, evidence.margins)
        evidence.weights = evidence.quality.copy()
        return evidence


def vote_quality(votes, codes, margins):
    """Return the label quality that votes of neighbours give, ties ordered by margins.

    Parameters
    ----------
    votes : ndarray of shape (n_rows, n_classes)
    codes : ndarray of int of shape (n_rows,)
        Given labels.
    margins : ndarray of shape (n_rows,)
        In [0, 1]; they count less than one vote.

    Returns
    -------
    ndarray of shape (n_rows,)
        Below one half where another class has more votes than the given one.

    Examples
    --------
    >>> import numpy as np
    >>> votes, codes = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0]]), np.zeros(3, dtype=int)
    >>> vote_quality(votes, codes, np.array([0.5, 0.0, 1.0])).round(2)
    array([0.7, 0.5, 0.4])
    """
    every = np.arange(len(codes))
    given = votes[every, codes]
    others = votes.copy()
    others[every, codes] = 0
    rivals = others.max(axis=1)
    quality = (given + margins) / (given + rivals + 1)
    keeps = given >= rivals
    return np.where(keeps, np.maximum(quality, 0.5), np.minimum(quality, np.nextafter(0.5, 0)))
