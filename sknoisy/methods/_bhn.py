"""BHN: Benjamini-Hochberg on conformal p-values."""

import numpy as np
from scipy.stats import false_discovery_control

from .._parameters import check_number
from ..training import Trainer
from ._base import LabelEvidence
from ._self_trust import TrustedMethod


class BHN(TrustedMethod):
    r"""Test each label against the trusted ones, at a stated rate of false discoveries.

    Half of the trusted rows train a net, the other half calibrate it. The score of a row is the
    log-probability :math:`s` that the net gives to its label, and its p-value is the share of
    calibration rows that score no better:

    .. math:: p_i = \frac{1 + \#\{j : s_j \le s_i\}}{1 + n}

    The Benjamini-Hochberg procedure at level `alpha` chooses the rows to flag: where trusted rows
    are drawn like the rest, at most the share `alpha` of the flagged labels is right on average.
    The label quality is the p-value, adjusted by that procedure, so `alpha` is the threshold.

    Needs trusted rows, or `self_trusted`, without the guarantee then. Cost: plain training on half
    of the trusted rows, one prediction of all rows, and the final training.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them. They are easier than the rest, so more right
        labels are flagged than `alpha` says.
    alpha : float in (0, 1), default=0.1
        Share of false discoveries among the flagged labels; the paper's.

    Notes
    -----
    No row can have a p-value below :math:`1 / (1 + n)`: with few calibration rows, or few wrong
    labels among many rows, nothing is flagged. The net has seen few rows, so it misses what a net
    trained on all of them finds.

    References
    ----------
    Yu, Ma and Liu, "Delving into Noisy Label Detection with Clean Data", ICML 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_pair
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_pair(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.3
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("bhn", random_state=0).fit(X, y_noisy, trusted=trusted)
    >>> flagged = detector.noise_mask_
    >>> bool((y_noisy == y)[flagged].mean() < 0.2)
    True
    """

    name = "bhn"
    cost = "less than 1"
    choose_it = "you want to state the share of false alarms: `BHN(alpha=0.1)`"
    citation = "Yu, Ma, Liu (2023). *Delving into Noisy Label Detection with Clean Data.* ICML"
    default_final = "filter"

    def __init__(self, *, self_trusted: float | None = None, alpha: float = 0.1) -> None:
        self.self_trusted = self_trusted
        self.alpha = alpha

    @property
    def default_threshold(self) -> float:  # type: ignore[override]
        # The procedure flags adjusted p-values up to the level itself, an estimator those below.
        return float(np.nextafter(self.alpha, 1))

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "alpha", 0, 1, above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train on half of the trusted rows, and test the others."""
        run, trusted = trainer.new_run(), trainer.data.trusted
        training_rows, calibration_rows = split_trusted(
            run.data.y, np.flatnonzero(trusted), trainer.random_state()
        )
        run.fit(rows=training_rows, stage="trusted_rows")
        scores = run.predict(np.arange(run.data.n_rows), label_scores)
        p_values = conformal_p_values(scores, scores[calibration_rows])
        quality = np.ones(run.data.n_rows)
        if not trusted.all():
            quality[~trusted] = false_discovery_control(p_values[~trusted])
        return LabelEvidence.of(run, quality, np.where(trusted, 1.0, p_values))


def split_trusted(codes, rows, random_state):
    """Split the rows of each class in halves; a class with one row trains.

    Returns
    -------
    (training_rows, calibration_rows) : ndarrays of int
    """
    order = random_state.permutation(rows)
    order = order[np.argsort(codes[order], kind="stable")]
    sizes = np.bincount(codes[order])
    position = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    calibrates = position % 2 == 1
    return np.sort(order[~calibrates]), np.sort(order[calibrates])


def label_scores(batch, logits):
    """Return the log-probability of each row's given label; for `TrainingRun.predict`."""
    return logits.double().log_softmax(dim=1).gather(1, batch.y[:, None])[:, 0]


def conformal_p_values(scores, calibration_scores):
    """Return the share of calibration scores, the row's own included, that are no better.

    Examples
    --------
    >>> import numpy as np
    >>> conformal_p_values(np.array([-5.0, -1.0, 0.0]), np.array([-3.0, -1.0, -0.5]))
    array([0.25, 0.75, 1.  ])
    """
    ordered = np.sort(calibration_scores)
    n_no_better = np.searchsorted(ordered, scores, side="right")
    return (1 + n_no_better) / (1 + len(ordered))
