"""Backward correction: losses whose mean over the given label is that of the true one."""

import warnings
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .._parameters import check_number
from ..losses import backward_corrected
from ..training import Trainer
from ..transition import make_invertible
from ._base import LabelEvidence
from ._forward import TransitionMethod, TransitionStep, evidence_by_matrix


class Backward(TransitionMethod):
    r"""Learn by losses that are those of the true labels in the mean over the given ones.

    .. math:: \ell = \sum_j (T^{-1})_{\tilde y j} \, \ell_j, \qquad
       \ell_j = -\log \left((1 - s) \, p_j + \frac{s}{K} \right), \qquad
       T_{ij} = P(\tilde y = j \mid y = i)

    with s the `smoothing`. The matrix is the user's, or a first short training on the given labels
    tells it, as for "forward". Trusted rows have plain cross-entropy.

    The inverse has negative entries, so that a net is rewarded for being sure that a row is not of
    a class, without end unless the losses have a limit. And where it would be large, the matrix is
    mixed with the identity, with a warning.

    The label quality is the probability that the given label is the true one,
    :math:`p_{\tilde y} T_{\tilde y \tilde y} / \sum_i p_i T_{i \tilde y}`; a label is judged wrong
    below one half.

    Needs nothing but the labels. Cost in multiples of plain training: 1.2, and 1 with a given
    matrix.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes), default=None
        P(given class j | true class i) of rows that aren't trusted, classes in the order of
        `classes_`. None: estimated.
    estimation : {"dual_t", "anchors", "hoc"}, default="dual_t"
        How the matrix is estimated, as for `Forward`; published: "anchors".
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first training takes, as for `Forward`.
    max_condition : float, default=5.0
        Largest absolute row sum of the inverse, by which losses can grow. The paper proposes to mix
        with the identity, and leaves open how much.
    smoothing : float in [0, 1), default=0.5
        Share of the uniform distribution in the predictions that the losses see. Published: 0; but
        then short trainings on small tables are worse than plain ones.

    Notes
    -----
    The criterion of the net is not used but in the first training.

    What is right in the mean varies much from row to row. With many classes or much noise it learns
    wrong labels by heart sooner than "forward", which is the better of the two.

    References
    ----------
    Patrini, Rozza, Menon, Nock and Qu, "Making Deep Neural Networks Robust to Label Noise: A Loss
    Correction Approach", CVPR 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("backward", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.85)
    True
    """

    name = "backward"
    cost = "1.2"
    choose_it = 'to compare: the unbiased form of `"forward"`'
    citation = (
        "Patrini, Rozza, Menon, Nock, Qu (2017). *Making Deep Neural Networks Robust to Label "
        "Noise: A Loss Correction Approach.* CVPR"
    )

    def __init__(
        self,
        *,
        transition_matrix: ArrayLike | None = None,
        estimation: Literal["dual_t", "anchors", "hoc"] = "dual_t",
        training_share: float = 0.15,
        max_condition: float = 5.0,
        smoothing: float = 0.5,
    ) -> None:
        self.transition_matrix = transition_matrix
        self.estimation = estimation
        self.training_share = training_share
        self.max_condition = max_condition
        self.smoothing = smoothing

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "max_condition", 1)
        check_number(self, "smoothing", 0, 1)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Settle the matrix, and train by its inverse."""
        matrix, history = self.settle_matrix(trainer)
        invertible, share = make_invertible(matrix, max_condition=self.max_condition)
        if share:
            warnings.warn(
                f"The inverse of the transition matrix is too large: the method Backward mixes "
                f"the matrix with the identity, whose share is {share:.2f}. Raise max_condition "
                f"from {self.max_condition:g} to mix less, or use 'forward', which needs no "
                "inverse.",
                UserWarning,
                stacklevel=2,
            )
        run = trainer.new_run()
        run.fit(TransitionStep(run, np.linalg.inv(invertible), self._losses))
        return evidence_by_matrix(run, matrix, history + run.history())

    def _losses(self, logits, y, inverse):
        """Return the corrected losses of predictions that are mixed with the uniform one."""
        probabilities = logits.softmax(dim=1)
        uniform = 1 / probabilities.shape[1]
        mixed = probabilities + self.smoothing * (uniform - probabilities)
        return backward_corrected(mixed.log(), y, inverse)
