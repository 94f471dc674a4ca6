"""How much each row of a batch helps a step along a given direction.

The gradient of a clean loss with respect to the weights of a batch's rows needs no second
derivative of the net: the step depends on the weights linearly, so the gradient is the
directional derivative of the vector of the rows' losses along the clean gradient.
"""

import os
import threading
from contextlib import contextmanager

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm

from ._net_outputs import as_logits
from ._seeding import replayed_randomness

FINITE_STEP = 0.01
# torch has one level of forward mode, and one choice of kernels, for all threads of a process.
EXACT_GRADIENT_LOCK = threading.Lock()


def _renew_lock():
    """In a forked process the thread that held the lock is gone."""
    global EXACT_GRADIENT_LOCK
    EXACT_GRADIENT_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)

# In what torch says, the last for compiled modules.
NOT_DIFFERENTIABLE = ("forward AD", "jvp", "not implemented", "create_graph=False")


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
        module called through `functional_call` at the given parameters. Values of another shape,
        such as one for each class, are differentiated likewise.
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
        "finite_difference": one more forward pass, about 1 % off; "forward": forward-mode
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
    # Not torch.func.jvp, under which autocast doesn't cast the inputs.
    with _exact_gradients("forward"), forward_ad.dual_level():
        duals = {
            name: forward_ad.make_dual(value, tangent[name]) for name, value in parameters.items()
        }
        with torch.no_grad(), replayed_randomness(randomness):
            return forward_ad.unpack_dual(row_losses(duals)).tangent


def _double_backward(row_losses, parameters, tangent, losses, randomness):
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with (
        _exact_gradients("double_backward"),
        torch.enable_grad(),
        replayed_randomness(randomness),
    ):
        values = row_losses(leaves)
        shares = torch.ones_like(values, requires_grad=True)
        gradients = torch.autograd.grad(
            (shares * values).sum(),
            list(leaves.values()),
            create_graph=True,
            materialize_grads=True,
        )
        inner = sum((g * tangent[name]).sum() for g, name in zip(gradients, leaves, strict=True))
        return torch.autograd.grad(inner, shares)[0]


@contextmanager
def _exact_gradients(gradient):
    """Compute attention by operations that can be differentiated so; name what else can't be."""
    with EXACT_GRADIENT_LOCK, sdpa_kernel(SDPBackend.MATH):
        try:
            yield
        except RuntimeError as error:
            if not any(text in str(error) for text in NOT_DIFFERENTIABLE):
                raise
            raise ValueError(
                f"gradient={gradient!r} needs a module that torch can differentiate in this way. "
                "Choose gradient='finite_difference', which any module allows."
            ) from error


_BACKENDS = {
    "finite_difference": _finite_difference,
    "forward": _forward,
    "double_backward": _double_backward,
}
#: Names of the forms of the derivative that are exact, or nearly so.
EXACT_GRADIENTS = tuple(_BACKENDS)
#: Names of all forms of the derivative along a direction.
GRADIENTS = (*EXACT_GRADIENTS, "last_layer")


def resolve_gradient(gradient, device):
    """Return the cheapest gradient that is as good as the exact one on the device.

    A finite difference needs all digits of float32, and convolutions on CUDA round to fewer.
    """
    if gradient != "auto":
        return gradient
    return "finite_difference" if device.type == "cpu" else "forward"


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


def losses_at(run, X, y, parameters, *, randomness):
    """Return the losses of a batch at other parameters than the net's, as constants.

    Parameters
    ----------
    run : TrainingRun
    X, y : Tensor
        The batch as the training pass saw it.
    parameters : dict of Tensor
    randomness : state
        Of the generators before the training pass.
    """
    with torch.no_grad(), frozen_statistics(run.module), replayed_randomness(randomness):
        return functional_losses(run, X, y)(parameters)


def log_probability_derivatives(run, X, tangent, *, logits, randomness, gradient):
    """Return the derivatives of all classes' log-probabilities at the parameters as they are.

    The derivative of a cross-entropy with any targets is minus its inner product with these: one
    pass serves for several targets of a row.

    Parameters
    ----------
    run : TrainingRun
    X : Tensor
        The batch as the training pass saw it.
    tangent : dict of Tensor
    logits : Tensor of shape (n_rows, n_classes)
        Those of the training pass.
    randomness : state
        Of the generators before the training pass.
    gradient : str
        One of `EXACT_GRADIENTS`.

    Returns
    -------
    Tensor of shape (n_rows, n_classes)
    """
    outputs = functional_logits(run, X)
    values = (value.detach() for value in run.parameters)
    return row_derivatives(
        lambda parameters: outputs(parameters).log_softmax(dim=1),
        run.module,
        dict(zip(run.names, values, strict=True)),
        tangent,
        losses=logits.detach().log_softmax(dim=1),
        randomness=randomness,
        gradient=gradient,
    )


def trusted_gradient(run, batch, parameters=None, *, names=None):
    """Return the gradient of the mean loss of a trusted batch, as a dict by parameter name.

    At the given parameters, or else at those of the net. The batch isn't learnt from: running
    statistics stay as they are. `names`: parameters whose part is wanted, where that of the
    others is taken as zero; None: all.
    """
    X = run.weak_view(batch.X)
    with frozen_statistics(run.module):
        if parameters is None:
            values, losses = run.parameters, run.row_losses(run.logits(X), batch.y)
        else:
            leaves = {
                name: value.detach().requires_grad_(names is None or name in names)
                for name, value in parameters.items()
            }
            with run.randomness.drawing():
                losses = functional_losses(run, X, batch.y)(leaves)
            values = list(leaves.values())
        wanted = {
            name: value
            for name, value in zip(run.names, values, strict=True)
            if names is None or name in names
        }
        loss = run.ranks.part_of_mean(losses, len(batch.all_rows))
        found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    gradients = dict(zip(wanted, found, strict=True))
    gradients = {
        name: torch.zeros_like(value) if gradients.get(name) is None else gradients[name]
        for name, value in zip(run.names, values, strict=True)
    }
    return run.ranks.total_of_each(gradients)


def functional_losses(run, X, y):
    """Return a function from parameters to the losses of one batch of a `TrainingRun`."""
    logits = functional_logits(run, X)
    return lambda parameters: run.row_losses(logits(parameters), y)


def functional_logits(run, X):
    """Return a function from parameters to the logits of one batch of a `TrainingRun`."""
    module = _Inference(run.net)

    def logits(parameters):
        parameters = {f"module.{name}": value for name, value in parameters.items()}
        return as_logits(run.net, functional_call(module, parameters, (X,)))

    return logits


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
