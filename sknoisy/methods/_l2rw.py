"""L2RW: reweighting the rows of each batch by meta-gradients."""

from numbers import Integral

import numpy as np
import torch

from .._parameters import check_choice, check_number
from ..training import EXACT_GRADIENTS, batch_derivatives, resolve_gradient, trusted_gradient
from ._base import LabelEvidence, margin_quality
from ._late_mean import LateMean
from ._stand_ins import TrustedMethod


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

    published_threshold = 0.2
    published_final = "joint"

    def __init__(self, *, self_trusted=None, trusted_batch_size=100, gradient="auto"):
        self.self_trusted = self_trusted
        self.trusted_batch_size = trusted_batch_size
        self.gradient = gradient

    def check_parameters(self):
        super().check_parameters()
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_choice(self, "gradient", ("auto", *EXACT_GRADIENTS))

    def detect(self, trainer, data):
        """Train by the weights; the evidence is their mean over the later epochs."""
        data = self.with_trusted_rows(trainer, data)
        run = trainer.start(data=data, gradient=self.gradient)
        rows = untrusted_rows(run)
        steps = ReweightedSteps(run, np.flatnonzero(data.trusted), self)
        run.run(steps.train_batch, rows=rows, after_epoch=steps.quality.close_epoch)
        margins, alternatives = margin_quality(run)
        quality = steps.quality.values()
        quality = np.where(np.isnan(quality), margins, quality)
        quality[data.trusted] = 1.0
        return LabelEvidence(
            quality=quality,
            weights=np.minimum(quality / (1 - np.minimum(quality, 0.5)), 1.0),
            alternatives=alternatives,
            state=run.state(),
            history=run.history(),
            details={"trusted": data.trusted},
        )


def untrusted_rows(run):
    """Return the rows whose weight is learned; all rows if all or all but one are trusted."""
    rows = run.rows[~run.data.trusted[run.rows]]
    return rows if len(rows) > 1 else run.rows


class ReweightedSteps:
    """Steps on batches whose rows are weighed by what they would do for a trusted batch.

    Parameters
    ----------
    run : TrainingRun
    trusted_rows : ndarray of int
    method : L2RW
    """

    def __init__(self, run, trusted_rows, method):
        self._run = run
        self._gradient = resolve_gradient(method.gradient, run.device)
        self._trusted_batches = run.endless_batches(trusted_rows, method.trusted_batch_size)
        self.quality = LateMean(run)

    def train_batch(self, batch):
        run = self._run
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
        loss = run.gradient_step(losses, run.shares(batch.rows, weights), batch)
        relative = len(weights) * weights
        self.quality.record(batch.rows, relative / (1 + relative))
        return loss, logits.detach()


def normalized_weights(derivatives):
    """Return the positive derivatives, scaled to a sum of one; all zero if none is positive."""
    weights = derivatives.clamp_min(0)
    return weights / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
