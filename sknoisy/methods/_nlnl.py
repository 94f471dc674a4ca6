"""NLNL: negative learning for noisy labels."""

from dataclasses import replace
from numbers import Integral

import numpy as np
import torch

from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

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
    >>> X, y = load_digits(n_class=6, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("nlnl", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.8)
    True
    """

    name = "nlnl"
    cost = "detector: 3; classifier: 5"
    choose_it = "to compare: it learns what a row is not"
    citation = "Kim, Yim, Yun, Kim (2019). *NLNL: Negative Learning for Noisy Labels.* ICCV"
    default_threshold = SELECTED

    def __init__(self, *, n_rounds: int = 3, n_complementary: int | None = None) -> None:
        self.n_rounds = n_rounds
        self.n_complementary = n_complementary

    def check_parameters(self) -> None:
        check_number(self, "n_rounds", 1, kind=Integral)
        check_number(self, "n_complementary", 1, kind=Integral, optional=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Run the three stages; the evidence is the mean probability of the given label."""
        run = trainer.new_run()
        n_epochs = max(1, round(self.n_rounds * trainer.max_epochs / len(STAGES)))
        seed = trainer.random_state().randint(2**31)
        step = NegativeLearningStep(run, self, n_epochs, seed)
        run.fit(step, max_epochs=len(STAGES) * n_epochs)
        quality = np.full(run.data.n_rows, np.nan)
        quality[run.rows] = step.given_probabilities()[run.rows]
        evidence = LabelEvidence.of(run, quality)
        evidence.weights[run.data.trusted] = 1.0
        return evidence

    def train_classifier(self, trainer: Trainer, evidence: LabelEvidence) -> LabelEvidence:
        """Train a net on the kept rows, and another one on its soft labels of all rows."""
        first = trainer.new_run()
        kept = (evidence.quality >= SELECTED) | first.data.trusted
        averaging = MeanPredictionStep(first)
        first.fit(averaging, rows=first.chosen_rows(kept))
        second = trainer.new_run()
        second.fit(SoftLabelStep(second, averaging.mean_predictions()))
        history = evidence.history + first.history() + second.history()
        return replace(evidence, states=(second.state(),), history=history)


class NegativeLearningStep(Step):
    """The step of each stage, and the probabilities of the given labels.

    Parameters
    ----------
    run : TrainingRun
    method : NLNL
    n_epochs : int
        Of each stage.
    seed : int
        Of the complementary labels.
    """

    def __init__(self, run, method, n_epochs, seed):
        super().__init__(run)
        n_classes = run.data.n_classes
        self._n_drawn = method.n_complementary or (1 if n_classes <= 10 else n_classes)
        self._n_epochs = n_epochs
        self._generator = torch.Generator().manual_seed(int(seed))
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._last = run.row_state.create("given_probability")
        self._remembered = []
        counts = torch.bincount(run.labels[torch.from_numpy(run.rows).to(run.device)])
        self._class_weights = counts.max() / counts.clamp_min(1)
        self.stage = STAGES[0]

    def losses(self, batch):
        run, y = self.run, batch.y
        logits = run.logits(run.weak_view(batch.X))
        probabilities = logits.softmax(dim=1)
        given = probabilities.gather(1, y[:, None])[:, 0]
        selected = self._selected(batch.rows)
        if self.stage == "selective_positive":
            losses = run.row_losses(logits, y)
        else:
            losses = self._negative_losses(probabilities, y)
        self._last[batch.rows] = given.detach().float()
        return losses, selected.to(losses.dtype), logits

    def end_epoch(self, epoch):
        rows = self.run.row_state
        self._remembered.append(rows.keep(f"given_probability/{epoch}", self._last.clone()))
        if len(self._remembered) > N_REMEMBERED:
            self._remembered = self._remembered[1:]
            rows.discard(f"given_probability/{epoch - N_REMEMBERED}")
        self.stage = STAGES[min((epoch + 1) // self._n_epochs, len(STAGES) - 1)]

    def given_probabilities(self):
        """Return the mean probability of each row's given label over the last epochs."""
        return self._mean().double().cpu().numpy()

    def _mean(self):
        return torch.stack(self._remembered).mean(dim=0)

    def _selected(self, rows):
        if self.stage == "negative" or not self._remembered:
            return torch.ones(len(rows), dtype=torch.bool, device=self.run.device)
        floor = SELECTED if self.stage == "selective_positive" else 1 / self.run.data.n_classes
        mean = torch.stack([epoch[rows] for epoch in self._remembered]).mean(dim=0)
        return (mean >= floor) | self._trusted[rows]

    def _negative_losses(self, probabilities, y):
        drawn = complementary_labels(y, probabilities.shape[1], self._n_drawn, self._generator)
        wrong = 1 - probabilities.gather(1, drawn)
        return -torch.log(wrong.clamp(PROBABILITY_FLOOR, 1)).mean(dim=1) * self._class_weights[y]


class MeanPredictionStep(Step):
    """Plain training that averages the predictions of all rows over its last epochs."""

    stage = "kept_rows"

    def __init__(self, run):
        super().__init__(run)
        self._first_epoch = run.net.max_epochs - N_REMEMBERED
        self._total = run.row_state.create("total_prediction", width=run.data.n_classes)

    def end_epoch(self, epoch):
        if epoch < self._first_epoch:
            return
        for batch, logits in self.run.predict_batches(np.arange(self.run.data.n_rows)):
            self._total[batch.rows] += logits.float().softmax(dim=1)

    def mean_predictions(self):
        return self._total / self._total.sum(dim=1, keepdim=True)


class SoftLabelStep(Step):
    """Trains towards a distribution per row.

    Parameters
    ----------
    run : TrainingRun
    targets : Tensor of shape (n_rows, n_classes)
    """

    stage = "soft_labels"

    def __init__(self, run, targets):
        super().__init__(run)
        self._targets = run.row_state.keep("target", targets)

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        losses = -(self._targets[batch.rows] * logits.log_softmax(dim=1)).sum(dim=1)
        return losses, None, logits


def complementary_labels(y, n_classes, n_drawn, generator):
    """Draw labels other than the given ones, shape (n_rows, n_drawn)."""
    shape = (len(y), n_drawn)
    shifts = torch.randint(1, n_classes, shape, generator=generator).to(y.device)
    return (y[:, None] + shifts) % n_classes
