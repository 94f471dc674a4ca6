"""GLC: the transition matrix from trusted rows."""

import numpy as np

from .._parameters import check_number
from ..training import Trainer
from ..transition import estimate_from_trusted
from ._base import LabelEvidence
from ._forward import TransitionStep, class_probabilities, evidence_by_matrix, train_first
from ._self_trust import TrustedMethod


class GLC(TrustedMethod):
    r"""Read the transition matrix off trusted rows, and correct the loss of the others by it.

    A first net is trained on the given labels of the rows that aren't trusted. What it says of the
    trusted rows, whose true classes are known, is the matrix:

    .. math:: C_{kj} = \frac{1}{|A_k|} \sum_{x \in A_k} p(\tilde y = j \mid x)

    with :math:`A_k` the trusted rows of class k. A fresh net learns from all rows: trusted ones
    have plain cross-entropy, the others :math:`-\log \sum_k p_k C_{k \tilde y}`, as in `Forward`.

    The label quality is the probability that the given label is the true one,
    :math:`p_{\tilde y} C_{\tilde y \tilde y} / \sum_k p_k C_{k \tilde y}`; a label is judged wrong
    below one half.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 1.3.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first training takes. Published: 1. A net that has
        learnt wrong labels by heart is too sure of itself on trusted rows too.

    Notes
    -----
    The criterion of the net is not used but in the first training. The published second net
    starts from the initial weights of the first; here each has its own.

    It fails where there are a handful of trusted rows per class: the matrix is their mean. Rows
    that stand in for trusted ones are easy ones, of which the first net is surer than of others,
    so the matrix shows less noise than there is.

    References
    ----------
    Hendrycks, Mazeika, Wilson and Gimpel, "Using Trusted Data to Train Deep Networks on Labels
    Corrupted by Severe Noise", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.1
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("glc", random_state=0).fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.8)
    True
    """

    name = "glc"
    cost = "1.3"
    choose_it = "you have trusted rows of every class, and wrong labels depend on the class"
    citation = (
        "Hendrycks, Mazeika, Wilson, Gimpel (2018). *Using Trusted Data to Train Deep Networks on "
        "Labels Corrupted by Severe Noise.* NeurIPS"
    )

    def __init__(self, *, self_trusted: float | None = None, training_share: float = 0.15) -> None:
        self.self_trusted = self_trusted
        self.training_share = training_share

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "training_share", 0, np.nextafter(1, 2), above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Read the matrix off the trusted rows, and train by it."""
        data = trainer.data
        first = train_first(trainer, self.training_share)
        rows = np.flatnonzero(data.trusted)
        matrix = estimate_from_trusted(first.predict(rows, class_probabilities), data.y[rows])
        run = trainer.new_run()
        run.fit(TransitionStep(run, matrix))
        return evidence_by_matrix(run, matrix, first.history() + run.history())
