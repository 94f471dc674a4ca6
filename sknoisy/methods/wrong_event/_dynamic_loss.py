"""The second stage of wrong event: training on with a dynamically weighted loss."""

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from ...training import Step, has_scheduler
from ._events import (
    LATER_MIXTURE_ITERATIONS,
    class_histograms,
    fit_class_mixtures,
    level_posteriors,
)

FINAL_LR_SHARE = 0.1
PROBABILITY_FLOOR = 1e-4
DIFFICULTIES = {
    "published": lambda t1, t2, f1, f2: t1 * f1 + (1 - t2) * (1 - f2),
    "symmetric": lambda t1, t2, f1, f2: t1 * f1 + t2 * (1 - f2),
    "one": lambda t1, t2, f1, f2: np.ones_like(t1),
    "zero": lambda t1, t2, f1, f2: np.zeros_like(t1),
}
NOISY_TERMS = ("entropy", "confident_entropy", "none")
SIMILARITIES = ("logits", "probabilities")


class DynamicLossStep(Step):
    """Trains on two views of each batch; counts go on and steer the loss.

    Parameters
    ----------
    run : TrainingRun
        Started from the base model.
    counts : ndarray of int of shape (n_rows,)
        Wrong events so far.
    held_out_rows : ndarray of int
        Rows that aren't trained on, but counted too, in evaluation mode.
    n_epochs : int
    n_events : int
        The largest possible count so far.
    method : WrongEvent
        Gives `per_class`, `difficulty`, `noisy_term`, `similarity` and `accumulate`.
    """

    stage = "dynamic_loss"

    def __init__(self, run, counts, held_out_rows, n_epochs, n_events, method):
        super().__init__(run)
        run.check_strong_view()
        self._method = method
        self._held_out_rows = held_out_rows
        self._n_events = n_events
        self._counts = run.row_state.keep("events", torch.tensor(counts, device=run.device))
        self._n_levels = int(counts.max()) + 2 * n_epochs + 1
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._mixtures = fit_class_mixtures(self._histograms(), per_class=method.per_class)
        self._tables = self._weight_tables()
        self._scheduler = None
        if not has_scheduler(run.net):
            floor = FINAL_LR_SHARE * run.net.lr
            self._scheduler = CosineAnnealingLR(run.net.optimizer_, n_epochs, eta_min=floor)

    def counts(self):
        return self._counts.cpu().numpy()

    def losses(self, batch):
        run, y, rows = self.run, batch.y, batch.rows
        views = run.both_views(batch.X)
        logits = run.logits(views)
        if self._method.accumulate:
            events = (logits.argmax(dim=1).view(2, len(y)) != y).sum(dim=0)
            self._counts.index_add_(0, rows, events)
        weak, strong = logits.chunk(2)
        losses = dynamic_loss(
            weak,
            strong,
            run.row_losses(weak, y) + run.row_losses(strong, y),
            self._weights(rows, y),
            noisy_term=self._method.noisy_term,
            similarity=self._method.similarity,
        )
        return losses, None, weak

    def end_epoch(self, epoch):
        """Count the held-out rows, and refresh the mixtures from the counts so far."""
        if self._method.accumulate:
            self.run.row_state.share("events")
            self._count_held_out()
            self._n_events += 2
            share = self._counts.sum().item() / (len(self._counts) * self._n_events)
            self.run.net.history.record("wrong_events", share)
            self._mixtures = fit_class_mixtures(
                self._histograms(),
                per_class=self._method.per_class,
                n_iter=LATER_MIXTURE_ITERATIONS,
                start=self._mixtures,
            )
            self._tables = self._weight_tables()
        if self._scheduler is not None:
            self._scheduler.step()

    def _count_held_out(self):
        for view in (self.run.weak_view, self.run.strong_view):
            for batch, logits in self.run.predict_batches(self._held_out_rows, view=view):
                self._counts[batch.rows] += logits.argmax(dim=1) != batch.y

    def _weights(self, rows, y):
        weights = self._tables[:, y, self._counts[rows]]
        return torch.where(self._trusted[rows], 1.0, weights)

    def _histograms(self):
        return class_histograms(self.counts(), self.run.data.y, self.run.data.n_classes)

    def _weight_tables(self):
        tables = weight_tables(
            self._mixtures, self.run.data.n_classes, self._n_levels, self._method.difficulty
        )
        return torch.from_numpy(tables).float().to(self.run.device)


def weight_tables(mixtures, n_classes, n_levels, difficulty="published"):
    """Return the weights of the cross-entropy and similarity terms by class and count.

    Counts beyond the last fit have density zero under both components: both weights are 0
    there, and the row is treated as wrongly labelled.

    Parameters
    ----------
    mixtures : BetaMixture or None
        One per class; None: every label counts as right.
    n_classes : int
    n_levels : int
        Counts 0 to n_levels - 1.
    difficulty : {"published", "symmetric", "one", "zero"}

    Returns
    -------
    ndarray of shape (2, n_classes, n_levels)
    """
    if mixtures is None:
        return np.ones((2, n_classes, n_levels))
    clean, noisy = level_posteriors(mixtures, n_levels)
    clean_cdf, noisy_cdf = mixtures.cdf(np.arange(n_levels))
    return np.stack([clean, DIFFICULTIES[difficulty](clean, noisy, clean_cdf, noisy_cdf)])


def dynamic_loss(
    weak, strong, cross_entropies, weights, *, noisy_term="entropy", similarity="logits"
):
    """Return the loss of each row: clean, similarity and noisy term.

    Parameters
    ----------
    weak, strong : Tensor of shape (n_rows, n_classes)
        Logits of the two views.
    cross_entropies : Tensor of shape (n_rows,)
        Sum over the two views.
    weights : Tensor of shape (2, n_rows)
        Weight of the cross-entropy and of the similarity; constants.
    noisy_term : {"entropy", "confident_entropy", "none"}
    similarity : {"logits", "probabilities"}

    Returns
    -------
    Tensor of shape (n_rows,)
    """
    clean, similar = weights
    losses = clean * cross_entropies + similar * _distance(weak, strong, similarity)
    if noisy_term == "none":
        return losses
    return losses + (1 - clean) * _uncertainty(weak, strong, noisy_term)


def _distance(weak, strong, similarity):
    if similarity == "probabilities":
        weak, strong = weak.softmax(dim=1), strong.softmax(dim=1)
    return ((weak - strong) ** 2).mean(dim=1)


def _uncertainty(weak, strong, noisy_term):
    views = torch.stack([weak.softmax(dim=1), strong.softmax(dim=1)])
    mean = views.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR).mean(dim=0)
    entropy = -(mean * mean.log()).sum(dim=1)
    if noisy_term == "confident_entropy":
        return entropy * mean.max(dim=1).values.detach()
    return entropy
