"""DivideMix: two nets divide the rows for each other, and learn as from partly labelled data."""

from collections import deque
from numbers import Integral

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .. import losses
from .._parameters import check_number
from ..mixtures import gaussian_clean_posterior
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

RAMP_SHARE = 0.05
MARGIN_SHARE = 0.01


class DivideMix(Method):
    r"""Let two nets divide the rows for each other into labelled and unlabelled ones.

    After a warm-up by cross-entropy, a mixture of two Gaussians is fitted in every epoch to each
    net's losses of all rows. It gives the posterior :math:`w_i` of the component of small losses:
    the probability that the given label is right. Each net then learns by the division of the
    other, whose wrong labels it hasn't learnt itself: rows of :math:`w_i` above `p_threshold` keep
    a part of their label, the others are taken for unlabelled. Their targets are

    .. math::

       t_i = \begin{cases}
       w_i e_{\tilde y_i} + (1 - w_i) \, p_i & \text{labelled (co-refinement)} \\
       (p_i + q_i) / 2 & \text{unlabelled (co-guessing)}
       \end{cases}

    sharpened, with p the mean prediction of the net itself over a weak and a strong view, and q
    that of the other. Both views are mixed with others of the batch, inputs and targets alike, and
    each net learns from

    .. math::

       \mathcal{L} = \mathrm{CE}_{\text{labelled}}
       + \lambda_u(t) \, \mathrm{mean}_{\text{unlabelled}} \frac1K \lVert p - t \rVert^2
       + \sum_k \pi_k \log \frac{\pi_k}{\bar p_k}

    with :math:`\pi` the shares of the given classes and :math:`\bar p` the mean prediction. The
    label quality is the mean of both nets' posteriors after the last epoch, and the classifier the
    mean of both nets.

    Needs nothing but the labels. Cost in multiples of plain training: 5 to 6. Each of two nets
    predicts both views of a batch, then learns from both: 16 times a forward pass, instead of 3.

    Parameters
    ----------
    warmup_share : float in (0, 1), default=0.1
        Share of the epochs of the warm-up; published: 10 of 300. A net should have learnt the
        classes by its end, but no wrong labels yet.
    p_threshold : float in [0, 1), default=0.5
        Rows with a larger posterior are labelled. Published; 0.6 for 90 % noise.
    temperature : float, default=0.5
        Of the sharpening; published.
    alpha : float, default=0.2
        Shape of the beta distribution that shares of mixtures are drawn from. Published: 4, which
        mixes most pairs about half and half, for images and hundreds of epochs. In a short training
        on tables a net learns slowly from such rows; 0.2 leaves most of them nearly as they are.
    unlabelled_weight : float, default=5.0
        The factor :math:`\lambda_u`, which grows from 0 over a twentieth of the epochs after the
        warm-up, as published. Published: 25 for symmetric noise of 50 % and 80 %, 0 for asymmetric
        noise and for 20 %. Short trainings, whose guesses are worse, do better with less than 25.
    confidence_penalty : float, default=0.0
        Factor of the negative entropy of the prediction, which is added to the losses of the
        warm-up. Published: 1 for asymmetric noise, under which nets are sure of wrong labels.
    n_averaged : int, default=5
        The losses that are divided are means over this many last epochs; published for 90 % noise,
        and 1 else.

    Notes
    -----
    In the paper an epoch is one pass over the labelled rows, 64 a step, beside as many unlabelled
    ones; here every batch of the data is learnt from as it comes, with the mean over each part.
    The paper's :math:`\pi` is uniform, for data sets of balanced classes. The two views are the
    net's weak and strong one, in place of two random crops. Mixed rows count by the product of both
    rows' `sample_weight`. Trusted rows are always labelled, by their label alone. A hundredth of
    the label quality is the nets' margin, so that rows whose posteriors are equal, as many are at 0
    and at 1, are ranked.

    It fails where wrong labels have losses as small as right ones, as after too long a warm-up. The
    mixture may also set a few rows of very large losses apart from all others; then hardly any
    label is judged wrong, though the ranking of the rows is good. Give `contamination` there. Where
    a net needs many epochs to learn its classes, as with many or rare ones, right labels still have
    large losses at the end of the warm-up, and the gain is small or none: a `warmup_share` of 0.3
    does better there, but worse on small tables whose wrong labels are soon learnt by heart.

    References
    ----------
    Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR
    2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("dividemix", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "dividemix"
    mixes_rows = True
    cost = "5 to 6"
    choose_it = "the rows are features of a pretrained net, and time matters little"
    citation = (
        "Li, Socher, Hoi (2020). *DivideMix: Learning with Noisy Labels as Semi-supervised "
        "Learning.* ICLR"
    )

    def __init__(
        self,
        *,
        warmup_share: float = 0.1,
        p_threshold: float = 0.5,
        temperature: float = 0.5,
        alpha: float = 0.2,
        unlabelled_weight: float = 5.0,
        confidence_penalty: float = 0.0,
        n_averaged: int = 5,
    ) -> None:
        self.warmup_share = warmup_share
        self.p_threshold = p_threshold
        self.temperature = temperature
        self.alpha = alpha
        self.unlabelled_weight = unlabelled_weight
        self.confidence_penalty = confidence_penalty
        self.n_averaged = n_averaged

    def check_parameters(self) -> None:
        check_number(self, "warmup_share", 0, 1, above=True)
        check_number(self, "p_threshold", 0, 1)
        check_number(self, "temperature", 0, above=True)
        check_number(self, "alpha", 0, above=True)
        check_number(self, "unlabelled_weight", 0)
        check_number(self, "confidence_penalty", 0)
        check_number(self, "n_averaged", 1, kind=Integral)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train both nets, and read their last division."""
        run, peer = trainer.new_run(), trainer.new_run()
        step = CoDivision(run, peer, self, trainer.random_state())
        run.fit(step)
        posterior = step.mean_posterior()
        evidence = LabelEvidence.of(run, posterior, peers=[peer])
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        return evidence


