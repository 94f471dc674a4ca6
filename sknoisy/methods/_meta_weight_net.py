"""Meta-Weight-Net: a small net that gives each row a weight by its loss."""

from numbers import Integral

import numpy as np
import torch
from torch import nn

from .._parameters import check_choice, check_number
from ..training import (
    EXACT_GRADIENTS,
    Step,
    Trainer,
    batch_derivatives,
    resolve_gradient,
    seeded_global_state,
    trusted_gradient,
)
from ._base import LabelEvidence
from ._late_epochs import LateMean
from ._self_trust import TrustedMethod, untrusted_rows

WEIGHT_DECAY = 1e-4


class MetaWeightNet(TrustedMethod):
    r"""Learn a function from a row's loss to its weight that makes the steps help a trusted set.

    A net :math:`V_\phi` of one hidden layer gives the weight of a row. Each step

    1. looks where a step with the weights as they are would lead,
       :math:`\hat\Theta = \Theta - \eta \nabla \frac1n \sum_i V_\phi(L_i) L_i`,
    2. moves :math:`\phi` so that the loss of a trusted batch there gets smaller,

       .. math:: \nabla_\phi = -\frac{\eta}{n} \sum_i (g_c^\top g_i) \nabla_\phi V_\phi(L_i)

       with :math:`g_c` its gradient at :math:`\hat\Theta`: one directional derivative, and no
       second derivative of the net;
    3. makes the real step with the new weights. It doesn't learn from the trusted rows themselves.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 3.1 per step
    with as many trusted rows as others in a batch.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong events
        of a first training, that stand in for them.
    trusted_batch_size : int, default=100
        Trusted rows per step, as in the published code.
    n_units : int, default=100
        Hidden units of the weight net; published.
    weight_lr : float, default=1e-3
        Learning rate of Adam for the weight net; published.
    gradient : str, default="auto"
        How :math:`g_c^\top g_i` is computed; see `L2RW`.
    record_epochs : bool, default=False
        Keep the weight that each epoch gave each row at its visit, as `evidence_["by_epoch"]`, an
        array (n_epochs, n_rows) of float32: 4 bytes per row and epoch. NaN for rows not trained on.

    Notes
    -----
    The label quality is the mean weight of a row over the later half of the epochs, relative to
    that of all rows: :math:`v / (v + \bar v)`. The paper has no rule for a verdict; rows below
    0.35, whose weight is about half of the average, are flagged here. Where the share of wrong
    labels is known, give it as `contamination`.

    The weight depends on the loss alone, so rows of equal loss can't be told apart: under pair and
    instance noise it ranks rows no better than their loss does. And the weight net learns by
    small steps: in a training of a few hundred steps, as on a table of 600 rows, it hardly moves.

    References
    ----------
    Shu, Xie, Yi, Zhao, Zhou, Xu and Meng, "Meta-Weight-Net: Learning an Explicit Mapping For
    Sample Weighting", NeurIPS 2019.

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
    >>> detector = NoisyLabelDetector("meta_weight_net", contamination=0.3, random_state=0)
    >>> detector = detector.fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.8)
    True
    """

    name = "meta_weight_net"
    cost = "3"
    choose_it = "to compare: it weighs rows by what a step does for the trusted ones"
    citation = (
        "Shu, Xie, Yi, Zhao, Zhou, Xu, Meng (2019). *Meta-Weight-Net: Learning an Explicit "
        "Mapping For Sample Weighting.* NeurIPS"
    )
    default_threshold = 0.35
    # Its weighting net learns from trusted rows alone, and every one counts.
    holdout = 0.0

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        trusted_batch_size: int = 100,
        n_units: int = 100,
        weight_lr: float = 1e-3,
        gradient: str = "auto",
        record_epochs: bool = False,
    ) -> None:
        self.self_trusted = self_trusted
        self.trusted_batch_size = trusted_batch_size
        self.n_units = n_units
        self.weight_lr = weight_lr
        self.gradient = gradient
        self.record_epochs = record_epochs

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_number(self, "n_units", 1, kind=Integral)
        check_number(self, "weight_lr", 0, above=True)
        check_choice(self, "record_epochs", (True, False))
        check_choice(self, "gradient", ("auto", *EXACT_GRADIENTS))

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train both nets; the evidence is a row's mean weight over the later epochs."""
        run = trainer.new_run(gradient=self.gradient)
        trusted = run.data.trusted
        seed = trainer.random_state().randint(2**31)
        step = MetaWeightingStep(run, np.flatnonzero(trusted), self, seed)
        run.fit(step, rows=untrusted_rows(run))
        weights = step.weights.values()
        seen = ~np.isnan(weights)
        quality = weights / (weights + weights[seen].mean())
        quality[trusted] = 1.0
        row_weights = np.where(seen & ~trusted, weights, 1.0)
        return LabelEvidence.of(run, quality, row_weights, by_epoch=step.weights.by_epoch())


