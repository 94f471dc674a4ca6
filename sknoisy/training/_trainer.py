"""What a method gets to train nets with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet

from .._typing import BoolArray, NetParameter, State
from ._data import TrainingData
from ._jacobian_vector_product import resolve_gradient
from ._memory import memory_advice
from ._net_setup import check_outputs, initialize_net, python_scalars, resolve_net
from ._run import TrainingRun
from ._seeding import child_seeds, seeded_global_state
from ._threads import few_threads, measured_work

NET_TOO_LARGE = "to set the net up", "Give a smaller 'net', or another 'device'."


class Trainer:
    """Starts trainings of one net on one data set, each with a seed of its own.

    Parameters
    ----------
    net : None, skorch NeuralNetClassifier, or subclass or instance of nn.Module
        As the user gave it; None: the default for the data.
    data : TrainingData
    device : str
        "auto" or a torch device.
    seed : int
    max_epochs, batch_size, lr : default=None
        None: the net's own values.
    verbose : int, default=0

    Attributes
    ----------
    data : TrainingData
    net : unfitted skorch net of the right kind
    device : torch.device
    first_evidence : LabelEvidence or None
        Of the training that chose stand-ins for trusted rows, if one did.
    """

    def __init__(
        self,
        net: NetParameter,
        data: TrainingData,
        *,
        device: str | torch.device,
        seed: int,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        verbose: int = 0,
    ) -> None:
        self.data = data
        self.first_evidence: Any = None
        self.device = resolve_device(device)
        self.verbose = verbose
        self.has_default_net = net is None
        given = {"max_epochs": max_epochs, "batch_size": batch_size, "lr": lr}
        given = {name: value for name, value in given.items() if value is not None}
        self.given = python_scalars(given)
        self.net = resolve_net(net, data).set_params(**self.given)
        self._seeds = child_seeds(seed)

    def new_run(self, *, state: State | None = None, gradient: str | None = None) -> TrainingRun:
        """Return a new `TrainingRun`, from fresh weights or from `state`.

        `gradient`: the form of the directional derivatives that will be asked for. Under finite
        differences the net computes in float32, whatever it would by itself.
        """
        net = self.net
        changes: dict[str, Any] = {}
        needs_float32 = resolve_gradient(gradient, self.device) == "finite_difference"
        if needs_float32 and hasattr(net, "precision"):
            changes["precision"] = "float32"
        if state is not None and getattr(net, "frozen_epochs", None):
            # A head that has learnt needs no start without the body.
            changes["frozen_epochs"] = 0
        if changes:
            net = resolve_net(net, self.data).set_params(**changes)
        with memory_advice(self.device, *NET_TOO_LARGE):
            return TrainingRun(
                net,
                self.data,
                device=self.device,
                seed=self._next_seed(),
                verbose=self.verbose,
                state=state,
            )

    def trust(self, trusted: BoolArray, first_evidence: Any) -> None:
        """Let rows stand in for trusted ones in all later runs, by what a first training found."""
        self.data = replace(self.data, trusted=trusted)
        self.first_evidence = first_evidence

    def random_state(self) -> np.random.RandomState:
        """Return a numpy generator for what a method draws itself."""
        return np.random.RandomState(self._next_seed())

    def _next_seed(self) -> int:
        return next(self._seeds)

    @few_threads(1)
    def rebuild(self, state: State) -> NeuralNet:
        """Return an initialised net with the weights that a training left."""
        net = initialize_net(self.net, self.data, device=self.device, seed=0, verbose=0)
        with seeded_global_state(0), measured_work(net, n_rows=2):
            check_outputs(net, self.data)
        net.module_.load_state_dict(state)
        net.module_.eval()
        return net

    @property
    def max_epochs(self) -> int:
        return self.net.max_epochs


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the torch device; "auto" is CUDA, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If torch doesn't know the device, doesn't find it on this machine, or can't compute there.
    """
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            "The 'device' parameter must be 'auto' or a torch device such as 'cpu' or 'cuda:0'. "
            f"Got {device!r} instead."
        ) from error
    backend: Any = getattr(torch, resolved.type, None)
    if resolved.type in ("cuda", "mps", "xpu") and not _is_available(resolved.type):
        name = resolved.type.upper()
        raise ValueError(f"The 'device' parameter is {device!r}, but torch finds no {name} device.")
    n_devices = backend.device_count() if hasattr(backend, "device_count") else 1
    if (resolved.index or 0) >= n_devices:
        raise ValueError(
            f"The 'device' parameter is {device!r}, but torch finds only {n_devices} "
            f"{'device' if n_devices == 1 else 'devices'} of that kind, counted from 0."
        )
    return _checked_by_use(resolved, device)


def _is_available(kind: str) -> bool:
    if kind == "mps":
        return torch.backends.mps.is_available()
    return getattr(torch, kind).is_available()


def _checked_by_use(resolved: torch.device, device: object) -> torch.device:
    """Return the device, if what is put there can be got back."""
    try:
        torch.ones(1, device=resolved).cpu()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise ValueError(
            f"The 'device' parameter is {device!r}, but torch can't compute there: {error}."
        ) from error
    return resolved
