"""How much each row of a batch helps a step along a given direction.

The gradient of a clean loss with respect to the weights of a batch's rows needs no second
derivative of the net: the step depends on the weights linearly, so the gradient is the
directional derivative of the vector of the rows' losses along the clean gradient.
"""

from contextlib import contextmanager

import torch
from torch import nn
from torch.func import functional_call, jvp
from torch.nn.modules.batchnorm import _BatchNorm

from ._outputs import as_logits, last_linear
from ._seeding import replayed_randomness

FINITE_STEP = 0.01


def row_derivatives(
    row_losses,
    module,
    parameters,
    tangent,
    *,
    losses=None,
    randomness=None,
    gradient="finite_difference",
):
    """Return the derivative of each row's loss along a direction in parameter space.

    The step of the finite difference is 0.01 over the norm of the direction.

    Parameters
    ----------
    row_losses : callable
        `row_losses(parameters)` returns the losses of the batch, shape (n_rows,), with the
        module called through `functional_call` at the given parameters.
    module : nn.Module
        The module, in training mode. Its running statistics are left alone.
    parameters : dict of Tensor
        Where to take the derivative.
    tangent : dict of Tensor
        The direction, same keys and shapes.
    losses : Tensor of shape (n_rows,), default=None
        The losses at `parameters`, if they are known already; finite differences reuse them.
    randomness : state, default=None
        State of the generators to replay, so that both passes see the same dropout masks.
    gradient : {"finite_difference", "forward", "double_backward"}
        "finite_difference": one more forward pass, 0.3 % to 3 % off; "forward": forward-mode
        differentiation, exact; "double_backward": exact and dearest, the test oracle.

    Returns
    -------
    Tensor of shape (n_rows,)
    """
    backend = _BACKENDS[gradient]
    with frozen_statistics(module):
        return backend(row_losses, parameters, tangent, losses, randomness)


def _finite_difference(row_losses, parameters, tangent, losses, randomness):
    norm = torch.sqrt(sum((direction**2).sum() for direction in tangent.values()))
    step = FINITE_STEP / norm.clamp_min(torch.finfo(norm.dtype).tiny)
    moved = {name: value + step * tangent[name] for name, value in parameters.items()}
    with torch.no_grad():
        if losses is None:
            with replayed_randomness(randomness):
                losses = row_losses(parameters)
        with replayed_randomness(randomness):
            return (row_losses(moved) - losses) / step


def _forward(row_losses, parameters, tangent, losses, randomness):
    with torch.no_grad(), replayed_randomness(randomness):
        return jvp(row_losses, (parameters,), (tangent,))[1]


def _double_backward(row_losses, parameters, tangent, losses, randomness):
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with torch.enable_grad(), replayed_randomness(randomness):
        values = row_losses(leaves)
        shares = torch.ones_like(values, requires_grad=True)
        gradients = torch.autograd.grad(
            (shares * values).sum(), list(leaves.values()), create_graph=True
        )
        inner = sum((g * tangent[name]).sum() for g, name in zip(gradients, leaves, strict=True))
        return torch.autograd.grad(inner, shares)[0]


_BACKENDS = {
    "finite_difference": _finite_difference,
    "forward": _forward,
    "double_backward": _double_backward,
}
EXACT_GRADIENTS = tuple(_BACKENDS)
GRADIENTS = (*EXACT_GRADIENTS, "last_layer")


def resolve_gradient(gradient, run):
    """Return the cheapest gradient that is as good as the exact one on the run's device.

    A finite difference needs all digits of float32, and convolutions on CUDA round to fewer.
    """
    if gradient != "auto":
        return gradient
    return "finite_difference" if run.device.type == "cpu" else "forward"


def probe_step(run, X, y, gradient, running):
    """Return a probe of the step that is about to be made on a batch."""
    probe = LastLayerProbe if gradient == "last_layer" else ParameterProbe
    return probe(run, X, y, gradient, running)


def batch_derivatives(run, X, y, tangent, *, losses, randomness, gradient):
    """Return the derivatives of a batch's losses at the parameters as they are.

    Parameters
    ----------
    run : TrainingRun
    X, y : Tensor
        The batch as the training pass saw it.
    tangent : dict of Tensor
    losses : Tensor of shape (n_rows,)
        The losses of the training pass.
    randomness : state
        Of the generators before the training pass.
    gradient : str
        One of `EXACT_GRADIENTS`.
    """
    values = (value.detach() for value in run.parameters)
    return row_derivatives(
        functional_losses(run, X, y),
        run.module,
        dict(zip(run.names, values, strict=True)),
        tangent,
        losses=losses.detach(),
        randomness=randomness,
        gradient=gradient,
    )


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
        self._randomness = run.randomness()

    def derivatives(self, trusted_batches, losses):
        """Return the derivative of each row's loss along the gradient of the trusted loss.

        Parameters
        ----------
        trusted_batches : iterator of Batch
        losses : Tensor of shape (n_rows,)
            The rows' losses in the step.
        """
        return row_derivatives(
            functional_losses(self._run, self._X, self._y),
            self._run.module,
            self._before,
            self._running.update(lambda: trusted_gradient(self._run, next(trusted_batches))),
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
        self._inputs = self._outputs = None
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


def trusted_gradient(run, batch, parameters=None):
    """Return the gradient of the mean loss of a trusted batch, as a dict by parameter name.

    At the given parameters, or else at those of the net. The batch isn't learnt from: running
    statistics stay as they are.
    """
    X = run.weak_view(batch.X)
    with frozen_statistics(run.module):
        if parameters is None:
            values, losses = run.parameters, run.row_losses(run.logits(X), batch.y)
        else:
            leaves = {name: value.requires_grad_() for name, value in parameters.items()}
            values, losses = list(leaves.values()), functional_losses(run, X, batch.y)(leaves)
        gradients = torch.autograd.grad(losses.mean(), values, allow_unused=True)
    return {
        name: torch.zeros_like(value) if gradient is None else gradient
        for name, value, gradient in zip(run.names, values, gradients, strict=True)
    }


def functional_losses(run, X, y):
    """Return a function from parameters to the losses of one batch of a `TrainingRun`."""
    module = _Inference(run.net)

    def row_losses(parameters):
        parameters = {f"module.{name}": value for name, value in parameters.items()}
        return run.row_losses(as_logits(run.net, functional_call(module, parameters, (X,))), y)

    return row_losses


class _Inference(nn.Module):
    """A net's module with what the net does round it, such as another memory layout."""

    def __init__(self, net):
        super().__init__()
        self.module = net.module_
        self._infer = net.infer

    def forward(self, X):
        return self._infer(X)


@contextmanager
def frozen_statistics(module):
    """Let batch normalisation use the batch's statistics without keeping them.

    Only the pass that trains may move the running averages: the clean batch and the moved
    parameters aren't what the net will predict with.
    """
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