class WeightNet(nn.Sequential):
    """From the loss of a row to its weight in (0, 1)."""

    def __init__(self, n_units):
        super().__init__(nn.Linear(1, n_units), nn.ReLU(), nn.Linear(n_units, 1), nn.Sigmoid())

    def forward(self, losses):
        # The loss may have another precision, if the user's module has.
        losses = losses.to(self[0].weight.dtype)
        return super().forward(losses[:, None])[:, 0]


class MetaWeightingStep(Step):
    """Steps on batches whose rows are weighed by the weight net, which learns on the way.

    Parameters
    ----------
    run : TrainingRun
    trusted_rows : ndarray of int
    method : MetaWeightNet
    seed : int
        For the first weights of the weight net.
    """

    stage = "meta_weighting"

    def __init__(self, run, trusted_rows, method, seed):
        super().__init__(run)
        self._gradient = resolve_gradient(method.gradient, run.device)
        self._trusted_batches = run.endless_batches(trusted_rows, method.trusted_batch_size)
        with seeded_global_state(seed):
            self.weight_net = WeightNet(method.n_units).to(run.device)
        self._optimizer = torch.optim.Adam(
            self.weight_net.parameters(), lr=method.weight_lr, weight_decay=WEIGHT_DECAY
        )
        self.weights = LateMean(run, "weight", record_epochs=method.record_epochs)

    def losses(self, batch):
        run = self.run
        randomness = run.randomness.state()
        X = run.weak_view(batch.X)
        logits = run.logits(X)
        losses = run.row_losses(logits, batch.y)
        self._learn_weights(batch, X, losses, randomness)
        with torch.no_grad():
            weights = self.weight_net(losses)
        self.weights.record(batch.rows, weights)
        # Part of the loss, and so not divided by their sum: the weight net may shrink them all.
        return losses * weights, None, logits

    def end_epoch(self, epoch):
        self.weights.end_epoch(epoch)

    def _learn_weights(self, batch, X, losses, randomness):
        run = self.run
        lr = run.net.optimizer_.param_groups[0]["lr"]
        weights = self.weight_net(losses.detach())
        loss_weights = run.loss_weights(batch.rows)
        gradients = torch.autograd.grad(
            losses,
            run.parameters,
            weights.detach() * loss_weights,
            retain_graph=True,
            allow_unused=True,
        )
        ahead = {
            name: value.detach() - (0 if gradient is None else lr * gradient)
            for name, value, gradient in zip(run.names, run.parameters, gradients, strict=True)
        }
        tangent = trusted_gradient(run, next(self._trusted_batches), ahead)
        derivatives = batch_derivatives(
            run,
            X,
            batch.y,
            tangent,
            losses=losses,
            randomness=randomness,
            gradient=self._gradient,
        )
        self._optimizer.zero_grad()
        (-lr * (loss_weights * derivatives * weights).sum()).backward()
        self._optimizer.step()
