"""L2RW: reweighting the rows of each batch by meta-gradients."""

from numbers import Integral

import numpy as np
import torch

from .._parameters import check_choice, check_number
from ..training import (
    EXACT_GRADIENTS,
    Step,
    Trainer,
    batch_derivatives,
    resolve_gradient,
    trusted_gradient,
)
from ._base import LabelEvidence
from ._late_epochs import LateMean
from ._self_trust import TrustedMethod, untrusted_rows


class L2RW(TrustedMethod):
    r"""Weigh each row of a batch by how far a step on it alone would help a trusted batch.

    .. math:: \tilde w_i = \max(g_c^\top g_i, 0), \qquad w_i = \tilde w_i / \sum_j \tilde w_j

    with :math:`g_i` the gradient of row i's loss and :math:`g_c` that of a trusted batch, both at
    the parameters as they are (the weights that the step starts from are 0). The net learns from
    :math:`\sum_i w_i L_i`; it doesn't learn from the trusted rows themselves. Nothing is
    remembered between visits: the label quality is the mean over the later half of the epochs of
    :math:`n w_i / (1 + n w_i)`, one half for a row of average weight.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 2.3 per step
    with as many trusted rows as others in a batch.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    trusted_batch_size : int, default=100
        Trusted rows per step, as in the published code.
    gradient : str, default="auto"
        How :math:`g_c^\top g_i` is computed: "finite_difference", "forward" or "double_backward",
        see `LSW`. "auto": finite differences on a CPU, "forward" elsewhere.
    record_epochs : bool, default=False
        Keep what each epoch made of each row, :math:`n w_i / (1 + n w_i)` at its visit, as
        `evidence_["by_epoch"]`, an array (n_epochs, n_rows) of float32: 4 bytes per row and epoch.
        NaN for rows not trained on.

    Notes
    -----
    The paper has no rule for a verdict. Rows whose mean quality is below 0.2 are flagged here: a
    row's weight was below a quarter of the average, or zero in most epochs. On right labels,
    which a net soon fits, most weights become zero, and most rows are flagged: use it where there
    is noise, and give its share as `contamination` where that is known.

    References
    ----------
    Ren, Zeng, Yang and Urtasun, "Learning to Reweight Examples for Robust Deep Learning",
    ICML 2018.

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
    >>> detector = NoisyLabelDetector("l2rw", random_state=0).fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.8)
    True
    """

    name = "l2rw"
    cost = "2.5"
    choose_it = "to compare: it weighs rows by what a step does for the trusted ones"
    citation = (
        "Ren, Zeng, Yang, Urtasun (2018). *Learning to Reweight Examples for Robust Deep "
        "Learning.* ICML"
    )
    default_threshold = 0.2

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        trusted_batch_size: int = 100,
        gradient: str = "auto",
        record_epochs: bool = False,
    ) -> None:
        self.self_trusted = self_trusted
        self.trusted_batch_size = trusted_batch_size
        self.gradient = gradient
        self.record_epochs = record_epochs

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_choice(self, "record_epochs", (True, False))
        check_choice(self, "gradient", ("auto", *EXACT_GRADIENTS))

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train by the weights; the evidence is their mean over the later epochs."""
        run = trainer.new_run(gradient=self.gradient)
        step = ReweightingStep(run, np.flatnonzero(run.data.trusted), self)
        run.fit(step, rows=untrusted_rows(run))
        quality, by_epoch = step.quality.values(), step.quality.by_epoch()
        evidence = LabelEvidence.of(run, quality, by_epoch=by_epoch)
        evidence.quality[run.data.trusted] = 1.0
        quality = evidence.quality
        evidence.weights = np.minimum(quality / (1 - np.minimum(quality, 0.5)), 1.0)
        return evidence


class ReweightingStep(Step):
    """Steps on batches whose rows are weighed by what they would do for a trusted batch.

    Parameters
    ----------
    run : TrainingRun
    trusted_rows : ndarray of int
    method : L2RW
    """

    stage = "reweighting"

    def __init__(self, run, trusted_rows, method):
        super().__init__(run)
        self._gradient = resolve_gradient(method.gradient, run.device)
        self._trusted_batches = run.endless_batches(trusted_rows, method.trusted_batch_size)
        self.quality = LateMean(run, "quality", record_epochs=method.record_epochs)

    def losses(self, batch):
        run = self.run
        tangent = trusted_gradient(run, next(self._trusted_batches))
        randomness = run.randomness.state()
        X = run.weak_view(batch.X)
        logits = run.logits(X)
        losses = run.row_losses(logits, batch.y)
        derivatives = batch_derivatives(
            run,
            X,
            batch.y,
            tangent,
            losses=losses,
            randomness=randomness,
            gradient=self._gradient,
        )
        weights = normalized_weights(derivatives)
        relative = len(weights) * weights
        self.quality.record(batch.rows, relative / (1 + relative))
        return losses, weights, logits

    def end_epoch(self, epoch):
        self.quality.end_epoch(epoch)


def normalized_weights(derivatives):
    """Return the positive derivatives, scaled to a sum of one; all zero if none is positive."""
    weights = derivatives.clamp_min(0)
    return weights / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
