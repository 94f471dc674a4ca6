"""What a method does with one batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor
from torch.optim import Optimizer

if TYPE_CHECKING:
    from ._batches import Batch
    from ._run import TrainingRun


class Step:
    """One step of a training: the contract between a method and `TrainingRun.fit`.

    As it stands it is plain training on the given labels. A method overrides `losses` where its
    loss is a weighted sum over the rows of the batch, and `train_batch` where it does more than
    one gradient step on it.

    Parameters
    ----------
    run : TrainingRun
        The net in training, its data and its random views.

    Attributes
    ----------
    peers : tuple of TrainingRun
        Further nets that are trained in the same loop, on the same batches. Their callbacks,
        histories and modes are looked after as those of `run`.
    stage : str
        What the history calls the training, or the part of it that an epoch belongs to; it may
        change from epoch to epoch.
    records_agreement : bool
        Whether the step itself records in the history how often the net predicts the given labels.
        Otherwise it is seen from the logits that `train_batch` returns.
    """

    peers: Sequence[TrainingRun] = ()
    stage: str = "training"
    records_agreement: bool = False

    def __init__(self, run: TrainingRun) -> None:
        self.run = run

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return what the step learns from.

        Parameters
        ----------
        batch : Batch
            Features, given labels and row numbers; no view has been taken yet.

        Returns
        -------
        losses : Tensor of shape (n_rows,)
        weights : Tensor of shape (n_rows,) or None
            Relative weights of the rows, constants. The user's `sample_weight` multiplies them.
        logits : Tensor of shape (n_rows, n_classes)
            What callbacks see as the prediction.
        """
        logits = self.run.logits(self.run.weak_view(batch.X))
        return self.run.row_losses(logits, batch.y), None, logits

    def train_batch(self, batch: Batch) -> tuple[Tensor, Tensor] | list[tuple[Tensor, Tensor]]:
        """Train on one batch.

        Returns
        -------
        (loss, logits) : tuple of Tensor
            Or, with peers, a list of one such pair for `run` and for each of the peers.
        """
        return self.run.learn(batch, *self.losses(batch))

    def end_epoch(self, epoch: int) -> bool | None:
        """Look back on an epoch, counted from 0; the training ends when this returns True."""
        return False

    def optimizers(self) -> Iterable[Optimizer]:
        """Return torch optimisers of parameters that the step learns beside the net's.

        They make a step with each gradient step of `run`. They are optimisers of their own, not
        groups of the net's: such parameters rarely suit its algorithm and weight decay.
        """
        return ()
