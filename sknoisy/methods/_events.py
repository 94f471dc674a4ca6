"""Wrong events: how often a net in training contradicts the given label of a row."""

import numpy as np
import torch
from scipy.stats import rankdata

from ..mixtures import fit_beta_mixture

MIN_ROWS_PER_MIXTURE = 20
CLEAN_SHARE_RANGE = (0.05, 0.98)
FIRST_MIXTURE_ITERATIONS = 20
LATER_MIXTURE_ITERATIONS = 2


class EventRecorder:
    """Records wrong events and losses of all rows, on the device, from logits at hand.

    Predictions are kept in each step and compared once per epoch, so a step costs one argmax.
    Three bytes per row and epoch are stored until it is known which epochs count.
    """

    def __init__(self, run):
        self._labels = run.labels
        self._predictions = torch.full_like(run.labels, -1)
        self._losses = torch.zeros(len(run.labels), device=run.device)
        self._open = []
        self._epoch_events = []
        self._epoch_losses = []

    def record(self, rows, logits, losses):
        self._open.append((rows, logits.argmax(dim=1), losses))

    def close_epoch(self):
        """Store this epoch's events; return how many predictions changed since the last one."""
        previous = self._predictions.clone()
        rows, predictions, losses = map(torch.cat, zip(*self._open, strict=True))
        self._open.clear()
        self._predictions[rows] = predictions
        self._losses[rows] = losses.float()
        self._epoch_events.append(self._predictions != self._labels)
        self._epoch_losses.append(self._losses.half())
        return int((self._predictions != previous).sum())

    def agreement(self, rows):
        """Return the share of the rows whose given label was predicted in the last epoch."""
        return 1 - self._epoch_events[-1][rows].float().mean().item()

    def counts(self, epochs):
        """Return the wrong events of each row in the given epochs, ndarray of int."""
        return sum(self._epoch_events[epoch].long() for epoch in epochs).cpu().numpy()

    def mean_losses(self, epochs):
        """Return the mean loss of each row over the given epochs, ndarray of float."""
        total = sum(self._epoch_losses[epoch].float() for epoch in epochs)
        return (total / len(epochs)).cpu().numpy()


def class_histograms(counts, codes, n_classes):
    """Return the histogram of counts of each class, shape (n_classes, max_count + 1)."""
    n_levels = int(counts.max()) + 1
    cells = codes * n_levels + counts
    return np.bincount(cells, minlength=n_classes * n_levels).reshape(n_classes, n_levels)


def fit_class_mixtures(histograms, *, per_class=True, n_iter=FIRST_MIXTURE_ITERATIONS, start=None):
    """Fit the mixture of each class, or one for all.

    A class with few rows, one count only, or a mixture whose clean share is out of range is
    given the mixture of all rows.

    Returns
    -------
    list of (BetaMixture or None), one per class
        None where all rows of the data have the same count.
    """
    n_classes = len(histograms)
    start = start or [None] * n_classes
    whole = fit_beta_mixture(histograms.sum(axis=0), n_iter=n_iter)
    if not per_class:
        return [whole] * n_classes
    return [
        _class_mixture(histogram, whole, n_iter, previous)
        for histogram, previous in zip(histograms, start, strict=True)
    ]


def _class_mixture(histogram, whole, n_iter, start):
    if histogram.sum() < MIN_ROWS_PER_MIXTURE:
        return whole
    mixture = fit_beta_mixture(histogram, n_iter=n_iter, start=start)
    low, high = CLEAN_SHARE_RANGE
    return mixture if mixture is not None and low < mixture.weights[0] < high else whole


def level_posteriors(mixture, n_levels):
    """Return the probability of a right and of a wrong label at each count, (2, n_levels).

    A smaller count never means a worse label. The fit alone doesn't ensure it: a clean
    component whose density vanishes at zero would call rows that were never contradicted wrong.
    """
    if mixture is None:
        return np.stack([np.ones(n_levels), np.zeros(n_levels)])
    clean, noisy = mixture.posterior(np.arange(n_levels))
    clean = np.maximum.accumulate(clean[::-1])[::-1]
    fitted = slice(0, mixture.high + 1)
    noisy[fitted] = np.minimum.accumulate(noisy[fitted][::-1])[::-1]
    return np.stack([clean, noisy])


def clean_posteriors(mixtures, n_levels):
    """Return the probability that a label is right for each class and count.

    Shape (n_classes, n_levels).
    """
    return np.array([level_posteriors(mixture, n_levels)[0] for mixture in mixtures])


def count_quality(counts, losses, codes, posteriors, *, n_events):
    """Return the label quality of each row: mean of the verdict and of the share of agreement.

    The verdict is 1 where the mixture of the row's class takes the label for right. The second
    part makes rows of different classes comparable, which posteriors aren't: it is the share of
    events in which the net agreed with the label, ties by mean loss. A quality below one half
    means that the label is judged wrong.

    A label that the net has predicted in more than half of the events isn't judged wrong,
    whatever the mixture says: on clean data the mixture always finds a right tail.

    Parameters
    ----------
    counts, losses, codes : ndarray of shape (n_rows,)
    posteriors : ndarray of shape (n_classes, n_levels)
    n_events : int
        The largest possible count.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    judged_right = (posteriors[codes, counts] >= 0.5) | (counts < n_events / 2)
    ties = rankdata(losses) / (len(losses) + 1)
    disagreement = (counts + ties) / (n_events + 1)
    return (judged_right + 1 - disagreement) / 2


def mean_rank(*scores, weights):
    """Return the weighted mean of the scores' ranks, scaled to (0, 1)."""
    ranks = [rankdata(score) / (len(score) + 1) for score in scores]
    return np.average(ranks, axis=0, weights=weights)
