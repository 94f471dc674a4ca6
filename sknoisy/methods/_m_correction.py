"""M-correction: a beta mixture on the losses says how far to replace each label."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot

from .. import losses
from .._parameters import check_number
from ..mixtures import fit_beta_mixture
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

N_LEVELS = 100
TAIL = 5
MARGIN_SHARE = 0.01


class MCorrection(Method):
    r"""Learn from the label as far as it seems right, and from the own prediction for the rest.

    After each epoch a mixture of two beta distributions is fitted to the losses of all rows. It
    gives the posterior :math:`w_i` of the component of large losses: the probability that the label
    is wrong. Once a warm-up is over, the targets are

    .. math:: t_i = (1 - w_i) \, e_{\tilde y_i} + w_i \, e_{\hat y_i}, \qquad
       \hat y_i = \arg\max_c p_{ic}

    with the net's own prediction. Rows are mixed with others from the start (mixup), and so are
    their targets; a penalty keeps the net from giving all rows to one class:

    .. math:: \mathcal{L} = \mathrm{CE}(\lambda t_i + (1 - \lambda) t_j)
       + \sum_k \pi_k \log \frac{\pi_k}{\bar p_k}

    The label quality is :math:`1 - w_i` after the last epoch, and a hundredth of it the margin.

    Needs nothing but the labels. Cost in multiples of plain training: 1.6.

    Parameters
    ----------
    warmup_share : float in (0, 1), default=0.35
        Share of the epochs in which labels are taken as they are. Published: 105 of 300.
    alpha : float, default=32.0
        Shape of the beta distribution that shares of mixtures are drawn from. Published; it mixes
        all pairs about half and half.

    Notes
    -----
    Losses are cut off at their 5th and 95th percentile, as published, and told apart to a
    hundredth of that range. Trusted rows keep their label, and aren't in the mixture. The prior
    :math:`\pi` is the share of the given classes; published: uniform.

    It fails where the losses of right and of wrong labels don't part: where classes overlap, where
    classes are rare, and where the net has learnt wrong labels during the warm-up.

    References
    ----------
    Arazo, Ortego, Albert, O'Connor and McGuinness, "Unsupervised Label Noise Modeling and Loss
    Correction", ICML 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("m_correction", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "m_correction"
    mixes_rows = True
    cost = "1.6"
    choose_it = "to compare: labels are replaced as far as a mixture on the losses doubts them"
    citation = (
        "Arazo, Ortego, Albert, O'Connor, McGuinness (2019). *Unsupervised Label Noise Modeling "
        "and Loss Correction.* ICML"
    )

    def __init__(self, *, warmup_share: float = 0.35, alpha: float = 32.0) -> None:
        self.warmup_share = warmup_share
        self.alpha = alpha

    def check_parameters(self) -> None:
        check_number(self, "warmup_share", 0, 1, above=True)
        check_number(self, "alpha", 0, above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and read the last mixture."""
        run = trainer.new_run()
        step = CorrectionStep(run, self, trainer.random_state())
        run.fit(step)
        evidence = LabelEvidence.of(run, 1 - step.noisy_posterior())
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        return evidence


class CorrectionStep(Step):
    """Mixed rows, whose targets are corrected after the warm-up."""

    def __init__(self, run, method, random_state):
        super().__init__(run)
        self._alpha = method.alpha
        self._random_state = random_state
        self._n_warmup = max(1, round(method.warmup_share * run.net.max_epochs))
        self._epoch = 0
        self._posterior = run.row_state.create("noisy_posterior", fill=torch.nan)
        counts = torch.bincount(run.labels[run.rows], minlength=run.data.n_classes)
        self._prior = (counts / counts.sum()).float()

    def train_batch(self, batch):
        run = self.run
        X = run.weak_view(batch.X)
        targets = one_hot(batch.y, run.data.n_classes).float()
        if self._epoch >= self._n_warmup:
            targets = self._corrected(batch, X, targets)
        partners = torch.from_numpy(self._random_state.permutation(len(targets))).to(X.device)
        share = losses.draw_mixing_share(self._alpha, self._random_state)
        mixed, targets = losses.mix_up(X, targets, share, partners)
        logits = run.logits(mixed)
        # A row's influence, as itself and as a partner, is in proportion to its weight.
        weights = run.loss_weights(batch.rows, run.loss_weights(batch.rows)[partners])
        loss = torch.dot(weights, losses.soft_cross_entropy(logits.float(), targets))
        loss = loss + losses.prior_penalty(logits.float(), self._prior)
        loss = run.gradient_step(loss[None], torch.ones_like(loss)[None], batch)
        return loss, logits.detach()

    def end_epoch(self, epoch):
        self._epoch = epoch + 1
        run = self.run
        posterior = wrong_label_posterior(
            run.predict(run.rows, given_label_losses), ~run.data.trusted[run.rows]
        )
        self._posterior[torch.from_numpy(run.rows).to(run.device)] = torch.from_numpy(posterior).to(
            self._posterior
        )

    def noisy_posterior(self):
        """Return the probability of each row's label to be wrong; NaN where it isn't known."""
        return self._posterior.double().cpu().numpy()

    def _corrected(self, batch, X, given):
        with torch.no_grad():
            predicted = self.run.logits(X).argmax(dim=1)
        weights = self._posterior[batch.rows].nan_to_num(0.0)[:, None]
        return (1 - weights) * given + weights * one_hot(predicted, given.shape[1]).float()


def wrong_label_posterior(losses_, judged):
    """Return the posterior of the component of large losses; 0 for rows that aren't judged.

    Parameters
    ----------
    losses_ : ndarray of shape (n_rows,)
    judged : ndarray of bool of shape (n_rows,)
        Rows that the mixture is fitted to.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = wrong_label_posterior(
    ...     np.r_[rng.gamma(2, 0.1, 300), rng.normal(3, 0.3, 100)], np.ones(400, dtype=bool)
    ... )
    >>> [round(float(part.mean()), 2) for part in (found[:300], found[300:])]
    [0.0, 1.0]
    """
    posterior = np.zeros(len(losses_))
    if not judged.any():
        return posterior
    low, high = np.percentile(losses_[judged], [TAIL, 100 - TAIL])
    if high <= low:
        return posterior
    scaled = np.clip((losses_[judged] - low) / (high - low), 0, 1)
    levels = np.minimum((scaled * N_LEVELS).astype(int), N_LEVELS - 1)
    mixture = fit_beta_mixture(np.bincount(levels, minlength=N_LEVELS))
    if mixture is not None:
        posterior[judged] = mixture.posterior(np.arange(N_LEVELS))[1][levels]
    return posterior


def given_label_losses(batch, logits):
    """Return the cross-entropy of each given label; for `TrainingRun.predict`."""
    return cross_entropy(logits.double(), batch.y, reduction="none")
