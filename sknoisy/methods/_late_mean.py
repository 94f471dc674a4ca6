"""Mean over the later epochs of what a method says of each row."""

import torch


class LateMean:
    """Averages a value per row over the later half of the epochs, when the net knows something.

    Parameters
    ----------
    run : TrainingRun
    """

    def __init__(self, run):
        self._totals = torch.zeros(run.data.n_rows, device=run.device)
        self._n_visits = torch.zeros(run.data.n_rows, device=run.device)
        self._late_from = run.net.max_epochs // 2
        self._is_late = self._late_from == 0

    def record(self, rows, values):
        if self._is_late:
            self._totals[rows] += values
            self._n_visits[rows] += 1

    def close_epoch(self, epoch):
        self._is_late = epoch + 1 >= self._late_from

    def values(self):
        """Return the mean of each row, NaN for rows not trained on."""
        return (self._totals / self._n_visits).double().cpu().numpy()
