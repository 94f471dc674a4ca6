"""Mean over the later epochs of what a method says of each row."""

from ..training import EpochRecord


class LateMean:
    """Averages a value per row over the later half of the epochs, when the net knows something.

    Parameters
    ----------
    run : TrainingRun
    name : str
        Of the value.
    record_epochs : bool, default=False
        Whether the values of each epoch are kept too.
    """

    def __init__(self, run, name, *, record_epochs=False):
        self._totals = run.row_state.create(f"total {name}")
        self._n_visits = run.row_state.create(f"visits with {name}")
        self._latest = None
        if record_epochs:
            self._latest = run.row_state.create(f"latest {name}", fill=float("nan"))
        self._epochs = EpochRecord()
        self._late_from = run.net.max_epochs // 2
        self._is_late = self._late_from == 0

    def record(self, rows, values):
        if self._is_late:
            self._totals[rows] += values
            self._n_visits[rows] += 1
        if self._latest is not None:
            self._latest[rows] = values.float()

    def end_epoch(self, epoch):
        self._is_late = epoch + 1 >= self._late_from
        if self._latest is not None:
            self._epochs.add(self._latest)

    def values(self):
        """Return the mean of each row, NaN for rows not trained on."""
        return (self._totals / self._n_visits).double().cpu().numpy()

    def by_epoch(self):
        """Return the values of each epoch, (n_epochs, n_rows); None if they weren't kept."""
        return self._epochs.values()
