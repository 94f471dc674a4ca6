"""When to stop counting wrong events: before a model learns its wrong labels by heart."""

import numpy as np

MIN_ROUNDS = 4
COMPETENCE = 0.9
BEYOND_LEAST_LOSS = 2
# In the first ones the loss may rise by chance.
MIN_BOOSTING_ROUNDS = 25


class MemorizationWindow:
    """Tells, round by round, whether a model has begun to learn its labels by heart.

    Rows that are trained on and rows that are held out carry equally many wrong labels, so
    a model that has learnt what can be learnt agrees with both equally often. Agreement with the
    training rows that runs ahead of that with the held-out ones is memory, and from there on
    wrong labels lose their wrong events. Counting ends, not before the fourth round, when the gap
    has exceeded `memorization_gap` by more than one standard error in two rounds running: in a
    single one the model may happen to be bad.

    A round is an epoch of a net, or some rounds of boosting.

    Parameters
    ----------
    n_rows : int
        Number of held-out rows, or of all where none are held out.
    memorization_gap : float
    """

    def __init__(self, n_rows, memorization_gap):
        self._error = standard_error(n_rows)
        self._largest_gap = memorization_gap + self._error
        self._agreements = []
        self._gap_was_large = False

    def close_round(self, gap, agreement):
        """Take in a round; return whether it was the last that should count.

        Parameters
        ----------
        gap : float
            Share of the training rows whose label the model predicts, less that of the held-out.
        agreement : float
            The latter share, or the former where no rows are held out.
        """
        self._agreements.append(agreement)
        gap_is_large = gap > self._largest_gap
        memorizes = gap_is_large and self._gap_was_large
        self._gap_was_large = gap_is_large
        return memorizes and len(self._agreements) >= MIN_ROUNDS

    def counted_rounds(self):
        """Return the rounds that count: those in which the model was nearly as good as ever."""
        return competent_rounds(self._agreements, self._error)

    def largest_agreement(self):
        return max(self._agreements)


def competent_rounds(agreements, error):
    """Return the rounds in which a model was nearly as good as ever.

    What an untrained model contradicts says nothing about the labels. Agreement with the held-out
    labels measures how good it is, up to one standard error.
    """
    agreements = np.asarray(agreements)
    return np.flatnonzero(agreements >= COMPETENCE * agreements.max() - error)


def standard_error(n_rows):
    """Return the largest standard error that a share of so many rows can have."""
    return 0.5 / max(n_rows, 1) ** 0.5


def _end_by_loss(losses):
    return BEYOND_LEAST_LOSS * (int(np.argmin(losses)) + 1)


def no_more_rounds(losses):
    """Return whether later rounds are unlikely to count: the least loss lies far enough back."""
    return len(losses) >= max(_end_by_loss(losses), MIN_BOOSTING_ROUNDS)


def rounds_by_loss(losses, agreements, n_rows):
    """Return the rounds of boosting that count.

    Trees that are slow to fit learn wrong labels by heart late. Counting goes on for as many
    rounds again as it took to predict the held-out labels best, in terms of their loss.

    Parameters
    ----------
    losses, agreements : sequences of float
        Mean loss, and share of the labels predicted, of the held-out rows in each round.
    n_rows : int
        Number of held-out rows.
    """
    end = max(_end_by_loss(losses), MIN_ROUNDS)
    return competent_rounds(agreements[:end], standard_error(n_rows))


class LabelWave:
    """Finds the base model: the weights before the first local minimum of changed predictions.

    Attributes
    ----------
    state : dict of Tensor or None
        None until the minimum is found.
    """

    def __init__(self):
        self._n_changes = np.inf
        self._previous_state = None
        self.state = None

    def close_epoch(self, epoch, n_changes, state):
        """Take in the number of predictions that an epoch changed, and its weights."""
        if self.state is None and epoch >= 2 and n_changes >= self._n_changes:
            self.state = self._previous_state
        self._n_changes = n_changes
        self._previous_state = None if self.state is not None else state


def agrees(batch, logits):
    """Return for each row whether the net predicts its given label; for `TrainingRun.predict`."""
    return logits.argmax(dim=1) == batch.y


def agrees_better(one, other):
    """Return whether one net agrees with more labels than another, beyond one standard error.

    Both are judged on the same rows, so only rows on which they differ count.
    """
    gains = int(np.sum(one & ~other))
    losses = int(np.sum(other & ~one))
    return gains - losses > (gains + losses) ** 0.5
