"""T-Revision: importance reweighting by a transition matrix that is corrected in training."""

from typing import Literal

import torch
from numpy.typing import ArrayLike

from .._parameters import check_number
from ..training import Trainer
from ..transition import revise_transition_matrix
from ._base import LabelEvidence
from ._forward import TransitionMethod, estimate_matrix, evidence_by_matrix, train_first
from .ptd._ptd import ImportanceStep, RevisionStep


class TRevision(TransitionMethod):
    r"""Weigh rows by a transition matrix, and correct the matrix along with the net.

    A first short training on the given labels tells the transition matrix
    :math:`T_{ij} = P(\tilde y = j \mid y = i)`, unless the user gives it. The training goes on with
    importance weights,

    .. math::

       \ell = \beta(x) \, \mathrm{CE}(\tilde y), \qquad
       \beta(x) = \frac{p_{\tilde y}(x)}{\sum_i p_i(x) \, T_{i \tilde y}}

    which are constants for the net. In the last stage, the revision, a correction :math:`\Delta T`
    is learnt too, by the gradient that goes through :math:`\beta`. The rows of
    :math:`|T + \Delta T|` are scaled to sums of one. Trusted rows have weight one.

    The label quality is the probability that the given label is the true one,
    :math:`p_{\tilde y} T_{\tilde y \tilde y} / \sum_i p_i T_{i \tilde y}`, by the revised matrix; a
    label is judged wrong below one half.

    Needs nothing but the labels. Cost in multiples of plain training: 1.3.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes), default=None
        P(given class j | true class i) of rows that aren't trusted, classes in the order of
        `classes_`; it is revised as well. None: estimated.
    estimation : {"dual_t", "anchors", "hoc"}, default="dual_t"
        How the matrix is estimated, as for `Forward`; published: "anchors".
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first training takes; published: 20 of 420.
    revision_share : float in (0, 1), default=0.5
        Share of the epochs after the first training, as many as the net has, that the revision
        takes; published.
    revision_lr : float, default=1e-2
        Learning rate of :math:`\Delta T`, by Adam. The published one, 5e-7 for the net as well,
        moves nothing in trainings as short as these; the net keeps its own.

    Notes
    -----
    Each stage starts from the last net of the one before; published: from the best on held-out
    noisy labels. A criterion of the net's own takes the place of the cross-entropy.

    In the published code the net's gradient goes through :math:`\beta` in the revision, at a
    learning rate at which that doesn't matter. At a usual one it leads the net astray: a row's
    weight times its loss vanishes as well where its label becomes impossible.

    Estimated matrices are made to have the right label as the commonest one of each class, as for
    `Forward`. It fails where that estimate is far off; and it delays the learning of wrong labels
    by heart rather than preventing it: of the 64 pixels of 1,200 digits a net learns no better by
    it than plainly.

    References
    ----------
    Xia, Liu, Wang, Han, Gong, Niu and Sugiyama, "Are Anchor Points Really Indispensable in
    Label-Noise Learning?", NeurIPS 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = make_blobs(1000, centers=3, random_state=0)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("t_revision", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "t_revision"
    cost = "1.3"
    choose_it = 'as `"forward"`, where an estimate of the transition matrix is doubtful'
    citation = (
        "Xia, Liu, Wang, Han, Gong, Niu, Sugiyama (2019). *Are Anchor Points Really Indispensable "
        "in Label-Noise Learning?* NeurIPS"
    )

    def __init__(
        self,
        *,
        transition_matrix: ArrayLike | None = None,
        estimation: Literal["dual_t", "anchors", "hoc"] = "dual_t",
        training_share: float = 0.15,
        revision_share: float = 0.5,
        revision_lr: float = 1e-2,
    ) -> None:
        self.transition_matrix = transition_matrix
        self.estimation = estimation
        self.training_share = training_share
        self.revision_share = revision_share
        self.revision_lr = revision_lr

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "revision_share", 0, 1, above=True)
        check_number(self, "revision_lr", 0)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Settle the matrix after a first training, and train on with it in two stages."""
        matrix = self.checked_matrix(trainer.data.n_classes)
        first = train_first(trainer, self.training_share)
        if matrix is None:
            matrix = estimate_matrix(first, self.estimation)
        shared = SharedMatrix(torch.from_numpy(matrix).float().to(first.device))
        n_reweighted, n_revised = self._stage_lengths(trainer.max_epochs)
        second = trainer.new_run(state=first.state())
        second.fit(ImportanceStep(second, shared), max_epochs=n_reweighted)
        last = trainer.new_run(state=second.state())
        revising = MatrixRevisionStep(last, shared, self.revision_lr)
        last.fit(revising, max_epochs=n_revised)
        revised = shared.revised(revising.revision.detach()).double().cpu().numpy()
        history = first.history() + second.history() + last.history()
        return evidence_by_matrix(last, revised, history)

    def _stage_lengths(self, n_epochs):
        n_revised = max(1, round(self.revision_share * n_epochs))
        return max(1, n_epochs - n_revised), n_revised


class MatrixRevisionStep(RevisionStep):
    """Steps in which the net learns with constant weights, and the matrix through the weights.

    Were the net's gradient to go through the weights too, it would be led astray: a row's weight
    times its loss vanishes as well where its label becomes impossible.
    """

    def _weights(self, batch, logits):
        return super()._weights(batch, logits.detach())


class SharedMatrix:
    """One transition matrix for all rows, as the steps of `PTD` ask for those of each row.

    Parameters
    ----------
    matrix : Tensor of shape (n_classes, n_classes)
    """

    def __init__(self, matrix):
        self._matrix = matrix

    def revised(self, revision):
        """Return the matrix with a correction."""
        return revise_transition_matrix(self._matrix, revision)

    def columns(self, rows, y, revision=None):
        """Return P(given label y | each true class) of some rows, shape (n_rows, n_classes)."""
        matrix = self._matrix if revision is None else self.revised(revision)
        return matrix[:, y].T
