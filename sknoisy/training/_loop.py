"""The epochs of a training, of one net or of several side by side."""

import math
from itertools import chain

import numpy as np

from ..exceptions import NonFiniteLossError
from ._agreement import AgreementRecord
from ._checkpoints import TrainingCheckpoints
from ._finite import check_features
from ._progress import progress_task


def train_epochs(runs, step, rows, max_epochs):
    """Train by a step until it, a callback or the number of epochs ends it.

    Parameters
    ----------
    runs : tuple of TrainingRun
        The step's own and its peers; batches are those of the first.
    step : Step
    rows : ndarray of int
    max_epochs : int
    """
    batches = runs[0].batches(rows, shuffle=True)
    for run in runs:
        run.hooks.begin_training()
    records = () if step.records_agreement else tuple(map(AgreementRecord, runs))
    checkpoints = TrainingCheckpoints(runs, step, batches, records, rows, max_epochs)
    n_done, is_over = checkpoints.resume()
    seen = _begin_together(runs, step, rows, max_epochs, n_done)
    with progress_task(step.stage, max_epochs, "epoch") as task:
        for number in range(n_done, 0, -1):
            task.advance(runs[0].net.history[-number])
        for epoch in () if is_over else range(n_done, max_epochs):
            is_last = _train_epoch(runs, step, batches, epoch, records, task, seen)
            is_last = task.advance(runs[0].net.history[-1]) or is_last
            is_last = runs[0].ranks.same(is_last)
            checkpoints.end_epoch(epoch + 1, is_over=is_last or epoch + 1 == max_epochs)
            if is_last:
                break
    for run in runs:
        run.hooks.end_training()


def _begin_together(runs, step, rows, max_epochs, n_done):
    """Let several processes start from the same; return who counts the rows that each sees."""
    run = runs[0]
    run.ranks.check_batch_size(run.batch_size_for(rows))
    run.ranks.check_equal(
        training=type(step).__qualname__,
        rows=(len(rows), int(np.sum(rows))),
        epochs=(n_done, int(max_epochs)),
        net=[tuple(parameter.shape) for parameter in run.parameters],
    )
    run.ranks.broadcast_state(run.module)
    seen = run.ranks.count_rows(rows, run.data.n_rows, run.device, n_done)
    run.row_state.count_by(seen)
    return seen


def _train_epoch(runs, step, batches, epoch, records, task, seen):
    """Return whether the epoch was the last."""
    if seen is not None:
        seen.begin_epoch()
    for run in runs:
        run.draw_apart(epoch)
        run.hooks.begin_epoch()
        run.net.history.record("stage", step.stage)
    n_batches, n_of_all = 0, len(batches)
    for batch in batches:
        for run in runs:
            run.hooks.begin_batch(batch)
        results = step.train_batch(batch)
        results = results if step.peers else [results]
        for run, (loss, logits) in zip(runs, results, strict=True):
            loss_value = loss.item()
            if not math.isfinite(loss_value):
                raise _not_finite(run, loss_value, epoch, batch)
            run.hooks.end_batch(batch, loss, loss_value, logits)
        for record, (_, logits) in zip(records, results, strict=False):
            record.add(batch, logits)
        if seen is not None:
            seen.add(batch.rows)
        n_batches += 1
        task.go_on(n_batches / n_of_all)
    if seen is not None:
        seen.check(epoch + 1)
    for run in runs:
        run.ranks.unite_state(run.module)
        run.hooks.validate(n_batches, run.batches)
    is_last = step.end_epoch(epoch)
    for record in records:
        record.close_epoch()
    for run in runs:
        is_last = run.hooks.end_epoch() or is_last
    return is_last


def _not_finite(run, loss_value, epoch, batch):
    # Not only this batch may be to blame: a trusted one may have spoilt the weights of rows.
    seen = [batch] if len(batch.rows) else []
    for each in chain(seen, run.batches(np.arange(run.data.n_rows))):
        check_features(each.X, run.data.row_numbers(each.rows))
    return NonFiniteLossError(
        f"The training loss became {loss_value} in epoch {epoch + 1}. Try a lower "
        f"learning rate than lr={run.net.lr}, clip the gradients, or scale X."
    )
