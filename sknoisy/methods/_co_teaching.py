"""Co-teaching: two nets teach each other the rows of small loss."""

import numpy as np
import torch

from .._parameters import check_number
from ..noise_rates import estimate_noise_rate
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

MARGIN_SHARE = 0.01
ASKED_SHARE = 0.1


class CoTeaching(Method):
    r"""Let each of two nets learn from the rows of a batch that the other finds easy.

    In every batch each net picks the share :math:`R(t)` of the rows of its smallest losses, and the
    other one learns from these. Nets remember what they picked wrongly less if somebody else
    picks. In the beginning all rows are learnt from; over the first epochs the share falls to what
    is right:

    .. math:: R(t) = 1 - \tau \min(t / T_k, 1)

    The paper judges no labels. A row's quality is how often it was picked, over both nets and the
    epochs after the ramp; a hundredth of it is the margin of both nets' mean prediction, which
    orders rows that were picked equally often.

    Needs nothing but the labels. Cost in multiples of plain training: 2 to 2.5.

    Parameters
    ----------
    forget_rate : float in [0, 1), default=None
        The share :math:`\tau` of rows that are left out in the end. Published: the true share of
        wrong labels, which nobody knows. None: it is estimated after each epoch of the ramp, by
        what both nets say of a tenth of the rows, which they don't learn from until then.
    ramp_share : float in (0, 1], default=0.15
        Share of the epochs in which all but the last part of the rows is learnt from. Published:
        10 of 200; in shorter trainings a net knows too little by then.

    Notes
    -----
    Trusted rows are always picked.

    It fails where right labels of a rare or hard class have large losses: they are left out, and
    stay hard. Wrong labels that a net learns early, such as those under pair noise, have small
    losses. As the nets grow alike, they make the same mistakes.

    References
    ----------
    Han, Yao, Yu, Niu, Xu, Hu, Tsang and Sugiyama, "Co-teaching: Robust Training of Deep Neural
    Networks with Extremely Noisy Labels", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("co_teaching", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "co_teaching"
    cost = "2 to 2.5"
    choose_it = "to compare: two nets pick rows of small loss for each other"
    citation = (
        "Han, Yao, Yu, Niu, Xu, Hu, Tsang, Sugiyama (2018). *Co-teaching: Robust Training of Deep "
        "Neural Networks with Extremely Noisy Labels.* NeurIPS"
    )

    def __init__(self, *, forget_rate: float | None = None, ramp_share: float = 0.15) -> None:
        self.forget_rate = forget_rate
        self.ramp_share = ramp_share

    def check_parameters(self) -> None:
        check_number(self, "forget_rate", 0, 1, optional=True)
        check_number(self, "ramp_share", 0, np.nextafter(1, 2), above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train both nets, and count how often each row was picked."""
        run, peer = trainer.new_run(), trainer.new_run()
        step = CoTeachingStep(run, peer, self)
        run.fit(step)
        evidence = LabelEvidence.of(run, step.share_picked(), peers=[peer])
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        return evidence


class CoTeachingStep(Step):
    """Each net learns from what the other picks."""

    def __init__(self, run, peer, method):
        super().__init__(run)
        self.peers = (peer,)
        self._method = method
        self._n_ramp = max(1, round(method.ramp_share * run.net.max_epochs))
        self._rate = method.forget_rate or 0.0
        self._epoch = 0
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._asked = np.empty(0, dtype=np.int64)
        if method.forget_rate is None:
            self._asked = rows_to_ask(run)
        self._is_asked = torch.zeros_like(self._trusted)
        self._is_asked[torch.from_numpy(self._asked).to(run.device)] = True
        self._n_picked = run.row_state.create("n_picked", dtype=torch.float32)
        self._n_seen = run.row_state.create("n_seen", dtype=torch.int64)

    def train_batch(self, batch):
        X = self.run.weak_view(batch.X)
        runs = (self.run, *self.peers)
        logits = [run.logits(X) for run in runs]
        losses = [run.row_losses(each, batch.y) for run, each in zip(runs, logits, strict=True)]
        picked = [self._pick(batch.rows, each.detach()) for each in losses]
        if self._epoch >= self._n_ramp:
            self._n_picked[batch.rows] += (picked[0] + picked[1]) / 2
            self._n_seen[batch.rows] += 1
        return [
            run.learn(batch, own, by_other, each)
            for run, own, by_other, each in zip(runs, losses, picked[::-1], logits, strict=True)
        ]

    def end_epoch(self, epoch):
        self._epoch = epoch + 1
        if self._method.forget_rate is None and self._epoch <= self._n_ramp:
            self._rate = rate_of_wrong_labels(self.run, self._asked, self.peers)

    def share_picked(self):
        """Return how often each row was picked after the ramp; NaN where that isn't known."""
        return (self._n_picked.double() / self._n_seen).cpu().numpy()

    def _pick(self, rows, losses):
        """Return 1 for the rows of smallest loss, and for trusted ones; 0 for the others."""
        kept = 1 - self._rate * min(self._epoch / self._n_ramp, 1)
        n_kept = max(1, round(kept * len(rows)))
        picked = torch.zeros_like(losses)
        picked[losses.topk(n_kept, largest=False).indices] = 1
        picked[self._trusted[rows]] = 1
        # On the ramp these are asked what share of the labels is wrong.
        return picked * ~self._is_asked[rows] if self._epoch < self._n_ramp else picked


def rows_to_ask(run):
    """Return the rows by which wrong labels are counted; they mustn't be learnt from before.

    They are a tenth of the rows that aren't trusted. Those that no method learns from can't be
    asked, for nothing that a method finds may depend on their labels.
    """
    rows = run.rows[~run.data.trusted[run.rows]]
    n_asked = round(ASKED_SHARE * len(rows))
    # The same ones for every seed, in no order that the data may have.
    return np.sort(np.random.RandomState(0).permutation(rows)[:n_asked])


def rate_of_wrong_labels(run, rows, peers=()):
    """Return the share of wrong labels that predictions of some rows tell of."""
    if not len(rows):
        return 0.0
    p = run.predict(rows, probabilities, peers=peers)
    return estimate_noise_rate(p, run.data.y[rows]).rate


def probabilities(batch, logits):
    """Return the class probabilities; for `TrainingRun.predict`."""
    return logits.double().softmax(dim=1)
