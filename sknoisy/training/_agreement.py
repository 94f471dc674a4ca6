"""How often a net in training predicts the given labels: what the history tells of each epoch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from ._net_outputs import infer_in_parts, prediction_batch_size
from ._ranks import ONE_PROCESS
from ._seeding import OwnRandomness

if TYPE_CHECKING:
    from ._run import TrainingRun

# Looked at together, since each look costs much the same, however few rows it is at.
MAX_PENDING_VALUES = 2**15
# Rows held out that are predicted after each epoch: of thousands of rows so few that it takes at
# most 2 % of its time.
SAMPLE_SHARE = 1 / 60
MIN_SAMPLE = 50


class AgreementRecord:
    """Records in the history of a net how often it predicts the given labels.

    Those of the rows that it trains on are compared with the outputs that the training computes
    anyway; a sample of the rows held out is predicted after each epoch. What a step has recorded
    itself stays.

    Parameters
    ----------
    run : TrainingRun
    """

    def __init__(self, run: TrainingRun) -> None:
        self._run = run
        self._sample = _held_out_sample(run)
        self._pending: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._n_pending_values = 0
        self._n_agreeing: torch.Tensor | int = 0
        self._n_rows = 0
        self._contradicted = 0.0
        self._n_epochs = 0
        # Those of the training must not be drawn from.
        self._randomness = OwnRandomness(0)

    def add(self, batch, logits):
        """Take in the outputs for a batch that was trained on, of shape (n_rows, n_classes)."""
        if logits.ndim != 2 or len(logits) != len(batch.y):
            return
        self._pending.append((logits, batch.y))
        self._n_pending_values += logits.numel()
        if self._n_pending_values > MAX_PENDING_VALUES:
            self._look_at_pending()

    def _look_at_pending(self):
        logits, labels = map(torch.cat, zip(*self._pending, strict=True))
        self._pending, self._n_pending_values = [], 0
        self._n_agreeing = self._n_agreeing + (logits.argmax(dim=1) == labels).sum()
        self._n_rows += len(labels)

    def close_epoch(self):
        """Record the shares of an epoch."""
        if self._pending:
            self._look_at_pending()
        found = {}
        n_agreeing, n_rows = self._totals()
        if n_rows:
            agreement = n_agreeing / n_rows
            self._contradicted += 1 - agreement
            self._n_epochs += 1
            found["train_agreement"] = agreement
            found["wrong_events"] = self._contradicted / self._n_epochs
        self._n_agreeing, self._n_rows = 0, 0
        if len(self._sample):
            found["held_out_agreement"] = self._agreement_with_sample()
        history = self._run.net.history
        recorded = history[-1].keys()
        for name, value in found.items():
            if name not in recorded:
                history.record(name, value)

    def _totals(self):
        ranks = self._run.ranks
        if ranks is ONE_PROCESS:
            return int(self._n_agreeing), self._n_rows
        return ranks.total(torch.tensor([int(self._n_agreeing), self._n_rows])).tolist()

    def _agreement_with_sample(self):
        run, n_agreeing = self._run, 0
        with _in_evaluation(run.module), self._randomness.drawing():
            size = prediction_batch_size(run.data.X, run.device)
            for batch in run.batches(self._sample, batch_size=size):
                predicted = infer_in_parts(run.logits, batch.X).argmax(dim=1)
                n_agreeing = n_agreeing + (predicted == batch.y).sum()
        return int(n_agreeing) / len(self._sample)


@contextmanager
def _in_evaluation(module):
    was_training = module.training
    module.train(False)
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(was_training)


def _held_out_sample(run):
    """Return rows that weren't learnt from, at even distances; none of a Dataset.

    The items of a Dataset may be drawn at random, and those of the training must stay the same.
    """
    if run.data.is_dataset:
        return np.empty(0, dtype=np.int64)
    rows = run.data.held_out
    if run.hooks.validation_rows is not None:
        rows = np.union1d(rows, run.hooks.validation_rows)
    n_sampled = max(MIN_SAMPLE, round(SAMPLE_SHARE * len(run.rows)))
    if len(rows) <= n_sampled:
        return rows
    return rows[np.linspace(0, len(rows) - 1, n_sampled).round().astype(int)]
