"""What skorch does round the steps of a training: callbacks, history, and rows held out."""

import numpy as np
from skorch import NeuralNet
from skorch.callbacks import Callback, PrintLog
from skorch.utils import TeeGenerator
from torch.utils.data import Subset

from .._mapped import some_rows
from ._interrupts import noticed_interrupts
from ._memory import is_out_of_memory

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
EMPTY_HOOKS = (
    *(getattr(Callback, name) for name in BATCH_HOOKS),
    NeuralNet.on_batch_end,
    NeuralNet.on_grad_computed,
)


class NetHooks:
    """Calls the hooks of a net in training as skorch's own loop would.

    Parameters
    ----------
    net : initialised skorch net
    data : TrainingData

    Attributes
    ----------
    rows : ndarray of int
        Rows to learn from: of positive weight, and not held out by the net's `train_split`.
    validation_rows : ndarray of int or None
        Rows that it holds out, where they can be told.
    """

    def __init__(self, net, data):
        self._net = net
        self._data = data
        self._hooks = {name: _filled_hooks(net, name) for name in BATCH_HOOKS}
        self.rows, self._datasets, self.validation_rows = _split(net, data)

    def begin_training(self):
        self._net.notify("on_train_begin", X=self._data.X, y=self._data.y)

    def end_training(self):
        self._net.notify("on_train_end", X=self._data.X, y=self._data.y)

    def begin_epoch(self):
        self._net.notify("on_epoch_begin", **self._datasets)
        self._net._set_training(True)

    def begin_batch(self, batch):
        if self._hooks["on_batch_begin"]:
            self._notify("on_batch_begin", batch=batch, training=True)

    def gradient_is_known(self, batch):
        if self._hooks["on_grad_computed"]:
            named = TeeGenerator(self._net.get_all_learnable_params())
            self._notify("on_grad_computed", named_parameters=named, batch=batch, training=True)

    def end_batch(self, batch, loss, loss_value, logits):
        history = self._net.history
        history.record_batch("train_loss", loss_value)
        history.record_batch("train_batch_size", len(batch.all_rows))
        if self._hooks["on_batch_end"]:
            self._notify("on_batch_end", batch=batch, training=True, loss=loss, y_pred=logits)

    def validate(self, n_batches, batches_of):
        """Close the training part of an epoch, and predict the rows held out.

        Parameters
        ----------
        n_batches : int
        batches_of : callable
            Returns batches of the given rows.
        """
        net = self._net
        net.history.record("train_batch_count", n_batches)
        if self.validation_rows is not None:
            batches = batches_of(self.validation_rows)
        else:
            validation = self._datasets["dataset_valid"]
            batches = None if validation is None else net.get_iterator(validation, training=False)
        try:
            net.run_single_epoch(
                batches, training=False, prefix="valid", step_fn=net.validation_step
            )
        except RuntimeError as error:
            if self.validation_rows is not None or is_out_of_memory(error):
                raise
            raise ValueError(
                f"The rows that the 'train_split' of 'net' holds out can't be predicted: {error}"
            ) from error

    def end_epoch(self):
        """Return whether a callback ends the training."""
        with noticed_interrupts() as came_by_signal:
            try:
                for owner in _owners(self._net):
                    if not _prints_nothing(owner, self._net):
                        owner.on_epoch_end(self._net, **self._datasets)
            except KeyboardInterrupt as error:
                if came_by_signal(error):
                    raise
                # skorch's callbacks end a training in this way, EarlyStopping for one.
                return True
        return False

    def _notify(self, hook, **arguments):
        for call in self._hooks[hook]:
            call(self._net, **arguments)


def _filled_hooks(net, name):
    """Return the functions of the net and its callbacks for a hook, without skorch's empty ones."""
    called = [getattr(owner, name) for owner in _owners(net)]
    return [call for call in called if getattr(call, "__func__", call) not in EMPTY_HOOKS]


def _owners(net):
    """Return who has hooks, in skorch's order: the net, then its callbacks."""
    return [net, *(callback for _, callback in net.callbacks_)]


def _prints_nothing(owner, net):
    """Return whether this is skorch's table of epochs and nobody is to see it.

    It would be drawn all the same, which takes as long as some batches of a small table.
    """
    return type(owner) is PrintLog and owner.sink is print and not net.verbose


def _split(net, data):
    """Apply the net's own `train_split`; this package's nets have none."""
    rows = data.trained_rows()
    if net.train_split is None:
        training = net.get_dataset(data.X, data.y)
        return rows, {"dataset_train": training, "dataset_valid": None}, None
    X = Subset(data.X, rows.tolist()) if data.is_dataset else some_rows(data.X, rows)
    try:
        training, validation = net.get_split_datasets(X, data.y[rows])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'train_split' of 'net' can't split the {len(rows)} rows to train on: {error}"
        ) from error
    datasets = {"dataset_train": training, "dataset_valid": validation}
    if isinstance(training, Subset) and isinstance(validation, Subset):
        trained, held_out = (np.array(part.indices, int) for part in (training, validation))
        return rows[trained], datasets, rows[held_out]
    return rows, datasets, None
