"""Mean over the later epochs of what a method says of each row."""


class LateMean:
    """Averages a value per row over the later half of the epochs, when the net knows something.

    Parameters
    ----------
    run : TrainingRun
    name : str
        Of the value.
    """

    def __init__(self, run, name):
        self._totals = run.row_state.create(f"total {name}")
        self._n_visits = run.row_state.create(f"visits with {name}")
        self._late_from = run.net.max_epochs // 2
        self._is_late = self._late_from == 0

    def record(self, rows, values):
        if self._is_late:
            self._totals[rows] += values
            self._n_visits[rows] += 1

    def end_epoch(self, epoch):
        self._is_late = epoch + 1 >= self._late_from

    def values(self):
        """Return the mean of each row, NaN for rows not trained on."""
        return (self._totals / self._n_visits).double().cpu().numpy()
