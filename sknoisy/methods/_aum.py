"""AUM: the area under the margin, compared with that of rows whose labels are made wrong."""

from dataclasses import replace

import numpy as np
import torch

from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method


class AUM(Method):
    r"""Rank rows by the mean of their margin while a net learns, and judge by rows made wrong.

    The margin of a row in an epoch is the logit of its given label less the largest other one; the
    area under it is the mean over the epochs:

    .. math:: \mathrm{AUM}_i = \frac1T \sum_{t \le T} \Big(z^{(t)}_{i \tilde y_i}
       - \max_{c \ne \tilde y_i} z^{(t)}_{ic}\Big)

    Rows of a right label are helped by the others of their class, and have large margins soon;
    those of a wrong one are held back by the rows that they resemble.

    What is small is told by threshold rows: in a second training, some rows are given a class
    that doesn't exist, so that their labels are wrong for sure. A row is judged wrong if its area
    is below nearly all of theirs. A fresh net then learns from the rows that are left.

    The quality is a logistic function of the area, one half at that threshold.

    Needs nothing but the labels. Cost in multiples of plain training: detector 0.6, for two short
    trainings; classifier up to 1 more.

    Parameters
    ----------
    percentile : float in (0, 100), default=99
        Of the areas of threshold rows; below it a label is judged wrong. Published.
    training_share : float in (0, 1], default=0.3
        Share of the net's epochs that both trainings take. Published: until the learning rate is
        lowered first, after half of the epochs; small tables are learnt by heart before.
    threshold_share : float in (0, 1), default=None
        Share of the rows that are threshold rows. None: as many as a class has on average, one in
        K + 1 of K classes, as published.

    Notes
    -----
    The paper trains twice with threshold rows, other ones each time, and judges each row by the
    training in which it isn't one. Here the first training has none and judges all rows, so that
    its net knows the data's classes alone, and the second one gives the threshold.

    The net must take the number of classes from the data, for the one class more: its module has a
    parameter `n_classes`.

    It fails where a class is rare or hard: its rows are held back by others too. Under little noise
    the 99th percentile flags many right labels of overlapping classes, since a threshold row of
    such a class has a margin as small as theirs.

    References
    ----------
    Pleiss, Zhang, Elenberg and Weinberger, "Identifying Mislabeled Data using the Area Under the
    Margin Ranking", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.metrics import noise_detection_report
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("aum", random_state=0).fit(X, y_noisy)
    >>> bool(noise_detection_report(flipped, label_quality=detector.label_quality_)["auc"] > 0.95)
    True
    """

    name = "aum"
    cost = "detector: 0.6; classifier: up to 1 more"
    choose_it = "to compare: rows are ranked by their margins while a net learns"
    citation = (
        "Pleiss, Zhang, Elenberg, Weinberger (2020). *Identifying Mislabeled Data using the Area "
        "Under the Margin Ranking.* NeurIPS"
    )
    default_final = "filter"

    def __init__(
        self,
        *,
        percentile: float = 99.0,
        training_share: float = 0.3,
        threshold_share: float | None = None,
    ) -> None:
        self.percentile = percentile
        self.training_share = training_share
        self.threshold_share = threshold_share

    def check_parameters(self) -> None:
        check_number(self, "percentile", 0, 100, above=True)
        check_number(self, "training_share", 0, np.nextafter(1, 2), above=True)
        check_number(self, "threshold_share", 0, 1, above=True, optional=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train twice, and compare the areas of all rows with those of threshold rows."""
        n_epochs = max(1, round(self.training_share * trainer.max_epochs))
        run = trainer.new_run()
        areas = areas_under_margins(run, n_epochs)
        chosen = self._choose_threshold_rows(run, trainer.random_state())
        second = with_extra_class(trainer, chosen).new_run()
        reference = areas_under_margins(second, n_epochs)[chosen]
        threshold = np.nanpercentile(reference, self.percentile)
        history = run.history() + second.history()
        return LabelEvidence.of(run, area_quality(areas, threshold), history=history)

    def _choose_threshold_rows(self, run, random_state):
        n_classes = run.data.n_classes
        share = self.threshold_share or 1 / (n_classes + 1)
        rows = run.chosen_rows(~run.data.trusted)
        n_chosen = min(max(round(share * len(rows)), 1), len(rows) - 1)
        return np.sort(random_state.permutation(rows)[:n_chosen])


class MarginStep(Step):
    """Plain training that adds up the margins of the rows that it learns from."""

    def __init__(self, run):
        super().__init__(run)
        self._total = run.row_state.create("total_margin", dtype=torch.float32)
        self._n_seen = run.row_state.create("n_seen", dtype=torch.int64)

    def losses(self, batch):
        losses, weights, logits = super().losses(batch)
        self._total[batch.rows] += logit_margins(logits.detach().float(), batch.y)
        self._n_seen[batch.rows] += 1
        return losses, weights, logits

    def areas(self):
        """Return the mean margin of each row; NaN where it wasn't learnt from."""
        return (self._total.double() / self._n_seen).cpu().numpy()


def areas_under_margins(run, n_epochs):
    """Train for some epochs, and return the mean margin of each row."""
    step = MarginStep(run)
    run.fit(step, max_epochs=n_epochs)
    return step.areas()


def with_extra_class(trainer, rows):
    """Return a trainer of the same net in whose data some rows have a class more than there is."""
    data = trainer.data
    y = data.y.copy()
    y[rows] = data.n_classes
    return Trainer(
        trainer.net,
        replace(data, y=y, n_classes=data.n_classes + 1),
        device=trainer.device,
        seed=trainer.random_state().randint(2**31 - 1),
        verbose=trainer.verbose,
        **trainer.given,
    )


def logit_margins(logits, y):
    """Return the logit of each given label less the largest other one.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    y : Tensor of int of shape (n_rows,)

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> logit_margins(torch.tensor([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]]), torch.tensor([0, 1]))
    tensor([ 2., -2.])
    """
    given = logits.gather(1, y[:, None])[:, 0]
    return given - logits.scatter(1, y[:, None], float("-inf")).amax(dim=1)


def area_quality(areas, threshold):
    """Return a label quality in (0, 1) that is one half at the threshold.

    Parameters
    ----------
    areas : ndarray of shape (n_rows,)
        NaN where there is none.
    threshold : float

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> area_quality(np.array([-1.0, 1.0, 3.0]), 1.0).round(2)
    array([0.23, 0.5 , 0.77])
    """
    scale = np.nanstd(areas)
    return 1 / (1 + np.exp(-(areas - threshold) / (scale if scale > 0 else 1.0)))
