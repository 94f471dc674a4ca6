"""Distillation: soft targets of a net that has seen trusted rows only, mixed with the labels."""

import numpy as np
import torch
from torch.nn.functional import one_hot

from .._parameters import check_number
from ..losses import soft_cross_entropy
from ..training import Step, Trainer
from ._base import LabelEvidence
from ._forward import class_probabilities
from ._self_trust import TrustedMethod, untrusted_rows

# A net on few rows needs more passes over them to learn as much.
PASSES = 4


class Distillation(TrustedMethod):
    r"""Learn from a mixture of the given labels and of what a net on trusted rows says.

    A first net is trained on the trusted rows alone. It makes mistakes, for it has seen few rows,
    but others than the labels do. A second net learns from all rows, with the targets

    .. math:: t_i = \lambda \, e_{\tilde y_i} + (1 - \lambda) \, s_i, \qquad
       \lambda = \frac{R_s}{R_s + R_{\tilde y}}

    with s the first net's prediction. Where the errors of both are independent, this share of the
    label gives targets of the smallest squared error; :math:`R_s` and :math:`R_{\tilde y}` are the
    squared errors of the prediction and of the label. In the end the net learns from the trusted
    rows alone for a few epochs.

    The paper judges no labels. The margin of the given label in the second net's prediction stands
    for a verdict.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 1, and 8 times the
    share of trusted rows, for the nets on these and on their halves. On 1,500 rows, 150 of them
    trusted, it is 3, since batches of so few rows aren't full.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    label_share : float in [0, 1], default=None
        The share :math:`\lambda`. None: the optimum, estimated as below.
    temperature : float, default=1.0
        Of the first net's prediction; above 1 it is softer.
    last_share : float in [0, 1), default=0.1
        Share of the epochs that the last training on trusted rows takes.

    Notes
    -----
    To estimate the optimum, two nets are trained on half of the trusted rows each and judge the
    other half, which gives :math:`R_s` and the accuracy a. With g the share of the other labels
    that they agree with, and wrong labels of any class alike,
    :math:`g = a (1 - \rho) + (1 - a) \rho / (K - 1)` tells the share :math:`\rho` of wrong labels,
    and :math:`R_{\tilde y} = 2 \rho`.

    It fails where trusted rows are few or unlike the others: then the targets are hardly better
    than the labels. Errors that both make, as in overlapping classes, are learnt.

    References
    ----------
    Li, Yang, Song, Cao, Luo and Li, "Learning from Noisy Labels with Distillation", ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.1
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("distillation", random_state=0)
    >>> detector = detector.fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.8)
    True
    """

    name = "distillation"
    cost = "1.8 with a tenth of trusted rows; 3 on small tables"
    choose_it = "to compare: a net on trusted rows softens the labels of the others"
    citation = (
        "Li, Yang, Song, Cao, Luo, Li (2017). *Learning from Noisy Labels with Distillation.* ICCV"
    )

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        label_share: float | None = None,
        temperature: float = 1.0,
        last_share: float = 0.1,
    ) -> None:
        self.self_trusted = self_trusted
        self.label_share = label_share
        self.temperature = temperature
        self.last_share = last_share

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "label_share", 0, np.nextafter(1, 2), optional=True)
        check_number(self, "temperature", 0, above=True)
        check_number(self, "last_share", 0, 1)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train on trusted rows, on soft targets of all rows, and on trusted rows again."""
        run = trainer.new_run()
        trusted = run.chosen_rows(run.data.trusted)
        share = self.label_share
        if share is None:
            share = estimate_label_share(trainer, trusted)
        first = train_on_few(trainer, trusted)
        soft = first.predict(np.arange(run.data.n_rows), self._tempered)
        run.fit(SoftTargetStep(run, soft, share))
        n_last = round(self.last_share * trainer.max_epochs)
        if n_last:
            run.fit(rows=trusted, max_epochs=n_last)
        return LabelEvidence.of(run, history=first.history() + run.history())

    def _tempered(self, batch, logits):
        return (logits.float() / self.temperature).softmax(dim=1)


class SoftTargetStep(Step):
    """Learns from mixtures of labels and predictions; from the label alone of trusted rows."""

    def __init__(self, run, soft, label_share):
        super().__init__(run)
        soft = torch.from_numpy(soft).to(run.device)
        given = one_hot(run.labels, run.data.n_classes).to(soft.dtype)
        targets = label_share * given + (1 - label_share) * soft
        trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._targets = run.row_state.keep("target", torch.where(trusted[:, None], given, targets))

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        return soft_cross_entropy(logits.float(), self._targets[batch.rows]), None, logits


def train_on_few(trainer, rows):
    """Return a net that has learnt from some rows alone."""
    return trainer.new_run().fit(rows=rows, max_epochs=PASSES * trainer.max_epochs)


def estimate_label_share(trainer, trusted):
    """Return the estimated optimum of the label's share in the targets, by halves of `trusted`."""
    data = trainer.data
    halves = [half for half in alternating_halves(trusted, data.y[trusted]) if len(half) > 1]
    if len(halves) < 2:
        return 0.5
    rows = untrusted_rows(trainer.new_run())
    said_of_trusted, said_of_others = [], []
    for half, other in zip(halves, halves[::-1], strict=True):
        run = train_on_few(trainer, half)
        said_of_trusted.append(run.predict(other, class_probabilities))
        said_of_others.append(run.predict(rows, class_probabilities))
    right = np.concatenate([data.y[half] for half in halves[::-1]])
    return optimal_label_share(
        np.concatenate(said_of_trusted), right, np.mean(said_of_others, axis=0), data.y[rows]
    )


def alternating_halves(rows, codes):
    """Return two halves of the rows, each with half of each class."""
    ordered = rows[np.argsort(codes, kind="stable")]
    return ordered[::2], ordered[1::2]


def optimal_label_share(said_of_trusted, right, said_of_others, given):
    """Return the share of the label that gives targets of the smallest squared error.

    Parameters
    ----------
    said_of_trusted, said_of_others : ndarray of shape (n_rows, n_classes)
        Predictions of rows that the model hasn't learnt from.
    right, given : ndarray of int of shape (n_rows,)
        The right labels of the first, and the given ones of the others.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> optimal_label_share(sure, np.array([0, 1]), sure, np.array([0, 0]))
    0.0
    >>> optimal_label_share(1 - sure, np.array([0, 1]), 1 - sure, np.array([0, 1]))
    1.0
    """
    n_classes = said_of_trusted.shape[1]
    of_prediction = ((said_of_trusted - np.eye(n_classes)[right]) ** 2).sum(axis=1).mean()
    accuracy = (said_of_trusted.argmax(axis=1) == right).mean()
    agreement = (said_of_others.argmax(axis=1) == given).mean()
    by_chance = (1 - accuracy) / (n_classes - 1)
    if accuracy <= by_chance:
        return 1.0
    n_wrong = np.clip((accuracy - agreement) / (accuracy - by_chance), 0, 1 - 1 / n_classes)
    total = of_prediction + 2 * n_wrong
    return float(of_prediction / total) if total > 0 else 1.0
