"""Weights of the rows of a batch, learned by what they do to a trusted batch."""

import torch

from ...training import EpochRecord, RunningGradient, Step, probe_step, resolve_gradient

MOMENT_DECAY = 0.99


class WeightLearningStep(Step):
    r"""One weight per row, learned inside the training step.

    After the step :math:`\Theta' = \Theta - \eta \sum_j \alpha_j g_j / S`, with :math:`g_j` the
    gradient of row j, :math:`S = \sum_j \alpha_j` and :math:`g_c` the gradient of a trusted
    batch at :math:`\Theta'`, the derivative of the trusted loss is

    .. math:: \partial L_c / \partial \alpha_i = -(\eta / S)\,(d_i - \sum_j \alpha_j d_j / S),
       \qquad d_i = g_c \cdot g_i

    and the vector d is one directional derivative of the rows' losses at :math:`\Theta`.
    The step is scaled by a running root mean square of the derivative, so it depends neither on
    the learning rate nor on the size of the net, and cut at that, so that a few rows with huge
    derivatives don't decide. Under momentum and weight decay the formula
    holds as it is; under Adam it leaves out the rescaling of coordinates.

    Parameters
    ----------
    run : TrainingRun
    trusted_rows : ndarray of int
    method : LSW
        Gives `weight_step`, `trusted_batch_size`, `trusted_momentum`, `step_interval`,
        `parametrization`, `centered`, `gradient`, `epoch_interval` and `record_epochs`.
    """

    def __init__(self, run, trusted_rows, method):
        super().__init__(run)
        self._method = method
        self._read, self._move = PARAMETRIZATIONS[method.parametrization]
        start = 0.5 if method.parametrization in ("clip", "literal") else 0.0
        self._raw = run.row_state.create("raw_weight", fill=start)
        self._mean_square = None
        self._trusted_batches = run.endless_batches(trusted_rows, method.trusted_batch_size)
        self._gradient = resolve_gradient(method.gradient, run.device)
        # The average reaches back over as many steps, however seldom it gets a new gradient.
        momentum = method.trusted_momentum**method.step_interval
        self._running = RunningGradient(momentum, method.step_interval)
        self._epochs = EpochRecord()
        self._begin_epoch(0)

    def weights(self, rows=slice(None)):
        """Return the weights of the given rows, in [0, 1]."""
        return self._read(self._raw[rows])

    def by_epoch(self):
        """Return the weights at the end of each epoch, (n_epochs, n_rows); None if not kept."""
        return self._epochs.values()

    def end_epoch(self, epoch):
        if self._method.record_epochs:
            self._epochs.add(self.weights())
        self._begin_epoch(epoch + 1)

    def _begin_epoch(self, epoch):
        self._learns = self._learns_in(epoch)
        self.stage = "warmup" if epoch < self._method.warmup_epochs else "weight_learning"

    def _learns_in(self, epoch):
        """Return whether the weights learn in an epoch, counted from 0.

        They learn in whole epochs, since every row is then visited as often as any other.
        """
        n_later = epoch - self._method.warmup_epochs
        return n_later >= 0 and n_later % self._method.epoch_interval == 0

    def train_batch(self, batch):
        """Make one step with the weights as they are, then learn from what it did."""
        X = self.run.weak_view(batch.X)
        if not self._learns:
            return self._weighted_step(batch, X)[0]
        probe = probe_step(self.run, X, batch.y, self._gradient, self._running)
        result, losses = self._weighted_step(batch, X)
        derivatives = probe.derivatives(self._trusted_batches, losses)
        # Each of several processes learns the weights of all rows, so all have the same.
        rows = batch.all_rows
        self._learn(rows, self.run.ranks.gathered(derivatives, len(rows)))
        return result

    def _weighted_step(self, batch, X):
        logits = self.run.logits(X)
        losses = self.run.row_losses(logits, batch.y)
        result = self.run.learn(batch, losses, self.weights(batch.rows), logits)
        return result, losses.detach()

    def _learn(self, rows, derivatives):
        weights = self.weights(rows)
        total = weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
        helpfulness = weight_gradient(derivatives, weights, centered=self._method.centered)
        if self._method.parametrization == "logit":
            helpfulness = helpfulness * weights * (1 - weights)
        mean_square = (helpfulness**2).mean()
        if self._mean_square is None:
            self._mean_square = mean_square
        self._mean_square = MOMENT_DECAY * self._mean_square + (1 - MOMENT_DECAY) * mean_square
        scale = self._mean_square.sqrt().clamp_min(torch.finfo(total.dtype).tiny)
        size = self._method.weight_step * self._method.epoch_interval
        step = size * (helpfulness / scale).clamp(-1, 1)
        self._raw[rows] = self._move(self._raw[rows], step.to(self._raw.dtype))


def weight_gradient(derivatives, weights, *, centered=True):
    """Return minus the derivative of the trusted loss by each weight, per unit of step size.

    Parameters
    ----------
    derivatives : Tensor of shape (n_rows,)
        Directional derivatives d of the rows' losses along the trusted gradient.
    weights : Tensor of shape (n_rows,)
    centered : bool, default=True
        False leaves out the derivative of the normalisation by the sum of the weights.
    """
    total = weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
    if centered:
        derivatives = derivatives - (weights * derivatives).sum() / total
    return derivatives / total


def _add(raw, step):
    return raw + step


PARAMETRIZATIONS = {
    "mirror": (torch.sigmoid, _add),
    "logit": (torch.sigmoid, _add),
    "clip": (lambda raw: raw, lambda raw, step: (raw + step).clamp(0, 1)),
    "literal": (lambda raw: raw, lambda raw, step: torch.sigmoid(raw + step - 0.5)),
}
