"""IEG: trusted rows choose the weight of each row, and its label or the net's guess."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import one_hot

from .. import losses
from .._parameters import check_choice, check_number
from ..training import (
    EXACT_GRADIENTS,
    Step,
    Trainer,
    log_probability_derivatives,
    resolve_gradient,
    trusted_gradient,
)
from ._base import LabelEvidence
from ._l2rw import normalized_weights
from ._late_epochs import LateMean
from ._self_trust import TrustedMethod, untrusted_rows

MARGIN_SHARE = 0.01


class IEG(TrustedMethod):
    r"""Let trusted rows choose how much a row counts, and whether its label or a guess serves.

    The net's guess :math:`g_i` is its mean prediction of two views, sharpened. In each step

    1. it looks where a step on the targets :math:`t_i = \lambda_0 e_{\tilde y_i} +
       (1 - \lambda_0) g_i` would lead, and takes the gradient :math:`g_c` of the loss of a trusted
       batch there;
    2. one directional derivative of the log-probabilities of all classes,
       :math:`d_{ik} = g_c^\top \nabla \log p_{ik}`, tells what each target would do for the
       trusted loss:

       .. math:: w_i \propto \max\Big(-\sum_k t_{ik} d_{ik}, 0\Big), \qquad
          \lambda_i = 1\Big[\sum_k (e_{\tilde y_i} - g_i)_k \, d_{ik} < 0\Big]

       the weight of the row, and whether the label serves better than the guess;
    3. it learns from

       .. math:: \tfrac12 \Big( \tfrac1n \sum_i \ell(\lambda_i e_{\tilde y_i} + (1 - \lambda_i) g_i)
          + \sum_i w_i \, \ell(t_i) \Big) + p \, \ell_\mathrm{mixed}
          + k \, \tfrac1n \sum_i \mathrm{KL}(p_i \,\|\, p_i')

       where trusted rows with their labels and the others with their guesses are mixed with one
       another, and p' is the prediction of the second view.

    The paper judges no labels. What stands for a verdict is the share that the given label had in
    the target :math:`\lambda_i e_{\tilde y_i} + (1 - \lambda_i) g_i`, a mean over the later half of
    the epochs. It is near one where the guess agrees, whatever was chosen.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 3 to 6, the more
    the more trusted rows there are in a batch.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    trusted_batch_size : int, default=100
        Trusted rows per step, as in the published code.
    label_share : float in [0, 1], default=0.9
        The share :math:`\lambda_0`. Published.
    temperature : float, default=0.5
        Of the guess; published. Below 1 sharpens.
    mixed_weight : float, default=5.0
        The factor p. Published.
    consistency : float, default=20.0
        The factor k. Published.
    alpha : float, default=1.0
        Shape of the beta distribution of mixtures.
    gradient : str, default="auto"
        How :math:`d_{ik}` is computed; see `L2RW`.

    Notes
    -----
    The look ahead is a plain gradient step by the net's learning rate; the published one has a
    fixed rate and momentum. Left out are the scaling of logits before the guess, the averaged
    weights, and the learned policy of strong views: the second view is the `strong_view` of the
    net. A net without one compares predictions under two draws of its dropout, and one without
    dropout compares equal predictions, so that the last term is zero.

    It fails where trusted rows are few: after some epochs their loss is near zero, and its gradient
    says little of others. Where the net guesses wrongly, as in a class that is nearly always taken
    for another one, label and guess are wrong alike.

    References
    ----------
    Zhang, Zhang, Arik, Lee and Pfister, "Distilling Effective Supervision from Severe Label Noise",
    CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.1
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("ieg", max_epochs=20, random_state=0)
    >>> detector = detector.fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.9)
    True
    """

    name = "ieg"
    mixes_rows = True
    cost = "3 to 6"
    choose_it = "to compare: trusted rows choose between a row's label and the net's guess"
    citation = (
        "Zhang, Zhang, Arik, Lee, Pfister (2020). *Distilling Effective Supervision from Severe "
        "Label Noise.* CVPR"
    )

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        trusted_batch_size: int = 100,
        label_share: float = 0.9,
        temperature: float = 0.5,
        mixed_weight: float = 5.0,
        consistency: float = 20.0,
        alpha: float = 1.0,
        gradient: str = "auto",
    ) -> None:
        self.self_trusted = self_trusted
        self.trusted_batch_size = trusted_batch_size
        self.label_share = label_share
        self.temperature = temperature
        self.mixed_weight = mixed_weight
        self.consistency = consistency
        self.alpha = alpha
        self.gradient = gradient

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_number(self, "label_share", 0, np.nextafter(1, 2))
        check_number(self, "temperature", 0, above=True)
        check_number(self, "mixed_weight", 0)
        check_number(self, "consistency", 0)
        check_number(self, "alpha", 0, above=True)
        check_choice(self, "gradient", ("auto", *EXACT_GRADIENTS))

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train; the evidence is the label's share in the targets of the later epochs."""
        run = trainer.new_run(gradient=self.gradient)
        trusted = run.data.trusted
        step = EffectiveSupervisionStep(run, np.flatnonzero(trusted), self, trainer.random_state())
        run.fit(step, rows=untrusted_rows(run))
        evidence = LabelEvidence.of(run, step.label_share.values())
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        evidence.quality[trusted] = 1.0
        return evidence