class CoDivision(Step):
    """Trains two nets, each on the division of the rows that the other makes."""

    def __init__(self, run, peer, method, random_state):
        super().__init__(run)
        self.peers = (peer,)
        self._runs = (run, peer)
        self._method = method
        self._random_state = random_state
        self._n_warmup = max(1, round(method.warmup_share * run.net.max_epochs))
        self._epoch = 0
        self.stage = self._stage()
        self._recent_losses: list[deque[np.ndarray]] = [
            deque(maxlen=method.n_averaged) for _ in self._runs
        ]
        counts = torch.bincount(run.labels[run.rows], minlength=run.data.n_classes)
        self._prior = counts.float() / len(run.rows)

    def _stage(self):
        return "warmup" if self._epoch < self._n_warmup else "co_division"

    def train_batch(self, batch):
        if self._epoch < self._n_warmup:
            return [self._warm_up(run, batch) for run in self._runs]
        views = self.run.both_views(batch.X)
        with torch.no_grad():
            logits = [run.logits(views).float() for run in self._runs]
        own = [torch.stack(each.softmax(dim=1).chunk(2)).mean(dim=0) for each in logits]
        both = (own[0] + own[1]) / 2
        results = []
        for run, divider, mine, seen in zip(self._runs, self._runs[::-1], own, logits, strict=True):
            posterior = divider.row_state["clean_posterior"][batch.rows]
            labelled = posterior > self._method.p_threshold
            refined = losses.co_refine(batch.y, mine, posterior)
            targets = torch.where(labelled[:, None], refined, both)
            loss = self._learn_mixed(run, batch, views, targets, labelled)
            results.append((loss, seen[: len(batch.y)]))
        return results

    def end_epoch(self, epoch):
        self._epoch = epoch + 1
        self.stage = self._stage()
        rows, trusted = self.run.rows, self.run.data.trusted
        for run, recent in zip(self._runs, self._recent_losses, strict=True):
            recent.append(run.predict(rows, given_label_losses))
            posterior = np.full(run.data.n_rows, np.nan, dtype=np.float32)
            mean_losses = np.mean(recent, axis=0)
            posterior[rows] = gaussian_clean_posterior(mean_losses, random_state=self._random_state)
            posterior[trusted] = 1
            run.row_state.keep("clean_posterior", torch.from_numpy(posterior).to(run.device))

    def mean_posterior(self):
        """Return both nets' mean probability that a label is right; NaN for rows not trained on."""
        one, other = (run.row_state["clean_posterior"].double() for run in self._runs)
        return ((one + other) / 2).cpu().numpy()

    def _warm_up(self, run, batch):
        logits = run.logits(run.weak_view(batch.X))
        logs = logits.log_softmax(dim=1)
        penalties = self._method.confidence_penalty * (logs.exp() * logs).sum(dim=1)
        return run.learn(batch, run.row_losses(logits, batch.y) + penalties, None, logits)

    def _learn_mixed(self, run, batch, views, targets, labelled):
        targets = losses.sharpen(targets, self._method.temperature).repeat(2, 1)
        partners = torch.from_numpy(self._random_state.permutation(len(views))).to(views.device)
        share = losses.draw_mixing_share(self._method.alpha, self._random_state)
        X, targets = losses.mix_up(views, targets, share, partners)
        logits = run.logits(X).float()
        rows, labelled = batch.rows.repeat(2), labelled.repeat(2)
        # A row's influence, as itself and as a partner, is in proportion to its weight.
        partner_weights = run.loss_weights(rows)[partners]
        supervised = run.loss_weights(rows, partner_weights * labelled)
        unsupervised = run.loss_weights(rows, partner_weights * ~labelled) * self._ramped_weight()
        loss = torch.dot(supervised, losses.soft_cross_entropy(logits, targets))
        loss = loss + torch.dot(unsupervised, losses.squared_probability_error(logits, targets))
        loss = loss + losses.prior_penalty(logits, self._prior)
        return run.gradient_step(loss[None], torch.ones_like(loss)[None], batch)

    def _ramped_weight(self):
        length = RAMP_SHARE * self.run.net.max_epochs
        ramp = losses.linear_ramp_up(self._epoch + 1, self._n_warmup, length)
        return self._method.unlabelled_weight * ramp


def given_label_losses(batch, logits):
    """Return the cross-entropy of each given label; for `TrainingRun.predict`."""
    return cross_entropy(logits.double(), batch.y, reduction="none")
