"""Wrong events: how often a net in training contradicts the given label of a row."""

import numpy as np
import torch
from scipy.stats import rankdata

from ...mixtures import BetaMixture, fit_beta_mixture, fit_beta_mixtures

MIN_ROWS_PER_MIXTURE = 20
CLEAN_SHARE_RANGE = (0.05, 0.98)
FIRST_MIXTURE_ITERATIONS = 20
LATER_MIXTURE_ITERATIONS = 2
# Logits that stay in the cache.
MAX_PENDING_VALUES = 2**15


class EventRecorder:
    """Records wrong events, losses and confidences of all rows, round by round, from predictions.

    A confidence tells how probable the given label is beside its rival. Whatever predicts, it
    gives logits, or logarithms of probabilities, of the rows it has just seen; those of several
    steps are looked at together. Five bytes per row and round are stored until it is known which
    rounds count.

    Parameters
    ----------
    labels : Tensor of int64 of shape (n_rows,)
        Given labels.
    row_state : RowState
        Where the arrays lie.
    """

    def __init__(self, labels, row_state):
        self._labels = labels
        self._rows = row_state
        self._pending = []
        self._n_pending_values = 0
        self._n_rounds = 0
        self._contradicted = []
        self._losses = row_state.create("loss")
        self._confidences = row_state.create("confidence")
        self._predictions = row_state.create("prediction", fill=-1, dtype=torch.int64)
        self._rivals = row_state.create("rival", fill=-1, dtype=torch.int64)
        self._previous_predictions = row_state.create(
            "previous_prediction", fill=-1, dtype=torch.int64
        )
        self._previous_rivals = row_state.create("previous_rival", fill=-1, dtype=torch.int64)

    def record(self, rows, logits, losses):
        self._pending.append((rows, logits, losses))
        self._n_pending_values += logits.numel()
        # Not the whole epoch's: small tensors that outlive their step lie between the large ones
        # that come and go, and break the free memory into pieces.
        if self._n_pending_values > MAX_PENDING_VALUES:
            self._look_at_pending()

    def _look_at_pending(self):
        rows, logits, losses = map(torch.cat, zip(*self._pending, strict=True))
        self._pending, self._n_pending_values = [], 0
        labels, previous_rivals = self._labels[rows], self._previous_rivals[rows]
        predictions, rivals, confidences = compare_labels(logits.float(), labels, previous_rivals)
        self._predictions.index_copy_(0, rows, predictions)
        self._rivals.index_copy_(0, rows, rivals)
        self._confidences.index_copy_(0, rows, confidences)
        self._losses.index_copy_(0, rows, losses.float())

    def close_round(self):
        """Store this round's events; return how many predictions changed since the last one."""
        if self._pending:
            self._look_at_pending()
        self._rows.share("loss", "confidence", "prediction", "rival")
        n_changes = int((self._predictions != self._previous_predictions).sum())
        self._previous_predictions.copy_(self._predictions)
        self._previous_rivals.copy_(self._rivals)
        self._rows.keep(f"event/{self._n_rounds}", self._predictions != self._labels)
        self._rows.keep(f"confidence/{self._n_rounds}", self._confidences.half())
        self._rows.keep(f"loss/{self._n_rounds}", self._losses.half())
        self._n_rounds += 1
        self._contradicted.append(1 - self.agreement(slice(None)))
        return n_changes

    def agreement(self, rows):
        """Return the share of the rows whose given label was predicted in the last round."""
        return 1 - self._rows[f"event/{self._n_rounds - 1}"][rows].float().mean().item()

    def mean_contradicted(self):
        """Return the mean share of the rounds so far in which rows were contradicted."""
        return float(np.mean(self._contradicted))

    def confidences(self):
        """Return the confidence of each row in each round, float32 of (n_rounds, n_rows)."""
        rounds = [self._rows[f"confidence/{each}"] for each in range(self._n_rounds)]
        return torch.stack(rounds).float().cpu().numpy()

    def counts(self, rounds):
        """Return the wrong events of each row in the given rounds, ndarray of int."""
        return sum(self._rows[f"event/{each}"].long() for each in rounds).cpu().numpy()

    def mean_losses(self, rounds):
        """Return the mean loss of each row over the given rounds, ndarray of float."""
        return self._mean("loss", rounds)

    def mean_confidences(self, rounds):
        """Return the mean confidence of each row over the given rounds, ndarray of float."""
        return self._mean("confidence", rounds)

    def _mean(self, name, rounds):
        total = sum(self._rows[f"{name}/{each}"].float() for each in rounds)
        return (total / len(rounds)).cpu().numpy()


