"""Probes of one training step: what it did to a trusted batch, row by row."""

from typing import Any

import torch

from ._jacobian_vector_product import (
    frozen_statistics,
    functional_losses,
    row_derivatives,
    trusted_gradient,
)
from ._net_outputs import as_logits, last_linear


def probe_step(run, X, y, gradient, running):
    """Return a probe of the step that is about to be made on a batch."""
    probe = LastLayerProbe if gradient == "last_layer" else ParameterProbe
    return probe(run, X, y, gradient, running)


class RunningGradient:
    """Moving average of the trusted gradients of successive steps.

    One batch's gradient is noisy, while the parameters move little from step to step. For the
    same reason it needn't be computed in every step.

    Parameters
    ----------
    momentum : float in [0, 1)
        Share of the old gradients.
    interval : int, default=1
        A new gradient is computed in every so many steps.
    """

    def __init__(self, momentum, interval=1):
        self._momentum = momentum
        self._interval = interval
        self._n_steps = 0
        self._average = None

    def update(self, compute):
        """Return the average, after `compute()`, a dict of tensors, if it is time for a new one."""
        if self._n_steps % self._interval == 0:
            self._take_in(compute())
        self._n_steps += 1
        return self._average

    def _take_in(self, gradient):
        if self._average is None or not self._momentum:
            self._average = gradient
            return
        for name, value in gradient.items():
            self._average[name].lerp_(value, 1 - self._momentum)


class ParameterProbe:
    """Measures what one step did to a trusted batch: the derivative along all parameters.

    Made before the step, asked after it.

    Parameters
    ----------
    run : TrainingRun
    X, y : Tensor
        The batch as the step sees it.
    gradient : str
    running : RunningGradient
    """

    def __init__(self, run, X, y, gradient, running):
        self._run, self._X, self._y = run, X, y
        self._gradient = gradient
        self._running = running
        self._before = run.parameter_values()
        self._randomness = run.randomness.state()

    def derivatives(self, trusted_batches, losses):
        """Return the derivative of each row's loss along the gradient of the trusted loss.

        Parameters
        ----------
        trusted_batches : iterator of Batch
        losses : Tensor of shape (n_rows,)
            The rows' losses in the step.
        """
        tangent = self._running.update(lambda: trusted_gradient(self._run, next(trusted_batches)))
        if not len(self._y):
            # A process without a part in the batch.
            return losses
        return row_derivatives(
            functional_losses(self._run, self._X, self._y),
            self._run.module,
            self._before,
            tangent,
            losses=losses,
            randomness=self._randomness,
            gradient=self._gradient,
        )


class LastLayerProbe:
    r"""The same with the derivative along the last linear layer alone.

    With :math:`h` the input of that layer and :math:`\delta = \partial L / \partial z` at its
    output, the derivative of row i is :math:`\delta_i^\top (G_c h_i + b_c)`, where :math:`G_c`
    and :math:`b_c` are the means of :math:`\delta_j h_j^\top` and :math:`\delta_j` over the trusted
    batch. It costs one forward pass of the trusted batch.
    """

    def __init__(self, run, X, y, gradient, running):
        self._run, self._y = run, y
        self._running = running
        self._layer = last_linear(run.module)
        if self._layer is None:
            raise _no_last_layer(run.module)
        self._inputs: Any = None
        self._outputs: Any = None
        self._hooks = [
            self._layer.register_forward_hook(self._remember),
            run.module.register_forward_hook(self._check),
        ]

    def _remember(self, layer, inputs, output):
        self._inputs, self._outputs = inputs[0], output

    def _check(self, module, inputs, output):
        if output is not self._outputs:
            raise _no_last_layer(module)
        self._inputs, self._outputs = self._inputs.detach(), output.detach()

    def derivatives(self, trusted_batches, losses):
        rows, rows_slopes = self._inputs, self._slopes(self._y)
        tangent = self._running.update(lambda: self._gradient(next(trusted_batches)))
        for hook in self._hooks:
            hook.remove()
        along = torch.nn.functional.linear(rows, tangent["weight"], tangent.get("bias"))
        return (rows_slopes * along).sum(dim=1)

    def _gradient(self, trusted):
        """Return the gradient of the mean trusted loss by the layer's weight and bias."""
        with frozen_statistics(self._run.module), torch.no_grad():
            self._run.logits(self._run.weak_view(trusted.X))
        slopes = self._slopes(trusted.y) / len(trusted.y)
        gradient = {"weight": slopes.T @ self._inputs}
        if self._layer.bias is not None:
            gradient["bias"] = slopes.sum(dim=0)
        return gradient

    def _slopes(self, y):
        """Return the derivative of each row's loss by the layer's outputs."""
        outputs = self._outputs.float().requires_grad_()
        with torch.enable_grad():
            losses = self._run.row_losses(as_logits(self._run.net, outputs), y)
            return torch.autograd.grad(losses.sum(), outputs)[0]


def _no_last_layer(module):
    return ValueError(
        "gradient='last_layer' needs a module that returns what its last torch.nn.Linear gives, "
        f"and isn't compiled. Got {type(module).__name__}: choose another gradient."
    )
