"""DISC: each row has a threshold of its own, and is learnt from as clean, hard or purified."""

import torch
from torch.nn.functional import cross_entropy

from .. import losses
from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

MARGIN_SHARE = 0.01
ROBUSTNESS = 0.7
SUREST = 0.99


class DISC(Method):
    r"""Compare what the net says of a label with how sure it has been of that row so far.

    A weak and a strong view of each row have a threshold each, the moving average of the largest
    probability that the net gave to any class:

    .. math:: \tau_i^v \leftarrow \lambda \, \tau_i^v + (1 - \lambda) \max_c p^v_{ic}

    A row is *clean* where the given label's probability is above it in both views, and *hard*
    where in one of them. Of the others, those are *purified*, whose mean prediction is by
    `margin` surer than the mean threshold: they are learnt from with the predicted class. Clean
    rows have cross-entropy, hard ones the bounded loss :math:`(1 - p_{\tilde y}^{q}) / q`, q = 0.7;
    clean and purified rows are mixed with one another besides.

    The paper's verdict is that of the moment. The label quality is how often a row was found clean
    since the warm-up, half as much where it was hard; a hundredth of it is the margin.

    Needs nothing but the labels. Cost in multiples of plain training: 2.5 to 3.

    Parameters
    ----------
    warmup_share : float in (0, 1), default=0.1
        Share of the epochs that learn by plain cross-entropy. The thresholds move already.
    momentum : float in [0, 1), default=0.95
        The share :math:`\lambda` of a threshold that an epoch keeps. Published: 0.99, for 200
        epochs; in a short training it would not get away from 0.
    margin : float in [0, 1), default=0.5
        How much surer than the thresholds a prediction must be that takes the place of a label.
        Published. With less, a net that is unsure of rare classes makes all rows one class.
    alpha : float, default=1.0
        Shape of the beta distribution of mixtures.

    Notes
    -----
    A net without a `strong_view` has two equal views, but for its dropout; then hardly a row is
    hard. Trusted rows are always clean.

    It fails where the net is unsure of a class from beginning to end: its thresholds are low there,
    and wrong labels pass. A net that is sure early of wrong labels, as under pair noise near one
    half, purifies right ones.

    References
    ----------
    Li, Han, Shan and Chen, "DISC: Learning from Noisy Labels via Dynamic Instance-Specific
    Selection and Correction", CVPR 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("disc", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "disc"
    mixes_rows = True
    cost = "2.5 to 3"
    choose_it = "to compare: a threshold for each row, by two views"
    citation = (
        "Li, Han, Shan, Chen (2023). *DISC: Learning from Noisy Labels via Dynamic "
        "Instance-Specific Selection and Correction.* CVPR"
    )

    def __init__(
        self,
        *,
        warmup_share: float = 0.1,
        momentum: float = 0.95,
        margin: float = 0.5,
        alpha: float = 1.0,
    ) -> None:
        self.warmup_share = warmup_share
        self.momentum = momentum
        self.margin = margin
        self.alpha = alpha

    def check_parameters(self) -> None:
        check_number(self, "warmup_share", 0, 1, above=True)
        check_number(self, "momentum", 0, 1)
        check_number(self, "margin", 0, 1)
        check_number(self, "alpha", 0, above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and count how often each row was found clean."""
        run = trainer.new_run()
        step = DISCStep(run, self, trainer.random_state())
        run.fit(step)
        evidence = LabelEvidence.of(run, step.share_clean())
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        return evidence


