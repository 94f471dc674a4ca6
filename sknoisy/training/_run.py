"""One net in training: skorch's loop, with steps that know their rows."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from torch import Tensor, nn
from torch.optim import Optimizer

from .._mapped import value_range
from .._named_inputs import NamedInputs
from .._typing import BoolArray, History, IntArray, State
from ..augmentation import StrongAugment, resolve_view, view_of_named_inputs
from ._averaging import AveragedWeights
from ._batches import Batch, DatasetBatches, EndlessBatches, FeatureStore, RowBatches
from ._data import TrainingData
from ._finite import check_logits, check_still_finite, finite_values
from ._jacobian_vector_product import frozen_statistics
from ._loop import train_epochs
from ._memory import is_out_of_memory, memory_advice
from ._net_hooks import NetHooks
from ._net_outputs import NO_ROW_FITS, as_logits, infer_in_parts, prediction_batch_size
from ._net_setup import (
    check_examples,
    check_outputs,
    check_row_count,
    check_trusted_batch_size,
    infer_examples,
    initialize_net,
)
from ._ranks import ONE_PROCESS, current_ranks
from ._row_state import RowState
from ._seeding import (
    OwnRandomness,
    is_isolated,
    isolated_training,
    reseed_isolated,
    row_generator,
    seeded_global_state,
)
from ._step import Step
from ._surroundings import ordinary_surroundings
from ._threads import few_threads, measured_work, threads_for


class TrainingRun:
    """A net, its optimiser, and the data they are trained on.

    A method drives it: it calls `fit` with a `Step`, which says what to do with one batch.
    Everything that belongs to skorch (callbacks, optimiser, criterion, history) goes through the
    net's own hooks, so what the user put into the net works as in skorch.

    Parameters
    ----------
    net : skorch NeuralNetClassifier
        The unfitted net; it is cloned.
    data : TrainingData
    device : torch.device
    seed : int
        For initial weights, order of rows and views.
    verbose : int, default=0
        3: skorch's table.
    state : dict, default=None
        Weights to start from, as `state()` gave them.

    Attributes
    ----------
    net : the initialised skorch net
    module : its torch module
    names, parameters : lists, names and tensors of its trainable parameters
    rows : ndarray of int, rows to learn from: of positive weight, and not held out by the net's
        own `train_split`
    labels : Tensor of int64 of shape (n_rows,), the given labels on the device
    hooks : NetHooks, skorch's part of the training
    row_state : RowState, what is remembered of each row
    weak_view, strong_view : random views of a batch of features
    randomness : OwnRandomness, of the module's passes
    ranks : OneProcess or Ranks, the processes that train the net together
    """

    @ordinary_surroundings
    @few_threads(1)
    def __init__(
        self,
        net: NeuralNet,
        data: TrainingData,
        *,
        device: torch.device,
        seed: int,
        verbose: int = 0,
        state: State | None = None,
    ) -> None:
        self.data = data
        self.device = device
        self.ranks = current_ranks()
        # skorch's table is written once.
        verbose = verbose if self.ranks.rank == 0 else 0
        self.net = initialize_net(net, data, device=device, seed=seed, verbose=verbose)
        self.module = self.net.module_
        with seeded_global_state(seed), measured_work(self.net, n_rows=2):
            # A lazy module makes its weights in its first pass.
            check_outputs(self.net, data)
        *self._examples, outputs = check_examples(self.net, data)
        if state is not None:
            self.module.load_state_dict(state)
        trained = [(n, p) for n, p in self.module.named_parameters() if p.requires_grad]
        self.names, self.parameters = map(list, zip(*trained, strict=True))
        self.hooks = NetHooks(self.net, data)
        self.rows = self.hooks.rows
        self.labels = torch.from_numpy(data.y).to(device)
        self.sample_weight = _as_tensor(data.sample_weight, device)
        self.row_state = RowState(data.n_rows, device)
        self.randomness = OwnRandomness(seed)
        self._features = None if data.is_dataset else FeatureStore(data, device)
        self._row_criterion = _per_row(self.net.criterion_)
        self._check_criterion(outputs)
        self._more_optimizers: tuple[Optimizer, ...] = ()
        self._seed = seed
        self._generator = row_generator(seed)
        # Views of parts of different length mustn't change the order of the rows.
        self._view_generator = self._generator if self.ranks is ONE_PROCESS else row_generator(seed)
        self._weak = self._resolve_view("weak_view")
        self._strong = self._resolve_view("strong_view")

    def _check_criterion(self, outputs: Any) -> None:
        """Raise an error if the criterion doesn't give a loss for each row."""
        logits, y = as_logits(self.net, outputs).to(self.device), self.labels[self._examples[0]]
        try:
            losses = self.row_losses(logits, y)
        except (RuntimeError, ValueError, TypeError) as error:
            if is_out_of_memory(error):
                raise
            raise ValueError(
                f"The criterion of 'net' can't take logits of shape {tuple(logits.shape)} and "
                f"classes of shape {tuple(y.shape)}: {error}"
            ) from error
        if losses.shape != y.shape:
            raise ValueError(
                "The criterion of 'net' must give one loss per row with reduction='none'. Got "
                f"shape {tuple(losses.shape)} for {len(y)} rows."
            )

    def _resolve_view(self, parameter: str) -> Callable[..., Any]:
        view = resolve_view(getattr(self.net, parameter, None))
        return view_of_named_inputs(view, parameter) if self.data.is_named else view

    # -- forward -----------------------------------------------------------------------------

    def weak_view(self, X: Tensor) -> Tensor:
        return self._weak(X, self._view_generator) if len(X) else X

    def strong_view(self, X: Tensor) -> Tensor:
        return self._strong(X, self._view_generator) if len(X) else X

    def draw_apart(self, epoch: int) -> None:
        """Draw in an epoch what no other process draws, for views and the module's passes."""
        seed = self.ranks.own_seed(self._seed, epoch)
        if seed is not None:
            reseed_isolated(seed)
            self._view_generator.manual_seed(seed)
            self.randomness.restart(seed)

    def both_views(self, X: Any) -> Any:
        """Return a weak view of a batch's features, and after it a strong one."""
        views = self.weak_view(X), self.strong_view(X)
        if not self.data.is_named:
            return torch.cat(views)
        return NamedInputs({name: torch.cat([view[name] for view in views]) for name in X})

    def check_strong_view(self) -> None:
        """Warn if the strong view would cut the images off at 0 and 1."""
        X = self.data.X
        if not isinstance(self._strong, StrongAugment) or not self.data.is_image:
            return
        if X.dtype == np.uint8:
            return
        low, high = value_range(X)
        if low < 0 or high > 1:
            warnings.warn(
                "The strong view of VisionNet expects float images in [0, 1], and clips others. "
                f"Got X with values from {low:.3g} to {high:.3g}: scale X, pass bytes, or "
                "give the net another strong_view.",
                UserWarning,
                stacklevel=2,
            )

    def logits(self, X: Tensor) -> Tensor:
        """Return the module's outputs on a logit scale: their softmax is the prediction."""
        if not len(X):
            # A process without a part in a batch learns nothing from it; few modules take no rows.
            return torch.zeros((0, self.data.n_classes), device=self.device, requires_grad=True)
        with self.randomness.drawing() if self.module.training else nullcontext():
            return as_logits(self.net, self.net.infer(X))

    def row_losses(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the net's criterion for each row, shape (n_rows,)."""
        return self._row_criterion(logits, y)

    def loss_weights(
        self, rows: Tensor, weights: Tensor | None = None, *, n_of_all: int | None = None
    ) -> Tensor:
        """Return the weight of each row of a batch in its loss; they sum to one.

        Parameters
        ----------
        rows : Tensor of int
        weights : Tensor of shape (n_rows,), default=None
            A method's weights; the user's `sample_weight` multiplies them.
        n_of_all : int, default=None
            Rows of the batch in all processes that train together. None: these.
        """
        if self.sample_weight is not None:
            mine = self.sample_weight[rows]
            weights = mine if weights is None else weights * mine
        if weights is None:
            n_of_all = len(rows) if n_of_all is None else n_of_all
            return torch.full((len(rows),), 1 / n_of_all, device=self.device)
        total = self.ranks.total(weights.sum())
        return weights / total.clamp_min(torch.finfo(weights.dtype).tiny)

    def parameter_values(self) -> State:
        """Return a copy of the trainable parameters by name."""
        values = (value.detach().clone() for value in self.parameters)
        return dict(zip(self.names, values, strict=True))

    # -- one step ----------------------------------------------------------------------------

    def learn(
        self, batch: Batch, losses: Tensor, weights: Tensor | None, logits: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Make a gradient step on weighted losses, as `Step.losses` gives them.

        Returns
        -------
        (loss, logits) : tuple of Tensor
            What `Step.train_batch` returns.
        """
        shares = self.loss_weights(batch.rows, weights, n_of_all=len(batch.all_rows))
        loss = self.gradient_step(losses, shares, batch)
        return loss, logits.detach()

    def gradient_step(self, losses: Tensor, loss_weights: Tensor, batch: Batch) -> Tensor:
        """Back-propagate, let callbacks see the gradient, step the optimisers; return the loss.

        The loss is the sum of the rows' losses times their weights, which are constants. It is
        differentiated from the rows on, which saves the sum its place in the graph.
        """
        optimizers = (self.net.optimizer_, *self._more_optimizers)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss_weights = loss_weights.to(losses.dtype)
        losses.backward(loss_weights)
        loss = torch.dot(losses.detach(), loss_weights)
        loss = self.ranks.combine_gradients(self.parameters, loss)
        self.hooks.gradient_is_known(batch)
        for optimizer in optimizers:
            optimizer.step()
        return loss

    # -- the loop ----------------------------------------------------------------------------

    @ordinary_surroundings
    def fit(
        self,
        step: Step | None = None,
        *,
        rows: IntArray | None = None,
        max_epochs: int | None = None,
        stage: str | None = None,
    ) -> Self:
        """Train for some epochs.

        Parameters
        ----------
        step : Step, default=None
            What to do with a batch, and after an epoch. None: plain training.
        rows : ndarray of int, default=None
            Rows to train on; None: `rows` of this object.
        max_epochs : int, default=None
            None: the net's own number.
        stage : str, default=None
            What the history calls the training; None: as the step says.

        Returns
        -------
        self
        """
        step = Step(self) if step is None else step
        if stage is not None:
            step.stage = stage
        rows = self.rows if rows is None else rows
        remedy = (
            f"Give a 'batch_size' smaller than {self.batch_size_for(rows)}, a smaller 'net', or "
            "another 'device'."
        )
        with threads_for(self.net), memory_advice(self.device, "for the training", remedy):
            self._fit(step, rows, self.net.max_epochs if max_epochs is None else max_epochs)
        return self

    def _fit(self, step: Step, rows: IntArray, max_epochs: int) -> None:
        runs: tuple[TrainingRun, ...] = (self, *step.peers)
        finite = [finite_values(run.module) for run in runs]
        check_row_count(self, rows)
        with isolated_training(self._seed), self._learning_beside(step.optimizers()):
            train_epochs(runs, step, rows, max_epochs)
        for run, names in zip(runs, finite, strict=True):
            run._check_result(names)

    def _check_result(self, finite: Any) -> None:
        """Raise an error if the net that the training left is of no use."""
        check_still_finite(self.net, finite)
        rows, X = self._examples
        logits = as_logits(self.net, infer_examples(self.net, X))
        check_logits(self.net, logits, X, partial(self.data.row_numbers, rows))

    @contextmanager
    def _learning_beside(self, optimizers: Iterable[Optimizer]) -> Iterator[None]:
        self._more_optimizers = tuple(optimizers)
        try:
            yield
        finally:
            self._more_optimizers = ()

    # -- rows and batches --------------------------------------------------------------------

    def chosen_rows(self, chosen: BoolArray) -> IntArray:
        """Return those of `rows` that a mask chooses; all if fewer than two are left to train."""
        rows = self.rows[chosen[self.rows]]
        return rows if len(rows) > 1 else self.rows

    def batches(
        self,
        rows: IntArray | Tensor,
        *,
        shuffle: bool = False,
        batch_size: int | None = None,
        in_parts: bool | None = None,
    ) -> Iterable[Batch]:
        """Return batches of the given rows.

        Parameters
        ----------
        rows : ndarray or Tensor of int
        shuffle : bool, default=False
        batch_size : int, default=None
            None: the net's own.
        in_parts : bool, default=None
            Whether each of several processes that train together is given its part of each batch;
            otherwise it is given all. None: as `shuffle` says.
        """
        ranks = self.ranks if (shuffle if in_parts is None else in_parts) else ONE_PROCESS
        rows = torch.as_tensor(rows)
        batch_size = self.batch_size_for(rows) if batch_size is None else batch_size
        generator = self._generator if shuffle else None
        if self.data.is_dataset:
            workers = self.net.get_params_for("iterator_train").get("num_workers", 0)
            return DatasetBatches(
                self.data.X,
                self.labels,
                rows,
                batch_size=batch_size,
                generator=generator,
                num_workers=workers,
                ranks=ranks,
            )
        return RowBatches(
            self._features,
            self.labels,
            rows,
            batch_size=batch_size,
            generator=generator,
            ranks=ranks,
        )

    def endless_batches(self, rows: IntArray, batch_size: int) -> Iterator[Batch]:
        """Return an iterator of batches of the given rows in random order, again and again."""
        check_trusted_batch_size(self, rows, batch_size)
        batches = self.batches(rows, shuffle=True, batch_size=min(batch_size, len(rows)))
        return EndlessBatches(batches)

    def batch_size_for(self, rows: IntArray | Tensor) -> int:
        """Return the size of batches of the given rows."""
        n_rows = len(rows)
        return n_rows if self.net.batch_size == -1 else min(self.net.batch_size, max(n_rows, 1))

    # -- results -----------------------------------------------------------------------------

    def predict(
        self,
        rows: IntArray,
        read: Callable[[Batch, Tensor], Any],
        *,
        state: State | None = None,
        view: Callable[[Tensor], Tensor] | None = None,
        peers: Sequence[TrainingRun] = (),
        as_in_training: bool = False,
    ) -> Any:
        """Return what is read from the net's outputs for each of the given rows.

        Memory is needed for what is read, not for all logits. The net is left in the mode and with
        the weights that it had.

        Parameters
        ----------
        rows : ndarray of int
            At least one.
        read : callable
            `read(batch, logits)` returns a tensor of shape (n_rows_of_batch, ...), or several.
        state : dict of Tensor, default=None
            Weights to predict with; None: those of the net.
        view : callable, default=None
            Of the features; None: as they are.
        peers : iterable of TrainingRun, default=()
            Nets that predict along; the logits are then logarithms of mean probabilities.
        as_in_training : bool, default=False
            Whether the net computes as in training, with dropout and the statistics of the batch;
            later steps don't notice it. Otherwise it computes in evaluation mode.

        Returns
        -------
        ndarray, or a tuple of ndarrays, in the order of `rows`
        """
        with threads_for(self.net):
            batches = self.predict_batches(
                rows, state=state, view=view, peers=peers, as_in_training=as_in_training
            )
            found = [read(batch, logits) for batch, logits in batches]
        if isinstance(found[0], tuple):
            return tuple(_stacked(parts) for parts in zip(*found, strict=True))
        return _stacked(found)

    def predict_batches(
        self,
        rows: IntArray | Tensor,
        *,
        state: State | None = None,
        view: Callable[[Tensor], Tensor] | None = None,
        peers: Sequence[TrainingRun] = (),
        as_in_training: bool = False,
    ) -> Iterator[tuple[Batch, Tensor]]:
        """Yield batches of the given rows with their logits; see `predict`.

        Of several processes that train together each computes a part of the logits and is given
        all; the batch holds the features of its part only.
        """
        size = prediction_batch_size(self.data.X, self.device)
        batches = self.batches(rows, batch_size=size, in_parts=True)
        with ExitStack() as stack:
            stack.enter_context(memory_advice(self.device, *NO_ROW_FITS))
            if self.data.is_dataset and not is_isolated():
                # Its transforms may draw, in a training and outside of one.
                stack.enter_context(isolated_training(self._seed))
            stack.enter_context(self._predicting(state, as_in_training))
            for peer in peers:
                stack.enter_context(peer._predicting(None, as_in_training))
            for batch in batches:
                with torch.no_grad():
                    X = batch.X if view is None else view(batch.X)
                    found = [infer_in_parts(run.logits, X) for run in (self, *peers)]
                    logits = log_mean_softmax(found) if peers else found[0]
                names = partial(self.data.row_numbers, batch.rows)
                if len(batch.rows):
                    check_logits(self.net, logits, batch.X, names)
                yield self._gathered(batch, logits)

    def _gathered(self, batch: Batch, logits: Tensor) -> tuple[Batch, Tensor]:
        if self.ranks is ONE_PROCESS:
            return batch, logits
        rows = batch.all_rows
        logits = self.ranks.gathered(logits, len(rows))
        return Batch(batch.X, self.labels[rows], rows), logits

    @contextmanager
    def _predicting(self, state: State | None, as_in_training: bool) -> Iterator[None]:
        was_training = self.module.training
        own_state = None if state is None else self.state()
        if state is not None:
            self.module.load_state_dict(state)
        self.module.train(as_in_training)
        try:
            with ExitStack() as stack:
                if as_in_training:
                    stack.enter_context(frozen_statistics(self.module))
                    stack.enter_context(self.randomness.looking_ahead())
                yield
        finally:
            if own_state is not None:
                self.module.load_state_dict(own_state)
            self.module.train(was_training)

    def average(self, decay: float) -> AveragedWeights:
        """Return a moving average of the weights, to be updated by the step."""
        return AveragedWeights(self, decay)

    @few_threads(1)
    def state(self) -> State:
        """Return a copy of the module's weights and buffers on the CPU."""
        return copy_state(self.module)

    def history(self) -> History:
        """Return what skorch recorded, one dict per epoch, without the single batches."""
        return [
            {name: value for name, value in epoch.items() if name != "batches"}
            for epoch in self.net.history
        ]


def log_mean_softmax(logits: list[Tensor]) -> Tensor:
    """Return the logarithm of the mean of several nets' probabilities."""
    logs = torch.stack(logits).log_softmax(dim=2)
    return logs.logsumexp(dim=0) - math.log(len(logs))


def _stacked(parts: Sequence[Tensor]) -> NDArray[Any]:
    return torch.cat(list(parts)).cpu().numpy()


def copy_state(module: nn.Module) -> State:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def _per_row(criterion: Any) -> Any:
    if not hasattr(criterion, "reduction"):
        raise TypeError(
            "The criterion of 'net' must have an attribute 'reduction', as the losses of "
            f"torch.nn do, so that it can be computed per row. Got {criterion!r} instead."
        )
    per_row = copy.copy(criterion)
    per_row.reduction = "none"
    return per_row


def _as_tensor(weights: NDArray[Any] | None, device: torch.device) -> Tensor | None:
    return None if weights is None else torch.from_numpy(weights).to(device)
