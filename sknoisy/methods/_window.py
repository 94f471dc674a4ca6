"""When to stop counting wrong events: before the net learns its wrong labels by heart."""

import numpy as np
import torch

MIN_EPOCHS = 4
COMPETENCE = 0.9
LATEST_SHARE = 1 / 3


def split_watched(codes, rows, share, random_state):
    """Draw a share of the rows of each class that a training leaves out and watches.

    Returns
    -------
    (training_rows, watched_rows) : ndarrays of int
    """
    order = random_state.permutation(rows)
    order = order[np.argsort(codes[order], kind="stable")]
    steps = np.floor(np.arange(len(order) + 1) * share)
    is_watched = np.diff(steps) > 0
    return np.sort(order[~is_watched]), np.sort(order[is_watched])


class CountingWindow:
    """Watches a training, epoch by epoch.

    Rows that are trained on and rows that are only watched carry equally many wrong labels, so
    a net that has learnt what can be learnt agrees with both equally often. Agreement with the
    training rows that runs ahead of that with the watched ones is memory, and from there on
    wrong labels lose their wrong events. Counting ends, not before the fourth epoch, when the gap
    has exceeded `memorization_gap` by more than one standard error in two epochs running: in a
    single one the net may happen to be bad.

    It keeps the base model too: the weights of the epoch at Label Wave's first local minimum of
    the number of changed predictions. And it keeps a moving average of the weights, a
    third of it from the latest epoch: the best net that plain training has to offer.

    Parameters
    ----------
    run : TrainingRun
    recorder : EventRecorder
    training_rows, watched_rows : ndarray of int
    memorization_gap : float
    keeps_base : bool
        Whether to look for the base model.
    """

    def __init__(self, run, recorder, training_rows, watched_rows, *, memorization_gap, keeps_base):
        self._run = run
        self._recorder = recorder
        self._training_rows = torch.as_tensor(training_rows, device=run.device)
        self._watched_rows = torch.as_tensor(watched_rows, device=run.device)
        self._error = _largest_standard_error(len(watched_rows) or len(training_rows))
        self._largest_gap = memorization_gap + self._error
        self._seeks_base = keeps_base
        self._n_changes = np.inf
        self._previous_state = None
        self._agreements = []
        self._gap_was_large = False
        self.base_state = None
        self.averaged_state = None

    def close_epoch(self, epoch):
        """Count this epoch; return whether it was the last."""
        self._watch()
        n_changes = self._recorder.close_epoch()
        gap = self._gap()
        self._run.net.history.record("memorization_gap", gap)
        state = self._run.state()
        self.averaged_state = blend(self.averaged_state, state, LATEST_SHARE)
        if self._seeks_base:
            self._seek_base(epoch, n_changes, state)
        self._n_changes = n_changes
        gap_is_large = gap > self._largest_gap
        memorizes = gap_is_large and self._gap_was_large
        self._gap_was_large = gap_is_large
        return memorizes and epoch + 1 >= MIN_EPOCHS

    def _watch(self):
        for batch, logits in self._run.predict_logits(self._watched_rows):
            losses = self._run.row_losses(logits, batch.y)
            self._recorder.record(batch.rows, logits, losses)

    def _gap(self):
        trained = self._recorder.agreement(self._training_rows)
        watched = trained
        if len(self._watched_rows):
            watched = self._recorder.agreement(self._watched_rows)
        self._agreements.append(watched)
        return trained - watched

    def counted_epochs(self):
        """Return the epochs that count: those in which the net was nearly as good as ever.

        What an untrained net contradicts says nothing about the labels. Agreement with the
        labels of the watched rows, or of all where none are watched, measures how good it is,
        up to one standard error.
        """
        agreements = np.array(self._agreements)
        return np.flatnonzero(agreements >= COMPETENCE * agreements.max() - self._error)

    def _seek_base(self, epoch, n_changes, state):
        if epoch >= 2 and n_changes >= self._n_changes:
            self.base_state = self._previous_state
            self._seeks_base = False
        self._previous_state = state


def blend(averaged, state, share):
    """Return the moving average of weights and buffers; whole numbers come from the latest."""
    if averaged is None:
        return state
    return {
        name: averaged[name].lerp(value, share) if value.is_floating_point() else value
        for name, value in state.items()
    }


def agreement(run, rows):
    """Return for each of the rows whether the net predicts its given label."""
    agrees = np.zeros(run.data.n_rows, dtype=bool)
    for batch, logits in run.predict_logits(rows):
        agrees[batch.rows.cpu().numpy()] = (logits.argmax(dim=1) == batch.y).cpu().numpy()
    return agrees[rows]


def agrees_better(one, other):
    """Return whether one net agrees with more labels than another, beyond one standard error.

    Both are judged on the same rows, so only rows on which they differ count.
    """
    gains = int(np.sum(one & ~other))
    losses = int(np.sum(other & ~one))
    return gains - losses > (gains + losses) ** 0.5


def _largest_standard_error(n_rows):
    return 0.5 / max(n_rows, 1) ** 0.5
