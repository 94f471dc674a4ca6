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
    """Counts wrong events and losses of all rows, on the device, from logits at hand.

    Predictions are kept in each step and compared once per epoch, so a step costs one argmax.
    """

    def __init__(self, run):
        self._labels = run.labels
        self._predictions = torch.full_like(run.labels, -1)
        self._previous = self._predictions.clone()
        self._losses = torch.zeros(len(run.labels), device=run.device)
        self._open = []
        self._counts = torch.zeros_like(run.labels)
        self._loss_sums = torch.zeros_like(self._losses)
        self.n_epochs = 0

    def record(self, rows, logits, losses):
        self._open.append((rows, logits.argmax(dim=1), losses))

    def gather(self):
        """Bring what was recorded into the order of the rows."""
        rows, predictions, losses = map(torch.cat, zip(*self._open, strict=True))
        self._predictions[rows] = predictions
        self._losses[rows] = losses.float()
        self._open.clear()

    def close_epoch(self):
        """Add this epoch's events; return how many predictions changed since the last one."""
        self._counts += self._predictions != self._labels
        self._loss_sums += self._losses
        n_changes = int((self._predictions != self._previous).sum())
        self._previous = self._predictions.clone()
        self.n_epochs += 1
        return n_changes

    def counts(self):
        """Return the wrong events of each row so far, ndarray of int."""
        return self._counts.cpu().numpy()

    def mean_losses(self):
        return (self._loss_sums / max(self.n_epochs, 1)).cpu().numpy()

    def agreement(self, rows):
        """Return the share of the rows whose given label was predicted in this epoch."""
        right = self._predictions[rows] == self._labels[rows]
        return right.float().mean().item()


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


def count_quality(counts, losses, codes, posteriors, *, n_events, threshold=0.5):
    """Return the label quality of each row from its count, ties by mean loss.

    A label that the net has predicted in more than half of the epochs isn't judged wrong,
    whatever the mixture says: on clean data the mixture always finds a right tail. Rows of
    equal count and class are spread over the interval up to the neighbouring counts by their
    mean loss, without crossing the threshold.

    Parameters
    ----------
    counts, losses, codes : ndarray of shape (n_rows,)
    posteriors : ndarray of shape (n_classes, n_levels)
    n_events : int
        The largest possible count.
    threshold : float, default=0.5

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    levels = np.arange(posteriors.shape[1])
    guarded = np.where(levels < n_events / 2, np.maximum(posteriors, threshold), posteriors)
    padded = np.pad(guarded, ((0, 0), (1, 1)), mode="edge")
    padded[:, 0], padded[:, -1] = 1.0, 0.0
    upper = (padded[:, :-2] + padded[:, 1:-1]) / 2
    lower = (padded[:, 1:-1] + padded[:, 2:]) / 2
    order = _rank_within(codes * len(levels) + counts, losses)
    cell = codes, counts
    quality = upper[cell] - (upper[cell] - lower[cell]) * order
    is_clean = guarded[cell] >= threshold
    below = np.nextafter(threshold, 0)
    return np.where(is_clean, np.maximum(quality, threshold), np.minimum(quality, below))


def _rank_within(groups, values):
    """Return the rank of each value within its group, in (0, 1)."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.lexsort((values, codes))
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values)) - starts[codes[order]]
    return (ranks + 0.5) / sizes[codes]


def mean_rank(*scores):
    """Return the mean of the scores' ranks, scaled to (0, 1)."""
    return np.mean([rankdata(score) / (len(score) + 1) for score in scores], axis=0)