class DISCStep(Step):
    """Divides each batch by the thresholds of its rows, and learns from the parts."""

    def __init__(self, run, method, random_state):
        super().__init__(run)
        self._method = method
        self._random_state = random_state
        self._n_warmup = max(1, round(method.warmup_share * run.net.max_epochs))
        self._epoch = 0
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._thresholds = run.row_state.create("threshold", width=2)
        self._n_clean = run.row_state.create("n_clean")
        self._n_seen = run.row_state.create("n_seen", dtype=torch.int64)

    def train_batch(self, batch):
        run, n_rows = self.run, len(batch.y)
        views = run.both_views(batch.X)
        logits = run.logits(views).float()
        weak, strong = logits.detach().softmax(dim=1).chunk(2)
        clean, hard, purified, predicted = self._divide(batch, weak, strong)
        self._move_thresholds(batch.rows, weak, strong)
        if self._epoch < self._n_warmup:
            plain = run.row_losses(logits[:n_rows], batch.y)
            return run.learn(batch, plain, None, logits[:n_rows])
        self._n_clean[batch.rows] += clean + 0.5 * hard
        self._n_seen[batch.rows] += 1
        labels = torch.where(purified, predicted, batch.y)
        kept = clean | purified
        parts = [divided_losses(view, labels, kept, hard) for view in logits.chunk(2)]
        rows = (parts[0] + parts[1]) / 2
        # A row alone has no partner, and nets that normalise by the batch can't take it.
        if kept.sum() > 1:
            rows = rows + self._mixed_losses(views[:n_rows], labels, kept)
        # The mean over all rows: where few are trusted yet, a step is small.
        weights = run.loss_weights(batch.rows)
        loss = run.gradient_step(rows, weights, batch)
        return loss, logits[:n_rows].detach()

    def end_epoch(self, epoch):
        self._epoch = epoch + 1

    def share_clean(self):
        """Return how often each row was clean after the warm-up; NaN where that isn't known."""
        return (self._n_clean.double() / self._n_seen).cpu().numpy()

    def _divide(self, batch, weak, strong):
        """Return which rows are clean, hard and purified, and the classes predicted."""
        thresholds = self._thresholds[batch.rows]
        given = torch.cat([view.gather(1, batch.y[:, None]) for view in (weak, strong)], dim=1)
        above = given > thresholds
        clean = above.all(dim=1) | self._trusted[batch.rows]
        hard = above.any(dim=1) & ~clean
        confidence, predicted = ((weak + strong) / 2).max(dim=1)
        needed = (thresholds.mean(dim=1) + self._method.margin).clamp(max=SUREST)
        return clean, hard, (confidence > needed) & ~clean & ~hard, predicted

    def _move_thresholds(self, rows, weak, strong):
        largest = torch.stack([weak.amax(dim=1), strong.amax(dim=1)], dim=1)
        self._thresholds[rows] = self._thresholds[rows].lerp(largest, 1 - self._method.momentum)

    def _mixed_losses(self, X, labels, kept):
        """Return the losses of kept rows mixed with one another; 0 for the others."""
        rows = torch.nonzero(kept)[:, 0]
        partners = rows[torch.from_numpy(self._random_state.permutation(len(rows))).to(rows.device)]
        share = losses.draw_mixing_share(self._method.alpha, self._random_state)
        logits = self.run.logits(share * X[rows] + (1 - share) * X[partners]).float()
        own, other = (
            cross_entropy(logits, labels[of], reduction="none") for of in (rows, partners)
        )
        mixed = share * own + (1 - share) * other
        return torch.zeros_like(kept, dtype=mixed.dtype).index_put((rows,), mixed)


def divided_losses(logits, labels, kept, hard):
    """Return cross-entropy of kept rows, the bounded loss of hard ones, and 0 of the others.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    labels : Tensor of int of shape (n_rows,)
    kept, hard : Tensor of bool of shape (n_rows,)

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> logits, labels = torch.zeros(3, 2), torch.tensor([0, 0, 0])
    >>> kept, hard = torch.tensor([True, False, False]), torch.tensor([False, True, False])
    >>> divided_losses(logits, labels, kept, hard)
    tensor([0.6931, 0.5492, 0.0000])
    """
    plain = cross_entropy(logits, labels, reduction="none")
    bounded = (1 - torch.exp(-ROBUSTNESS * plain)) / ROBUSTNESS
    return plain * kept + bounded * hard
