"""Vahdat: expectation maximisation over the true labels, held to what trusted rows tell."""

import numpy as np
import torch
from torch.nn.functional import one_hot

from .._parameters import check_number
from ..losses import soft_cross_entropy
from ..training import Step, Trainer
from ..transition import estimate_from_trusted
from ._base import LabelEvidence
from ._forward import class_probabilities, train_first
from ._late_epochs import LateMean
from ._self_trust import TrustedMethod

PROBABILITY_FLOOR = 1e-4


class Vahdat(TrustedMethod):
    r"""Infer the true label of each row from the net, the given label and an auxiliary model.

    The joint distribution of true and given labels is :math:`p(k, j \mid x) = p_k(x) \, T_{kj}`,
    with the net's :math:`p(x)` and a table T that is learnt along. An auxiliary distribution
    :math:`a(k \mid j)`, known before, says how often a given label j stands for class k. Learning
    alternates, in each batch, between inferring the true label

    .. math:: q_i(k) \propto \big(p_k(x_i) \, T_{k \tilde y_i}\big)^{1 / (1 + \alpha)} \;
       a(k \mid \tilde y_i)^{\alpha / (1 + \alpha)}

    and learning from it: the loss is the cross-entropy with q, and at the end of an epoch
    :math:`T_{kj}` becomes the share of label j in what was inferred for class k. The net is weak at
    first and :math:`\alpha` large, so that q is mostly the auxiliary distribution; :math:`\alpha`
    falls from epoch to epoch.

    The auxiliary distribution comes from trusted rows: what a first net on the given labels says of
    them, by class, is a transition matrix as in `GLC`. It is turned round by Bayes' rule, where the
    shares of the given labels stand for those of the classes: shares that explain the given labels
    better can be had by the matrix, but magnify its errors. The table T starts from it too.

    The paper judges no labels. What stands for a verdict is the net's share for the given label,
    :math:`p_{\tilde y} / (p_{\tilde y} + \max_{k \ne \tilde y} p_k)`, a mean over the later half of
    the epochs. The inferred q would be a worse one: as long as :math:`\alpha` is large, it takes
    the side of the given label in every row of a class whose labels are right mostly.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 1.3.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    first_alpha : float, default=40.0
        The factor :math:`\alpha` in the first epoch. Published.
    last_alpha : float, default=0.0
        In the last epoch. Published: 5, for several labels per row; with one, the net is held to
        the auxiliary distribution too long by that.
    training_share : float in (0, 1], default=0.15
        Share of the net's epochs that the first training takes; see `GLC`.

    Notes
    -----
    The published model is a conditional random field for images with several labels each. Of it
    are left out: the hidden units between true labels, without which nothing has to be sampled,
    and the features' own part in the given label. With one label per row and without these, the
    field is the table above; its normalisation is a bias of the net. The published auxiliary model
    is learnt from rows with both a right and a given label. Here trusted rows have one label, so a
    net says which labels they would have been given.

    Trusted rows are learnt from with their labels, and don't count for the table.

    It fails where trusted rows are few, and where wrong labels depend on more than the class: the
    auxiliary distribution then holds on average only, and draws right labels and wrong ones to the
    same answer. Under noise that is
    spread over all classes the net learns a good part of the wrong labels by heart.

    References
    ----------
    Vahdat, "Toward Robustness against Label Noise in Training Deep Discriminative Neural
    Networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.1
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("vahdat", random_state=0)
    >>> detector = detector.fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.8)
    True
    """

    name = "vahdat"
    cost = "1.3"
    choose_it = "to compare: true labels are inferred from the net and from trusted rows together"
    citation = (
        "Vahdat (2017). *Toward Robustness against Label Noise in Training Deep Discriminative "
        "Neural Networks.* NeurIPS"
    )

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        first_alpha: float = 40.0,
        last_alpha: float = 0.0,
        training_share: float = 0.15,
    ) -> None:
        self.self_trusted = self_trusted
        self.first_alpha = first_alpha
        self.last_alpha = last_alpha
        self.training_share = training_share

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "first_alpha", 0)
        check_number(self, "last_alpha", 0)
        check_number(self, "training_share", 0, np.nextafter(1, 2), above=True)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Estimate the auxiliary distribution, and train by inferred labels."""
        data = trainer.data
        first = train_first(trainer, self.training_share)
        trusted = np.flatnonzero(data.trusted)
        matrix = estimate_from_trusted(first.predict(trusted, class_probabilities), data.y[trusted])
        run = trainer.new_run()
        given = np.bincount(data.y[run.rows], minlength=data.n_classes) / len(run.rows)
        step = InferringStep(run, matrix, given, self)
        run.fit(step)
        return LabelEvidence.of(
            run,
            step.quality(),
            history=first.history() + run.history(),
            transition_matrix=step.table.double().cpu().numpy(),
        )


class InferringStep(Step):
    """Infers the true labels of a batch, and learns from them.

    Parameters
    ----------
    run : TrainingRun
    matrix : ndarray of shape (n_classes, n_classes)
        P(given class j | true class i), to start from.
    shares : ndarray of shape (n_classes,)
        Of the classes.
    method : Vahdat
    """

    stage = "expectation_maximisation"

    def __init__(self, run, matrix, shares, method):
        super().__init__(run)
        self._alphas = np.linspace(method.first_alpha, method.last_alpha, run.net.max_epochs)
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._labels = run.labels
        self._matrix = as_tensor(matrix, run.device)
        self._auxiliary = as_tensor(turned_round(matrix, shares), run.device)
        self.table = self._matrix
        self._inferred = run.row_state.create("inferred", width=run.data.n_classes)
        self._quality = LateMean(run, "quality")
        self._alpha = self._alphas[0]

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        given = one_hot(batch.y, logits.shape[1]).float()
        inferred = infer(
            logits.detach().float(),
            self.table.T[batch.y],
            self._auxiliary[batch.y],
            self._alpha,
        )
        trusted = self._trusted[batch.rows]
        inferred = torch.where(trusted[:, None], given, inferred)
        self._inferred[batch.rows] = inferred
        predicted = logits.detach().float().softmax(dim=1)
        self._quality.record(batch.rows, share_against_best(predicted, batch.y))
        return soft_cross_entropy(logits, inferred.to(logits.dtype)), None, logits

    def end_epoch(self, epoch):
        self._quality.end_epoch(epoch)
        self._learn_table()
        self._alpha = self._alphas[min(epoch + 1, len(self._alphas) - 1)]

    def quality(self):
        """Return how well the net predicts the given label; NaN for rows not trained on."""
        quality = self._quality.values()
        quality[self.run.data.trusted] = 1.0
        return quality

    def _learn_table(self):
        """Make the table the shares of the given labels in what was inferred for each class."""
        rows = torch.from_numpy(self.run.rows).to(self._inferred.device)
        rows = rows[~self._trusted[rows]]
        given = one_hot(self._labels[rows], len(self.table)).float()
        inferred = self._inferred[rows]
        if self.run.sample_weight is not None:
            inferred = inferred * self.run.sample_weight[rows][:, None]
        # One row of the first table, so that a class of which nothing is inferred keeps it.
        counts = inferred.T @ given + self._matrix
        self.table = counts / counts.sum(dim=1, keepdim=True)


def infer(logits, of_given, auxiliary, alpha):
    """Return the distribution of the true label of each row.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    of_given : Tensor of shape (n_rows, n_classes)
        P(the row's given label | class).
    auxiliary : Tensor of shape (n_rows, n_classes)
        P(class | the row's given label), as known before.
    alpha : float
        How much more the auxiliary distribution counts than the model.

    Returns
    -------
    Tensor of shape (n_rows, n_classes)

    Examples
    --------
    >>> import torch
    >>> even = torch.zeros(1, 2)
    >>> infer(even, torch.tensor([[0.5, 0.5]]), torch.tensor([[0.8, 0.2]]), 1e9)
    tensor([[0.8000, 0.2000]])
    >>> infer(even, torch.tensor([[0.9, 0.1]]), torch.tensor([[0.8, 0.2]]), 0.0)
    tensor([[0.9000, 0.1000]])
    """
    model = logits.log_softmax(dim=1) + of_given.clamp_min(PROBABILITY_FLOOR).log()
    before = auxiliary.clamp_min(PROBABILITY_FLOOR).log()
    return ((model + alpha * before) / (1 + alpha)).softmax(dim=1)


def share_against_best(probabilities, labels):
    """Return p(given) / (p(given) + p(best other class)) of each row."""
    given = probabilities.gather(1, labels[:, None])[:, 0]
    best = probabilities.scatter(1, labels[:, None], -1).amax(dim=1)
    return given / (given + best)


def turned_round(matrix, shares):
    """Return P(true class k | given label j), shape (j, k), by Bayes' rule."""
    joint = (shares[:, None] * matrix).T
    sums = joint.sum(axis=1, keepdims=True)
    # A label that the matrix doesn't know of is taken as it is.
    return np.where(sums > 0, joint / np.where(sums > 0, sums, 1), np.eye(len(matrix)))


def as_tensor(values, device):
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(device)
