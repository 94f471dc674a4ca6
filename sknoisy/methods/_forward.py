"""Forward correction: cross-entropy with what a transition matrix makes of the prediction."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn.functional import cross_entropy

from .._parameters import check_choice, check_number
from .._typing import FloatArray, History
from ..losses import forward_corrected, posterior_of_given
from ..training import Step, Trainer, last_layer_inputs
from ..transition import (
    check_transition_matrix,
    estimate_dual_t,
    estimate_from_anchors,
    estimate_from_features,
    make_dominant,
)
from ._base import LabelEvidence, Method
from ._self_trust import untrusted_rows

ESTIMATIONS = ("dual_t", "anchors", "hoc")


class TransitionMethod(Method):
    """Base class of methods that learn by one transition matrix, given or estimated.

    A subclass has the parameters `transition_matrix`, `estimation` and `training_share`.
    """

    needs = "the labels only; or a known transition matrix as well"

    def check_parameters(self) -> None:
        check_choice(self, "estimation", ESTIMATIONS)
        check_number(self, "training_share", 0, np.nextafter(1, 2), above=True)
        # Whether it is one; for how many classes it must be is known later.
        matrix = self.transition_matrix
        has_rows = hasattr(matrix, "__len__") and getattr(matrix, "shape", None) != ()
        self.checked_matrix(len(matrix) if has_rows else 1)

    def checked_matrix(self, n_classes: int) -> FloatArray | None:
        """Return the user's matrix as floats; None if there is none."""
        if self.transition_matrix is None:
            return None
        return check_transition_matrix(self.transition_matrix, n_classes, self)

    def settle_matrix(self, trainer: Trainer) -> tuple[FloatArray, History]:
        """Return the transition matrix, and the history of the training that it took."""
        matrix = self.checked_matrix(trainer.data.n_classes)
        if matrix is not None:
            return matrix, []
        first = train_first(trainer, self.training_share)
        return estimate_matrix(first, self.estimation), first.history()


class Forward(TransitionMethod):
    r"""Learn so that the prediction, sent through a transition matrix, fits the given labels.

    .. math:: \ell = -\log \sum_i p_i(x) \, T_{i \tilde y}, \qquad
       T_{ij} = P(\tilde y = j \mid y = i)

    so that p itself is the prediction of the true class. The matrix is the user's, or a first short
    training on the given labels tells it. Trusted rows have plain cross-entropy.

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
        How the matrix is estimated. "anchors", the published way, takes for each class what the
        first net says of the labels of one row that is nearly surely of the class. "dual_t" goes
        by way of the predicted classes, whose labels it counts; its errors are smaller. "hoc" asks
        how often a row and its two nearest rows, by what the last linear layer of the first net
        sees, have the same label.
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first training takes. Published: a whole training; but a
        net that has learnt wrong labels by heart knows nothing of noise.

    Notes
    -----
    The criterion of the net is not used but in the first training.

    An estimated matrix whose commonest label of a class isn't the right one is mixed with the
    identity until it is: a correction by it would exchange classes.

    It fails where the matrix is wrong: where no net finds the classes, where the noise depends on
    more than the class, and, with "hoc", where neighbours are of different classes. Long trainings
    learn wrong labels by heart even with the true matrix, only later.

    References
    ----------
    Patrini, Rozza, Menon, Nock and Qu, "Making Deep Neural Networks Robust to Label Noise: A Loss
    Correction Approach", CVPR 2017; Yao, Liu, Han, Gong, Deng, Niu and Sugiyama, "Dual T: Reducing
    Estimation Error for Transition Matrix in Label-noise Learning", NeurIPS 2020; Zhu, Song and
    Liu, "Clusterability as an Alternative to Anchor Points When Learning with Noisy Labels" (HOC),
    ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("forward", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.85)
    True
    """

    name = "forward"
    cost = "1.2"
    choose_it = "wrong labels depend on the class alone, or you know how often each is given"
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
    ) -> None:
        self.transition_matrix = transition_matrix
        self.estimation = estimation
        self.training_share = training_share

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Settle the matrix, and train by it."""
        matrix, history = self.settle_matrix(trainer)
        run = trainer.new_run()
        run.fit(TransitionStep(run, matrix))
        return evidence_by_matrix(run, matrix, history + run.history())


def train_first(trainer, share):
    """Return a net trained on rows that aren't trusted for a share of its epochs, at least one."""
    run = trainer.new_run()
    n_epochs = max(1, round(share * trainer.max_epochs))
    return run.fit(rows=untrusted_rows(run), max_epochs=n_epochs, stage="first_training")


def estimate_matrix(run, estimation):
    """Return the transition matrix by what a net has learnt of rows that aren't trusted."""
    rows, n_classes = untrusted_rows(run), run.data.n_classes
    given = run.data.y[rows]
    if estimation == "hoc":
        features = last_layer_inputs(run, rows)
        return make_dominant(estimate_from_features(features, given, n_classes, run.device))
    probabilities = run.predict(rows, class_probabilities)
    if estimation == "dual_t":
        return make_dominant(estimate_dual_t(probabilities, given))
    return make_dominant(estimate_from_anchors(probabilities))


def class_probabilities(batch, logits):
    """Return the class probabilities of each row; for `TrainingRun.predict`."""
    return logits.double().softmax(dim=1)


class TransitionStep(Step):
    """Steps on losses by one matrix; those of trusted rows are plain cross-entropy.

    Parameters
    ----------
    run : TrainingRun
    matrix : ndarray of shape (n_classes, n_classes)
        What `corrected` is given.
    corrected : callable, default=forward_corrected
        Makes the losses of logits, given labels and the matrix.
    """

    stage = "corrected_loss"

    def __init__(self, run, matrix, corrected=forward_corrected):
        super().__init__(run)
        self._matrix = torch.from_numpy(matrix).float().to(run.device)
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._corrected = corrected

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        plain = cross_entropy(logits, batch.y, reduction="none")
        corrected = self._corrected(logits, batch.y, self._matrix)
        return torch.where(self._trusted[batch.rows], plain, corrected), None, logits


def evidence_by_matrix(run, matrix, history):
    """Return the evidence of a net for the true classes, and of a transition matrix."""
    # Some devices have no float64.
    columns = torch.from_numpy(matrix).float().to(run.device)

    def posterior(batch, logits):
        return posterior_of_given(logits.float(), batch.y, columns[:, batch.y].T)

    quality = run.predict(np.arange(run.data.n_rows), posterior).astype(float)
    quality[run.data.trusted] = 1.0
    return LabelEvidence.of(run, quality, history=history, transition_matrix=matrix)
