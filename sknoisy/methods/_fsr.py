"""FSR: rows that learn fast with the others stand in for trusted ones, and weigh all rows."""

from numbers import Integral
from typing import Any

import numpy as np
import torch

from .._parameters import check_choice, check_number
from ..training import (
    Step,
    Trainer,
    batch_derivatives,
    last_linear,
    losses_at,
    resolve_gradient,
    trusted_gradient,
)
from ._base import LabelEvidence, Method, compare_with_runner_up
from ._l2rw import normalized_weights
from ._late_epochs import LateMean

WARMUP_SHARE = 0.1


class FSR(Method):
    r"""Weigh rows by what they do for rows that the training itself has found to be good.

    A step on a batch with equal weights, of the last layer alone, leads from :math:`\Theta` to
    :math:`\hat\Theta`. How much it lowers a row's loss is the row's meta-margin

    .. math:: m_i = L_i(\Theta) - L_i(\hat\Theta)

    It is large where the other rows of the batch pull the same way, and small or below zero where
    a label contradicts them. The released training takes the first of the two losses of another
    row than the second, one that is mixed with others, so that rows differ by
    :math:`-L_i(\hat\Theta)` mostly; by default that ranks them here. Of each given class, the rows
    of the largest moving average wait in a queue; a batch from the queues does what a trusted batch
    does in `L2RW`:

    .. math:: w_i \propto \max(g_r^\top g_i, 0)

    with :math:`g_r` the gradient of its loss at :math:`\hat\Theta`, and both gradients those of the
    last layer. The net learns from :math:`\sum_i w_i L_i` after a warm-up with equal weights.

    The paper judges no labels. What stands for a verdict is the net's share for the given label,
    :math:`p_{\tilde y} / (p_{\tilde y} + \max_{k \ne \tilde y} p_k)`, a mean over the later half of
    the epochs. The weights would be a worse one: most of those of right labels are zero, once these
    are learnt.

    Needs nothing but the labels. Cost in multiples of plain training: 2.4 to 3.

    Parameters
    ----------
    queue_share : float in (0, 1], default=0.3
        Share of the rows of each given class that wait in its queue. Published: 2000 rows of a
        class, 40 % of those of CIFAR-10.
    reward_batch_size : int, default=100
        Rows from the queues in a step. Published: 200.
    momentum : float in [0, 1), default=0.9
        Share of the old meta-margin that a visit keeps. Published.
    step_size : float, default=0.1
        Of the step ahead. Published.
    ranking : {"loss", "margin"}, default="loss"
        By which rows come into the queues: a small loss after the step, as the released training
        comes to, or the meta-margin of the paper's formula. That one hardly tells right labels from
        wrong ones on tables.

    Notes
    -----
    The queues are filled anew at the end of each epoch; the published ones in each step. The step
    ahead is a plain one, without the published momentum. Left out are mixup, the loss by pseudo
    labels and the averaged weights, which the published training adds to the weights.

    Where the module has no linear layer, the last one that has parameters counts as the last
    layer. Trusted rows are always in the queues, and weigh one.

    It fails where most labels of a class are wrong: its queue is then full of these. Right labels
    that are learnt already have small gradients, and so little weight. Rare kinds of rows within a
    class don't learn from the others, and don't come into the queue. Where classes differ much in
    size, too many rows are given to the rare ones.

    References
    ----------
    Zhang and Pfister, "Learning Fast Sample Re-weighting Without Reward Data", ICCV 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("fsr", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.8)
    True
    """

    name = "fsr"
    cost = "2.4 to 3"
    choose_it = "to compare: rows that learn fast stand in for trusted ones"
    citation = (
        "Zhang, Pfister (2021). *Learning Fast Sample Re-weighting Without Reward Data.* ICCV"
    )

    def __init__(
        self,
        *,
        queue_share: float = 0.3,
        reward_batch_size: int = 100,
        momentum: float = 0.9,
        step_size: float = 0.1,
        ranking: str = "loss",
    ) -> None:
        self.queue_share = queue_share
        self.reward_batch_size = reward_batch_size
        self.momentum = momentum
        self.step_size = step_size
        self.ranking = ranking

    def check_parameters(self) -> None:
        check_number(self, "queue_share", 0, np.nextafter(1, 2), above=True)
        check_number(self, "reward_batch_size", 1, kind=Integral)
        check_number(self, "momentum", 0, 1)
        check_number(self, "step_size", 0, above=True)
        check_choice(self, "ranking", ("loss", "margin"))

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train by the weights; the evidence is what it predicted in the later epochs."""
        run = trainer.new_run(gradient="auto")
        step = FastReweightingStep(run, self)
        run.fit(step)
        quality = step.quality.values()
        quality[run.data.trusted] = 1.0
        return LabelEvidence.of(run, quality)


class FastReweightingStep(Step):
    """Steps on batches whose rows are weighed by what they would do for the queued rows.

    Parameters
    ----------
    run : TrainingRun
    method : FSR
    """

    stage = "warmup"

    def __init__(self, run, method):
        super().__init__(run)
        self._method = method
        self._gradient = resolve_gradient("auto", run.device)
        self._layer = last_layer_names(run)
        self._n_warmup = max(1, round(WARMUP_SHARE * run.net.max_epochs))
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._margins = run.row_state.create("meta margin")
        self._reward_batches: Any = None
        self.quality = LateMean(run, "quality")

    def losses(self, batch):
        run = self.run
        randomness = run.randomness.state()
        X = run.weak_view(batch.X)
        logits = run.logits(X)
        losses = run.row_losses(logits, batch.y)
        ahead = self._step_ahead(batch, losses)
        self._follow_margins(batch, X, losses, ahead, randomness)
        shares, _ = compare_with_runner_up(batch, logits.detach())
        self.quality.record(batch.rows, shares.float())
        if self._reward_batches is None:
            return losses, None, logits
        weights = self._weights(batch, X, losses, ahead, randomness)
        return losses, weights, logits

    def end_epoch(self, epoch):
        self.quality.end_epoch(epoch)
        if epoch + 1 < self._n_warmup:
            return
        self.stage = "reweighting"
        rows = queued_rows(
            self._margins.cpu().numpy(),
            self.run.data.y,
            self.run.rows,
            self._method.queue_share,
            self.run.data.trusted,
        )
        self._reward_batches = self.run.endless_batches(rows, self._method.reward_batch_size)

    def _step_ahead(self, batch, losses):
        """Return the parameters after a step of the last layer on the batch, weighed equally."""
        run = self.run
        values = dict(zip(run.names, run.parameters, strict=True))
        gradients = torch.autograd.grad(
            losses,
            [values[name] for name in self._layer],
            run.loss_weights(batch.rows).to(losses.dtype),
            retain_graph=True,
            allow_unused=True,
        )
        ahead = {name: value.detach() for name, value in values.items()}
        for name, gradient in zip(self._layer, gradients, strict=True):
            if gradient is not None:
                ahead[name] = ahead[name] - self._method.step_size * gradient
        return ahead

    def _follow_margins(self, batch, X, losses, ahead, randomness):
        run = self.run
        after = losses_at(run, X, batch.y, ahead, randomness=randomness)
        before = losses.detach() if self._method.ranking == "margin" else 0.0
        margins = (before - after).float()
        kept = self._margins[batch.rows]
        self._margins[batch.rows] = kept.lerp(margins, 1 - self._method.momentum)

    def _weights(self, batch, X, losses, ahead, randomness):
        run = self.run
        tangent = trusted_gradient(run, next(self._reward_batches), ahead, names=self._layer)
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
        trusted = self._trusted[batch.rows]
        return torch.where(trusted, weights.clamp_min(1 / len(weights)), weights)


def last_layer_names(run):
    """Return the names of the trainable parameters of the last layer of a run's module."""
    layer = last_linear(run.module)
    own = set() if layer is None else set(layer.parameters())
    named = list(zip(run.names, run.parameters, strict=True))
    names = [name for name, value in named if value in own]
    if names:
        return names
    prefix = run.names[-1].rpartition(".")[0]
    return [name for name in run.names if name.rpartition(".")[0] == prefix]


def queued_rows(margins, codes, rows, share, trusted):
    """Return the rows of the largest margins of each class, and those that are trusted.

    Parameters
    ----------
    margins, codes, trusted : ndarray of shape (n_rows,)
    rows : ndarray of int
        To choose from.
    share : float
        Of the rows of each class; at least one is taken.

    Examples
    --------
    >>> import numpy as np
    >>> margins, codes = np.array([0.1, 0.3, 0.2, 0.5, 0.4]), np.array([0, 0, 0, 1, 1])
    >>> queued_rows(margins, codes, np.arange(5), 0.5, np.zeros(5, dtype=bool))
    array([1, 2, 3])
    """
    is_queued = np.zeros(len(margins), dtype=bool)
    for code in np.unique(codes[rows]):
        own = rows[codes[rows] == code]
        order = own[np.argsort(-margins[own], kind="stable")]
        is_queued[order[: max(1, round(share * len(own)))]] = True
    is_queued[rows[trusted[rows]]] = True
    return np.flatnonzero(is_queued)
