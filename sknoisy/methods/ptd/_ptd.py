"""PTD: part-dependent transition matrices, with reweighting and revision."""

from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from ..._parameters import check_number
from ...losses import importance_weights, posterior_of_given
from ...training import Step, Trainer, last_layer_inputs, progress_task
from ...transition import anchor_rows
from .._base import LabelEvidence, Method
from ._part_dependent import PartMatrices, fit_part_matrices, part_shares


class PTD(Method):
    r"""Correct the loss by a transition matrix of each row, a mixture of those of its parts.

    A first short training gives features and the probabilities of the given labels. The features
    are factorised into non-negative parts, so that row x has shares :math:`w_j(x)` that sum to one.
    Each part has a transition matrix :math:`P_j`, fitted to rows that are nearly sure to be of a
    class, and the row's matrix is :math:`T(x) = \sum_j w_j(x) P_j`. The training goes on with
    importance weights,

    .. math::

       \ell = \beta(x) \, \mathrm{CE}(\tilde y), \qquad
       \beta(x) = \frac{p_{\tilde y}(x)}{\sum_i p_i(x) \, T_{i \tilde y}(x)}

    with p the net's probabilities. These weights are constants in the second stage. In the third,
    the revision, the gradient goes through :math:`\beta` too, and a correction :math:`\Delta T` of
    all matrices is learnt with the net.

    The label quality is the probability that the given label is the true one,
    :math:`p_{\tilde y} T_{\tilde y \tilde y} / \sum_i p_i T_{i \tilde y}`; a label is judged wrong
    below one half.

    Needs nothing but the labels. Cost in multiples of plain training: 1, and some 1.5 for small
    nets, since every step needs the transition matrices of its rows.

    Parameters
    ----------
    n_parts : int, default=10
        Published: 20 for CIFAR-10, 10 for smaller images.
    warmup : float in (0, 1), default=0.05
        Share of the epochs of the first stage; published: 5 of 105.
    correction : float in (0, 1), default=0.3
        Share of the second stage; published: 50 of 105. The revision has the rest. It is what
        makes the net robust.
    revision_lr : float, default=1e-3
        Learning rate of :math:`\Delta T`, by Adam. The published one, 5e-7, for the net as well,
        moves neither in trainings as short as these; here the net keeps its own.
    max_iter : int, default=50
        Iterations of the factorisation; published: 10 of a simpler kind.

    Notes
    -----
    It takes the probabilities of the first training for granted. Where that is too short to be
    sure of anything, as on small tables, where it has learnt wrong labels by heart, or where a
    rare class has no row that is surely of it, the matrices are wrong, and PTD is worse than plain
    training: so on most small tables. On images it is better.

    Published nets are the best of each stage on held-out noisy labels; here it is the last.

    References
    ----------
    Xia, Liu, Han, Wang, Gong, Liu, Niu, Tao and Sugiyama, "Part-dependent Label Noise: Towards
    Instance-dependent Label Noise", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_instance_dependent
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_instance_dependent(X, y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("ptd", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.8)
    True
    """

    name = "ptd"
    cost = "1.5 for a small net"
    choose_it = (
        "to compare: a transition matrix for each row, where wrong labels depend on what a row "
        "looks like"
    )
    citation = (
        "Xia, Liu, Han, Wang, Gong, Liu, Niu, Tao, Sugiyama (2020). *Part-dependent Label Noise: "
        "Towards Instance-dependent Label Noise.* NeurIPS"
    )

    # Parts and anchors of few rows are poor ones.
    holdout = 0.0

    def __init__(
        self,
        *,
        n_parts: int = 10,
        warmup: float = 0.05,
        correction: float = 0.3,
        revision_lr: float = 1e-3,
        max_iter: int = 50,
    ) -> None:
        self.n_parts = n_parts
        self.warmup = warmup
        self.correction = correction
        self.revision_lr = revision_lr
        self.max_iter = max_iter

    def check_parameters(self) -> None:
        check_number(self, "n_parts", 1, kind=Integral)
        check_number(self, "warmup", 0, 1, above=True)
        check_number(self, "correction", 0, 1, above=True)
        check_number(self, "revision_lr", 0)
        check_number(self, "max_iter", 1, kind=Integral)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Estimate the matrices after a first training, and train on with them."""
        warmup, correction, revision = self._stage_lengths(trainer.max_epochs)
        first = trainer.new_run().fit(max_epochs=warmup, stage="warmup")
        with progress_task("parts"):
            parts = self._estimate(trainer, first)
        second = trainer.new_run(state=first.state())
        second.fit(ImportanceStep(second, parts), max_epochs=correction)
        last = trainer.new_run(state=second.state())
        revising = RevisionStep(last, parts, self.revision_lr)
        last.fit(revising, max_epochs=revision)
        history = first.history() + second.history() + last.history()
        return self._evidence(last, parts, revising.revision.detach(), history)

    def _stage_lengths(self, n_epochs):
        warmup = max(1, round(self.warmup * n_epochs))
        correction = max(1, round(self.correction * n_epochs))
        return warmup, correction, max(n_epochs - warmup - correction, 1)

    def _estimate(self, trainer, run):
        every = np.arange(run.data.n_rows)
        shares = part_shares(
            last_layer_inputs(run, every),
            self.n_parts,
            max_iter=self.max_iter,
            random_state=trainer.random_state(),
        )
        probabilities = run.predict(every, class_probabilities)
        given = run.data.y[run.rows]
        given_shares = np.bincount(given, minlength=run.data.n_classes) / len(given)
        anchors = anchor_rows(probabilities, given_shares, shares.shape[1])
        matrices = fit_part_matrices(shares[anchors], probabilities[anchors])
        tensors = (torch.from_numpy(part).float().to(run.device) for part in (shares, matrices))
        return PartMatrices(*tensors)

    def _evidence(self, run, parts, revision, history):
        every = np.arange(run.data.n_rows)

        def shares_of_given(batch, logits):
            columns = parts.columns(batch.rows, batch.y, revision)
            return posterior_of_given(logits, batch.y, columns).double()

        quality = run.predict(every, shares_of_given)
        probabilities = torch.from_numpy(run.predict(every, class_probabilities))
        mean = parts.mean(probabilities.float().to(run.device))
        return LabelEvidence.of(
            run,
            quality,
            np.where(run.data.trusted, 1.0, quality),
            history=history,
            transition_matrix=mean.double().cpu().numpy(),
        )


class ImportanceStep(Step):
    """Steps with importance weights, which are constants."""

    stage = "importance_weights"
    revision: Tensor | None = None

    def __init__(self, run, parts):
        super().__init__(run)
        self._parts = parts
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)

    def losses(self, batch):
        run = self.run
        logits = run.logits(run.weak_view(batch.X))
        weights = self._weights(batch, logits)
        return run.row_losses(logits, batch.y) * weights, None, logits

    def _weights(self, batch, logits):
        with torch.no_grad():
            return self._importance(batch, logits)

    def _importance(self, batch, logits):
        columns = self._parts.columns(batch.rows, batch.y, self.revision)
        weights = importance_weights(logits, batch.y, columns)
        return torch.where(self._trusted[batch.rows], 1.0, weights)


class RevisionStep(ImportanceStep):
    """Steps that learn a correction of all matrices as well, with gradients through the weights."""

    stage = "revision"
    revision: Tensor

    def __init__(self, run, parts, lr):
        super().__init__(run, parts)
        n_classes = run.data.n_classes
        self.revision = torch.zeros((n_classes, n_classes), device=run.device, requires_grad=True)
        self._optimizer = torch.optim.Adam([self.revision], lr=lr)

    def optimizers(self):
        return (self._optimizer,)

    def _weights(self, batch, logits):
        return self._importance(batch, logits)


def class_probabilities(batch, logits):
    """Return the class probabilities of each row; for `TrainingRun.predict`."""
    return logits.double().softmax(dim=1)
