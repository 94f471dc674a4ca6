"""CAL: covariance-assisted learning."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from .._parameters import check_number
from ..thresholds import estimate_transition_matrix
from ..training import Step, Trainer
from ._base import LabelEvidence, Method
from ._cores import bounded_logs, ramp, sieve_scores


@dataclass(kw_only=True)
class CALEvidence(LabelEvidence):
    """What the first training of CAL hands to the second.

    Parameters
    ----------
    labels : ndarray of int of shape (n_rows,)
        Labels that rows keep or are given.
    """

    labels: np.ndarray


class CAL(Method):
    r"""Learn from the given labels, less the covariance of their errors with the loss.

    Where wrong labels are likelier on some rows of a class than on others, the expected loss under
    noise is that under the class's mean noise plus a covariance. CAL estimates it by a first
    training, and takes it off:

    .. math::

       \ell_n = \mathrm{CE}(\tilde y_n) - \beta_t \sum_k \pi_k \mathrm{CE}(k)
       - \sum_j (1[\tilde y_n = j] - T_{\hat y_n j}) (\mathrm{CE}(j) - c_{\hat y_n j})

    with :math:`\hat y` the labels that the first training leaves or gives the rows, T the shares
    of given labels :math:`\tilde y` among the rows of each, :math:`\pi` the shares of the given
    classes, and c constants. So the given label drops out:

    .. math:: \ell_n = \sum_k (T_{\hat y_n k} - \beta_t \pi_k) \mathrm{CE}(k) + \mathrm{const}

    which needs no more than a row of T for each row.

    The first training has the given labels in place of T's rows, :math:`\pi` in proportion to the
    root of the shares, and a larger regulariser; it ends at `first_share` of the epochs. There a
    row keeps its label if :math:`\mathrm{CE}(\tilde y) - \frac1K \sum_k \mathrm{CE}(k)` is
    below `keep_below`; the others get the prediction. A label is judged wrong if it has been
    replaced by another one.

    Needs nothing but the labels. Cost in multiples of plain training: 0.65; the classifier 1 more.

    Parameters
    ----------
    beta : float, default=2.0
        Full size of the regulariser in the first training; it is 0 for the first tenth of the
        epochs and grows to this up to four tenths. In the second its full size is 1.
    first_share : float in (0, 1), default=0.65
        Share of the epochs that the first training takes; published: 65 of 100.
    keep_below : float, default=-8.0
        Rows whose score is below this keep their label, whatever the net predicts. The published
        value; few rows of another predicted class reach it.

    Notes
    -----
    The label quality is one half and half the sigmoid of minus the score for rows that keep their
    label, and half of the sigmoid alone for the others. Trusted rows keep theirs.

    The first training fails where that of CORES2 does: under pair noise it becomes sure of the
    wrong labels, and what it says of them is what CAL takes off; and a class with more than
    :math:`1/\beta` of the given labels is unlearnt.

    References
    ----------
    Zhu, Liu and Liu, "A Second-Order Approach to Learning with Instance-Dependent Label Noise",
    CVPR 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("cal", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "cal"
    cost = "detector: 0.65; classifier: 1.65"
    choose_it = 'as `"cores"`, where some rows of a class are likelier to be wrong than others'
    citation = (
        "Zhu, Liu, Liu (2021). *A Second-Order Approach to Learning with Instance-Dependent Label "
        "Noise.* CVPR"
    )

    def __init__(
        self, *, beta: float = 2.0, first_share: float = 0.65, keep_below: float = -8.0
    ) -> None:
        self.beta = beta
        self.first_share = first_share
        self.keep_below = keep_below

    def check_parameters(self) -> None:
        check_number(self, "beta", 0)
        check_number(self, "first_share", 0, 1, above=True)
        check_number(self, "keep_below", -np.inf)

    def detect(self, trainer: Trainer) -> CALEvidence:
        """Run the first training, and see which labels it would replace."""
        run, data = trainer.new_run(), trainer.data
        given_shares = class_shares(data, run.rows)
        step = RegularizedStep(
            run,
            np.eye(data.n_classes),
            data.y,
            np.sqrt(given_shares) / np.sqrt(given_shares).sum(),
            n_epochs=trainer.max_epochs,
            full_size=self.beta,
        )
        n_epochs = max(1, round(self.first_share * trainer.max_epochs))
        run.fit(step, max_epochs=n_epochs, stage="sieve")
        scores, predicted = run.predict(np.arange(data.n_rows), scores_and_predictions)
        labels = np.where((scores < self.keep_below) | data.trusted, data.y, predicted)
        kept = labels == data.y
        return CALEvidence.of(
            run,
            (kept + 1 / (1 + np.exp(scores))) / 2,
            kept.astype(float),
            labels=labels,
            transition_matrix=estimate_transition_matrix(
                data.y, labels, np.zeros(data.n_rows), data.n_classes
            ),
        )

    def train_classifier(self, trainer: Trainer, evidence: CALEvidence) -> CALEvidence:
        """Train a fresh net with the covariance taken off."""
        run = trainer.new_run()
        step = RegularizedStep(
            run,
            evidence.transition_matrix,
            evidence.labels,
            class_shares(trainer.data, run.rows),
            n_epochs=trainer.max_epochs,
            full_size=1.0,
        )
        run.fit(step, stage="covariance")
        return replace(evidence, states=(run.state(),), history=evidence.history + run.history())


class RegularizedStep(Step):
    """Trains towards a distribution per label, less a growing multiple of the prior.

    Parameters
    ----------
    run : TrainingRun
    targets : ndarray of shape (n_classes, n_classes)
        What to learn of a row, by its label.
    labels : ndarray of int of shape (n_rows,)
    prior : ndarray of shape (n_classes,)
    n_epochs : int
        Of a full training, by which the regulariser grows.
    full_size : float
    """

    def __init__(self, run, targets, labels, prior, *, n_epochs, full_size):
        super().__init__(run)
        self._targets = torch.from_numpy(targets).float().to(run.device)
        self._labels = run.row_state.keep("label", torch.from_numpy(labels).to(run.device))
        self._prior = torch.from_numpy(prior).float().to(run.device)
        self._n_epochs = n_epochs
        self._full_size = full_size
        self._size = 0.0

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        targets = self._targets[self._labels[batch.rows]]
        losses = regularized_losses(logits, targets, self._prior, self._size)
        # As for CORES2, in place of a learning rate that falls as the regulariser grows.
        return losses / (1 + self._size), None, logits

    def end_epoch(self, epoch):
        self._size = self._full_size * ramp(epoch + 1, self._n_epochs)


def regularized_losses(logits, targets, prior, size):
    """Return the cross-entropy with `targets - size * prior`, shape (n_rows,)."""
    return ((size * prior - targets) * bounded_logs(logits)).sum(dim=1)


def class_shares(data, rows):
    """Return the share of each given class among some rows."""
    counts = np.bincount(data.y[rows], minlength=data.n_classes)
    return counts / counts.sum()


def scores_and_predictions(batch, logits):
    """Return the sieve's scores and the predicted classes; for `TrainingRun.predict`."""
    return sieve_scores(batch, logits), logits.argmax(dim=1)
