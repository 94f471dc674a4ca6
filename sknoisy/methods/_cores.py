"""CORES2: confidence regularised sample sieve."""

import numpy as np
import torch

from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

PROBABILITY_FLOOR = 1e-8
RAMP = (0.1, 0.4)


class CORES(Method):
    r"""Sieve out, while training, the rows whose label the net likes less than the average label.

    A regulariser makes the net confident, by which the losses of right and of wrong labels part:

    .. math:: \ell_i = \mathrm{CE}(y_i) - \beta_t \sum_k \pi_k \mathrm{CE}(k)

    with :math:`\pi` the shares of the given classes among the rows that are left. From
    `sieve_start` on only rows with :math:`\mathrm{CE}(y_i) \le \frac1K \sum_k \mathrm{CE}(k)` are
    learnt from. The verdict is read in the training pass in which :math:`\beta` reaches its
    full size; the training goes on after that.

    Needs nothing but the labels. Cost: 1 (plain training).

    Parameters
    ----------
    beta : float, default=2.0
        Full size of the regulariser. It is 0 for the first tenth of the epochs and grows to
        this up to four tenths; the published code does so in 100 epochs.
    sieve_start : float in [0, 1), default=0.3
        Share of the epochs in which no row is sieved out; published: 30 of 100.

    Notes
    -----
    The loss is divided by :math:`1 + \beta_t`, in place of the learning rate, which is the same
    under gradient descent. The label quality is the sigmoid of minus the sieve's score, so one half
    is the published threshold.

    It fails under pair noise, where the regulariser makes the net sure of its wrong labels too;
    with many classes, where the threshold is too mild; and where one class has more than
    :math:`1/\beta` of the given labels, since more is then subtracted from its rows' own loss than
    there is.

    References
    ----------
    Cheng, Zhu, Li, Gong, Sun and Liu, "Learning with Instance-Dependent Label Noise: A Sample
    Sieve Approach", ICLR 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("cores", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.8)
    True
    """

    name = "cores"
    cost = "1"
    choose_it = "wrong labels are spread over all classes, and time is short"
    citation = (
        "Cheng, Zhu, Li, Gong, Sun, Liu (2021). *Learning with Instance-Dependent Label Noise: "
        "A Sample Sieve Approach.* ICLR"
    )

    def __init__(self, *, beta: float = 2.0, sieve_start: float = 0.3) -> None:
        self.beta = beta
        self.sieve_start = sieve_start

    def check_parameters(self) -> None:
        check_number(self, "beta", 0)
        check_number(self, "sieve_start", 0, 1)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and read the sieve's verdict on the way."""
        run = trainer.new_run()
        sieve = SieveStep(run, trainer.max_epochs, self)
        run.fit(sieve)
        scores = sieve.verdict()
        return LabelEvidence.of(run, 1 / (1 + np.exp(scores)), (scores <= 0).astype(float))


class SieveStep(Step):
    """Trains with the regulariser and leaves out what falls through the sieve.

    Parameters
    ----------
    run : TrainingRun
    n_epochs : int
    method : CORES
    """

    stage = "sieve"

    def __init__(self, run, n_epochs, method):
        super().__init__(run)
        self._n_epochs = n_epochs
        self._method = method
        self._scores = run.row_state.create("sieve_score", fill=torch.nan)
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._read_epoch = max(round(RAMP[1] * n_epochs) - 1, 0)
        self._verdict = None
        self._epoch = 0
        self._prior = self._share_of_classes(torch.from_numpy(run.rows).to(run.device))

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        losses, scores = sieve_losses(logits, batch.y, self._prior, self._beta())
        kept = None
        if self._sieves():
            kept = ((scores <= 0) | self._trusted[batch.rows]).to(losses.dtype)
        self._scores.index_copy_(0, batch.rows, scores.float())
        # In place of the learning rate, which the published code divides.
        return losses / (1 + self._beta()), kept, logits

    def end_epoch(self, epoch):
        if epoch == self._read_epoch:
            self._verdict = self.run.row_state.keep("verdict", self._scores.clone())
        if self._sieves():
            kept = (self._scores <= 0) | (self._trusted & ~self._scores.isnan())
            self._prior = self._share_of_classes(torch.nonzero(kept)[:, 0])
        self._epoch = epoch + 1

    def verdict(self):
        """Return the scores of all rows, above 0 where a label is judged wrong."""
        scores = (self._scores if self._verdict is None else self._verdict).double().cpu().numpy()
        untrained = np.flatnonzero(np.isnan(scores))
        if len(untrained):
            scores[untrained] = self.run.predict(untrained, sieve_scores)
        return scores

    def _beta(self):
        return self._method.beta * ramp(self._epoch, self._n_epochs)

    def _sieves(self):
        return self._epoch >= self._method.sieve_start * self._n_epochs

    def _share_of_classes(self, rows):
        n_classes = self.run.data.n_classes
        counts = torch.bincount(self.run.labels[rows], minlength=n_classes).float()
        return counts / counts.sum().clamp_min(1)


def sieve_losses(logits, y, prior, beta):
    """Return the regularised losses and the sieve's scores of a batch.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    y : Tensor of int of shape (n_rows,)
    prior : Tensor of shape (n_classes,)
        Shares of the given classes.
    beta : float

    Returns
    -------
    losses, scores : Tensor of shape (n_rows,)
        The score is the cross-entropy of the given label less the mean over all labels; it isn't
        differentiated.
    """
    logs = bounded_logs(logits)
    given = logs.gather(1, y[:, None])[:, 0]
    losses = torch.addmv(given, logs, prior.to(logs.dtype), beta=-1, alpha=beta)
    return losses, logs.detach().mean(dim=1) - given.detach()


def sieve_scores(batch, logits):
    """Return the sieve's scores; for `TrainingRun.predict`."""
    logs = bounded_logs(logits)
    given = logs.gather(1, batch.y[:, None])[:, 0]
    return (logs.mean(dim=1) - given).double()


def bounded_logs(logits):
    """Return minus the cross-entropy with each class, bounded, so that it can be subtracted."""
    return torch.log(logits.softmax(dim=1) + PROBABILITY_FLOOR)


def ramp(epoch, n_epochs):
    """Return the size of a regulariser that grows in the course of a training, from 0 to 1."""
    start, end = (share * n_epochs for share in RAMP)
    progress = (epoch - start) / max(end - start, 1)
    return min(max(progress, 0.0), 1.0)