class Supervision(NamedTuple):
    """What a trusted batch tells of another one.

    Parameters
    ----------
    X : Tensor
        The weak view.
    logits, other_logits : Tensor of shape (n_rows, n_classes)
        Of both views.
    guesses : Tensor of shape (n_rows, n_classes)
    losses : Tensor of shape (n_rows,)
        Of the targets, before the choice.
    weights, is_label_better : Tensor of shape (n_rows,)
    """

    X: Any
    logits: torch.Tensor
    other_logits: torch.Tensor
    guesses: torch.Tensor
    losses: torch.Tensor
    weights: torch.Tensor
    is_label_better: torch.Tensor


class EffectiveSupervisionStep(Step):
    """Steps on batches whose weights and targets serve a trusted batch.

    Parameters
    ----------
    run : TrainingRun
    trusted_rows : ndarray of int
    method : IEG
    random_state : RandomState
        For the mixtures.
    """

    stage = "effective_supervision"

    def __init__(self, run, trusted_rows, method, random_state):
        super().__init__(run)
        self._method = method
        self._random_state = random_state
        self._gradient = resolve_gradient(method.gradient, run.device)
        self._trusted_batches = run.endless_batches(trusted_rows, method.trusted_batch_size)
        self.label_share = LateMean(run, "label share")

    def train_batch(self, batch):
        run, method = self.run, self._method
        trusted = next(self._trusted_batches)
        found = self.supervise(batch, trusted)
        logits, guesses = found.logits, found.guesses
        given = one_hot(batch.y, run.data.n_classes).to(guesses.dtype)
        chosen = torch.where(found.is_label_better[:, None], given, guesses)
        share = chosen.gather(1, batch.y[:, None])[:, 0]
        self.label_share.record(batch.rows, share.float())

        dtype = found.losses.dtype
        equally = run.loss_weights(batch.rows).to(dtype)
        weights = run.loss_weights(batch.rows, found.weights).to(dtype)
        of_chosen = torch.dot(equally, losses.soft_cross_entropy(logits, chosen))
        loss = (of_chosen + torch.dot(weights, found.losses)) / 2
        if method.consistency:
            differences = disagreement(logits.detach(), found.other_logits)
            loss = loss + method.consistency * torch.dot(equally, differences)
        if method.mixed_weight:
            mixed = self._mixed_loss(batch, found.X, guesses, trusted)
            loss = loss + method.mixed_weight * mixed
        return run.gradient_step(loss[None], torch.ones_like(loss)[None], batch), logits.detach()

    def supervise(self, batch, trusted):
        """Return what a trusted batch tells of another one, as a `Supervision`."""
        run, share = self.run, self._method.label_share
        randomness = run.randomness.state()
        X = run.weak_view(batch.X)
        logits = run.logits(X)
        other_logits = run.logits(run.strong_view(batch.X))
        guesses = self._guesses(logits.detach(), other_logits.detach())
        given = one_hot(batch.y, run.data.n_classes).to(guesses.dtype)
        targets = share * given + (1 - share) * guesses
        rows = losses.soft_cross_entropy(logits, targets)
        derivatives = log_probability_derivatives(
            run,
            X,
            self._trusted_gradient_ahead(batch, rows, trusted),
            logits=logits,
            randomness=randomness,
            gradient=self._gradient,
        )
        verdict = judge(derivatives, given, guesses, targets)
        return Supervision(X, logits, other_logits, guesses, rows, *verdict)

    def end_epoch(self, epoch):
        self.label_share.end_epoch(epoch)

    def _guesses(self, *logits):
        mean = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0)
        return losses.sharpen(mean, self._method.temperature)

    def _trusted_gradient_ahead(self, batch, rows, trusted):
        """Return the gradient of the trusted loss where a step on the batch would lead."""
        run = self.run
        lr = run.net.optimizer_.param_groups[0]["lr"]
        weights = run.loss_weights(batch.rows).to(rows.dtype)
        gradients = torch.autograd.grad(
            rows, run.parameters, weights, retain_graph=True, allow_unused=True
        )
        ahead = {
            name: value.detach() - (0 if gradient is None else lr * gradient)
            for name, value, gradient in zip(run.names, run.parameters, gradients, strict=True)
        }
        return trusted_gradient(run, trusted, ahead)

    def _mixed_loss(self, batch, X, guesses, trusted):
        """Return the loss of trusted rows and others, mixed with one another."""
        run = self.run
        X = torch.cat([X, run.weak_view(trusted.X)])
        right = one_hot(trusted.y, run.data.n_classes).to(guesses.dtype)
        targets, rows = torch.cat([guesses, right]), torch.cat([batch.rows, trusted.rows])
        partners = torch.from_numpy(self._random_state.permutation(len(X))).to(X.device)
        share = losses.draw_mixing_share(self._method.alpha, self._random_state)
        mixed, soft = losses.mix_up(X, targets, share, partners)
        logits = run.logits(mixed)
        # A row's influence, as itself and as a partner, is in proportion to its weight.
        weights = run.loss_weights(rows, run.loss_weights(rows)[partners])
        return torch.dot(weights.to(soft.dtype), losses.soft_cross_entropy(logits, soft))


def judge(derivatives, given, guesses, targets):
    """Return the weights of the rows, and whether the given label serves better than the guess.

    Parameters
    ----------
    derivatives : Tensor of shape (n_rows, n_classes)
        Of the log-probabilities along the gradient of the trusted loss.
    given, guesses, targets : Tensor of shape (n_rows, n_classes)
        Distributions over the classes.

    Returns
    -------
    (weights, is_label_better) : tuple of Tensor of shape (n_rows,)
        The weights sum to one.

    Examples
    --------
    >>> import torch
    >>> derivatives = torch.tensor([[-1.0, 1.0], [-1.0, 1.0]])
    >>> given, guesses = torch.eye(2), torch.full((2, 2), 0.5)
    >>> judge(derivatives, given, guesses, given)
    (tensor([1., 0.]), tensor([ True, False]))
    """
    weights = normalized_weights(-(targets * derivatives).sum(dim=1))
    return weights, ((given - guesses) * derivatives).sum(dim=1) < 0


def disagreement(logits, other_logits):
    """Return the Kullback-Leibler divergence of each row's second prediction from the first."""
    log, other = logits.log_softmax(dim=1), other_logits.log_softmax(dim=1)
    return (log.exp() * (log - other)).sum(dim=1)
