"""NLNL: negative learning for noisy labels."""

from dataclasses import replace
from numbers import Integral

import numpy as np
import torch

from .._parameters import check_number
from ._base import LabelEvidence, Method, margin_quality

N_REMEMBERED = 10
PROBABILITY_FLOOR = 1e-5
SELECTED = 0.5
STAGES = ("negative", "selective_negative", "selective_positive")


class NLNL(Method):
    r"""Learn from what a row is not: a label other than the given one is rarely wrong.

    Three stages, each a third of the epochs, train one net. Stage 1 draws a complementary
    label :math:`\tilde y \ne y` anew in every step and lowers its probability,
    :math:`-\log(1 - p_{\tilde y})`. Stage 2 does so with the rows whose given label has a
    probability of at least :math:`1/K`. Stage 3 learns the given label, :math:`-\log p_y`, of the
    rows where that is at least one half. The probability is the mean over the last ten epochs of
    the training passes, and the label quality in the end; so one half is the published threshold.

    In `RobustClassifier` a fresh net is trained on the rows that are kept, its mean predictions
    become soft labels of all rows, and another fresh net learns these.

    Needs nothing but the labels. Cost in multiples of plain training: `n_rounds`; the classifier 2
    more.

    Parameters
    ----------
    n_rounds : int, default=3
        Each stage trains for `n_rounds` times a third of the net's `max_epochs`. The published
        stages have 720 epochs each; negative learning is slow.
    n_complementary : int, default=None
        Complementary labels per row and step. None: 1 for up to ten classes, else as many as
        there are classes, as published (1 for 10 classes, 110 for 100).

    References
    ----------
    Kim, Yim, Yun and Kim, "NLNL: Negative Learning for Noisy Labels", ICCV 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("nlnl", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.8)
    True
    """

    published_threshold = SELECTED
    published_final = "joint"

    def __init__(self, *, n_rounds=3, n_complementary=None):
        self.n_rounds = n_rounds
        self.n_complementary = n_complementary

    def check_parameters(self):
        check_number(self, "n_rounds", 1, kind=Integral)
        check_number(self, "n_complementary", 1, kind=Integral, optional=True)

    def detect(self, trainer, data):
        """Run the three stages; the evidence is the mean probability of the given label."""
        run = trainer.start()
        stages = NegativeLearning(run, self, trainer.random_state().randint(2**31))
        n_epochs = max(1, round(self.n_rounds * trainer.max_epochs / len(STAGES)))

        def after_epoch(epoch):
            stages.close_epoch()
            stages.stage = STAGES[min((epoch + 1) // n_epochs, len(STAGES) - 1)]

        run.run(stages.train_batch, max_epochs=len(STAGES) * n_epochs, after_epoch=after_epoch)
        quality, alternatives = margin_quality(run)
        quality[run.rows] = stages.given_probabilities()[run.rows]
        return LabelEvidence(
            quality=quality,
            weights=np.where(data.trusted, 1.0, quality),
            alternatives=alternatives,
            state=run.state(),
            history=run.history(),
        )

    def train_joint(self, trainer, data, evidence):
        """Train a net on the kept rows, and another one on its soft labels of all rows."""
        first = trainer.start()
        kept = (evidence.quality >= SELECTED) | data.trusted
        rows = first.rows[kept[first.rows]]
        soft = SoftLabels(first)
        rows = rows if len(rows) > 1 else first.rows
        first.run_plain(rows=rows, after_epoch=soft.close_epoch)
        second = trainer.start()
        targets = soft.targets()
        second.run(lambda batch: _soft_step(second, batch, targets))
        history = evidence.history + first.history() + second.history()
        return replace(evidence, state=second.state(), history=history)


class NegativeLearning:
    """The step of each stage, and the probabilities of the given labels.

    Parameters
    ----------
    run : TrainingRun
    method : NLNL
    seed : int
        Of the complementary labels.
    """

    def __init__(self, run, method, seed):
        n_classes = run.data.n_classes
        self._run = run
        self._n_drawn = method.n_complementary or (1 if n_classes <= 10 else n_classes)
        self._generator = torch.Generator().manual_seed(int(seed))
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._last = torch.zeros(run.data.n_rows, device=run.device)
        self._remembered = []
        counts = torch.bincount(run.labels[torch.from_numpy(run.rows).to(run.device)])
        self._class_weights = counts.max() / counts.clamp_min(1)
        self.stage = STAGES[0]

    def train_batch(self, batch):
        run, y = self._run, batch.y
        logits = run.logits(run.weak_view(batch.X))
        probabilities = logits.softmax(dim=1)
        given = probabilities.gather(1, y[:, None])[:, 0]
        if self.stage == "selective_positive":
            losses = run.row_losses(logits, y)
        else:
            losses = self._negative_losses(probabilities, y)
        shares = run.shares(batch.rows, self._selected(batch.rows).to(losses.dtype))
        loss = run.gradient_step(losses, shares, batch)
        self._last[batch.rows] = given.detach().float()
        return loss, logits.detach()

    def close_epoch(self):
        self._remembered = [*self._remembered, self._last.clone()][-N_REMEMBERED:]

    def given_probabilities(self):
        """Return the mean probability of each row's given label over the last epochs."""
        return self._mean().double().cpu().numpy()

    def _mean(self):
        return torch.stack(self._remembered).mean(dim=0)

    def _selected(self, rows):
        if self.stage == "negative" or not self._remembered:
            return torch.ones(len(rows), dtype=torch.bool, device=self._run.device)
        floor = SELECTED if self.stage == "selective_positive" else 1 / self._run.data.n_classes
        mean = torch.stack([epoch[rows] for epoch in self._remembered]).mean(dim=0)
        return (mean >= floor) | self._trusted[rows]

    def _negative_losses(self, probabilities, y):
        drawn = complementary_labels(y, probabilities.shape[1], self._n_drawn, self._generator)
        wrong = 1 - probabilities.gather(1, drawn)
        return -torch.log(wrong.clamp(PROBABILITY_FLOOR, 1)).mean(dim=1) * self._class_weights[y]


class SoftLabels:
    """Mean predictions of a net over its last epochs, for all rows."""

    def __init__(self, run):
        self._run = run
        self._first_epoch = run.net.max_epochs - N_REMEMBERED
        self._total = torch.zeros((run.data.n_rows, run.data.n_classes), device=run.device)

    def close_epoch(self, epoch):
        if epoch < self._first_epoch:
            return
        for batch, logits in self._run.predict_logits(np.arange(self._run.data.n_rows)):
            self._total[batch.rows] += logits.float().softmax(dim=1)

    def targets(self):
        return self._total / self._total.sum(dim=1, keepdim=True)


def complementary_labels(y, n_classes, n_drawn, generator):
    """Draw labels other than the given ones, shape (n_rows, n_drawn)."""
    shape = (len(y), n_drawn)
    shifts = torch.randint(1, n_classes, shape, generator=generator).to(y.device)
    return (y[:, None] + shifts) % n_classes


def _soft_step(run, batch, targets):
    logits = run.logits(run.weak_view(batch.X))
    losses = -(targets[batch.rows] * logits.log_softmax(dim=1)).sum(dim=1)
    loss = run.gradient_step(losses, run.shares(batch.rows), batch)
    return loss, logits.detach()