def compare_labels(logits, y, previous_rivals):
    """Compare each given label with its rival, and with what the net predicts.

    The rival is the other class that was most probable an epoch before. The best one of the same
    epoch would be too strong where the net wavers between many classes: whichever chance favours
    just now would count, epoch after epoch.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    y : Tensor of int of shape (n_rows,)
    previous_rivals : Tensor of int of shape (n_rows,)
        -1 in the first epoch, where it is the best one of the same epoch after all.

    Returns
    -------
    predictions, rivals, confidences : Tensors of shape (n_rows,)
        The predicted class; the most probable other class, the next rival; and
        p(given) / (p(given) + p(previous rival)).
    """
    labels = y[:, None]
    given = logits.gather(1, labels)
    others = logits.scatter(1, labels, -torch.inf)
    rivals = others.argmax(dim=1, keepdim=True)
    compared = torch.where(previous_rivals[:, None] < 0, rivals, previous_rivals[:, None])
    confidences = torch.sigmoid(given - others.gather(1, compared))
    predictions = torch.where(others.gather(1, rivals) > given, rivals, labels)
    return predictions[:, 0], rivals[:, 0], confidences[:, 0]


def class_histograms(counts, codes, n_classes):
    """Return the histogram of counts of each class, shape (n_classes, max_count + 1)."""
    n_levels = int(counts.max()) + 1
    cells = codes * n_levels + counts
    return np.bincount(cells, minlength=n_classes * n_levels).reshape(n_classes, n_levels)


def fit_class_mixtures(histograms, *, per_class=True, n_iter=FIRST_MIXTURE_ITERATIONS, start=None):
    """Fit the mixture of each class, or one for all.

    A class with few rows, one count only, or a mixture whose clean share is out of range is
    given the mixture of all rows.

    Parameters
    ----------
    histograms : ndarray of shape (n_classes, max_count + 1)
    per_class : bool, default=True
    n_iter : int, default=20
    start : BetaMixture, default=None
        What an earlier fit returned, to go on from.

    Returns
    -------
    BetaMixture or None
        With one mixture per class; None where all rows of the data have the same count.
    """
    whole = fit_beta_mixture(histograms.sum(axis=0), n_iter=n_iter)
    if whole is None:
        return None
    n_classes = len(histograms)
    whole = BetaMixture(*(np.stack([part] * n_classes, axis=-1) for part in whole))
    if not per_class:
        return whole
    mixtures = fit_beta_mixtures(histograms, n_iter=n_iter, start=start)
    low, high = CLEAN_SHARE_RANGE
    clean_share = mixtures.weights[0]
    is_fitted = histograms.sum(axis=1) >= MIN_ROWS_PER_MIXTURE
    is_fitted &= mixtures.high > mixtures.low
    return mixtures.choose(is_fitted & (clean_share > low) & (clean_share < high), whole)


def level_posteriors(mixtures, n_levels):
    """Return the probability of a right and of a wrong label at each count.

    A smaller count never means a worse label. The fit alone doesn't ensure it: a clean
    component whose density vanishes at zero would call rows that were never contradicted wrong.

    Returns
    -------
    ndarray of shape (2, n_classes, n_levels)
    """
    levels = np.arange(n_levels)
    clean, noisy = mixtures.posterior(levels)
    clean = np.maximum.accumulate(clean[:, ::-1], axis=1)[:, ::-1]
    fitted = levels <= mixtures.high[:, None]
    rising = np.minimum.accumulate(np.where(fitted, noisy, 1)[:, ::-1], axis=1)[:, ::-1]
    return np.stack([clean, np.where(fitted, rising, noisy)])


def clean_posteriors(mixtures, n_classes, n_levels):
    """Return the probability that a label is right for each class and count.

    Shape (n_classes, n_levels); all ones without mixtures.
    """
    if mixtures is None:
        return np.ones((n_classes, n_levels))
    return level_posteriors(mixtures, n_levels)[0]


def judged_by_counts(counts, codes, posteriors, *, n_events):
    """Return which labels are judged right: by the mixture of the row's class.

    A label that the net has predicted in more than half of the events isn't judged wrong,
    whatever the mixture says: on clean data the mixture always finds a right tail.

    Parameters
    ----------
    counts, codes : ndarray of shape (n_rows,)
    posteriors : ndarray of shape (n_classes, n_levels)
    n_events : int
        The largest possible count.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    return (posteriors[codes, counts] >= 0.5) | (counts < n_events / 2)


def count_quality(counts, losses, judged_right, *, n_events):
    """Return the label quality of each row: mean of the verdict and of the share of agreement.

    The second part makes rows of different classes comparable, which posteriors aren't: it is the
    share of events in which the net agreed with the label, ties by mean loss. A quality below one
    half means that the label is judged wrong.

    Parameters
    ----------
    counts, losses, judged_right : ndarray of shape (n_rows,)
    n_events : int
        The largest possible count.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    ties = rankdata(losses) / (len(losses) + 1)
    disagreement = (counts + ties) / (n_events + 1)
    return (judged_right + 1 - disagreement) / 2


def mean_rank(*scores, weights):
    """Return the weighted mean of the scores' ranks, scaled to (0, 1)."""
    ranks = [rankdata(score) / (len(score) + 1) for score in scores]
    return np.average(ranks, axis=0, weights=weights)
