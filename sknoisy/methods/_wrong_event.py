"""Wrong events and the dynamically weighted loss."""

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from ._base import LabelEvidence, Method, margin_quality
from ._events import (
    LATER_MIXTURE_ITERATIONS,
    EventRecorder,
    class_histograms,
    clean_posteriors,
    count_quality,
    first_minimum,
    fit_class_mixtures,
)
from ._joint_loss import dynamic_loss, weight_tables

MIN_EPOCHS = 4


class WrongEvent(Method):
    """docs later"""

    def __init__(
        self,
        *,
        holdout=0.1,
        memorization_gap=0.08,
        per_class=True,
        joint_epochs=None,
        base_model="label_wave",
        difficulty="published",
        noisy_term="entropy",
        similarity="logits",
        accumulate=True,
    ):
        self.holdout = holdout
        self.memorization_gap = memorization_gap
        self.per_class = per_class
        self.joint_epochs = joint_epochs
        self.base_model = base_model
        self.difficulty = difficulty
        self.noisy_term = noisy_term
        self.similarity = similarity
        self.accumulate = accumulate

    def detect(self, trainer, data):
        run = trainer.start()
        training_rows, watched_rows = self._watched(run, data)
        recorder = EventRecorder(run)
        watcher = _Window(run, recorder, training_rows, watched_rows, self)

        def train_batch(batch):
            loss, losses, logits = run.plain_step(batch)
            recorder.record(batch.rows, logits, losses)
            return loss, logits

        run.run(train_batch, rows=training_rows, after_epoch=watcher.close_epoch)
        last_state = run.state()
        if self.base_model == "label_wave" and watcher.base_state: run.module.load_state_dict(watcher.base_state)
        return self._evidence(run, data, recorder)
    def _watched(self, run, data):
        """Split the rows into those trained on and those that only watch."""
        others = np.setdiff1d(np.arange(data.n_rows), run.rows)
        if len(others) or not self.holdout:
            return run.rows, others
        return _stratified_split(data.y, run.rows, self.holdout, run._seed)

    def _evidence(self, run, data, recorder):
        counts = recorder.counts.cpu().numpy()
        losses = (recorder.loss_sums / max(recorder.n_epochs, 1)).cpu().numpy()
        histograms = class_histograms(counts, data.y, data.n_classes)
        mixtures = fit_class_mixtures(histograms, per_class=self.per_class)
        posteriors = clean_posteriors(mixtures, histograms.shape[1])
        quality = count_quality(
            counts, losses, data.y, posteriors, n_events=recorder.n_epochs
        )
        return LabelEvidence(
            quality=quality,
            weights=posteriors[data.y, counts],
            alternatives=margin_quality(run)[1],
            state=run.state(),
            history=run.history(),
            details={"counts": counts, "losses": losses, "n_events": recorder.n_epochs},
        )

    def train_joint(self, trainer, data, evidence):
        n_epochs = self.joint_epochs or trainer.max_epochs
        run = trainer.start(state=evidence.state)
        counts = torch.from_numpy(evidence.details["counts"]).to(run.device)
        n_levels = int(counts.max()) + 2 * n_epochs + 1
        histograms = class_histograms(counts.cpu().numpy(), data.y, data.n_classes)
        mixtures = fit_class_mixtures(histograms, per_class=self.per_class)
        tables = weight_tables(mixtures, n_levels, self.difficulty, run.device)
        scheduler = CosineAnnealingLR(run.net.optimizer_, n_epochs, eta_min=0.1 * run.net.lr)
        current = {"tables": tables, "mixtures": mixtures}

        def train_batch(batch):
            X = torch.cat([run.weak_view(batch.X), run.strong_view(batch.X)])
            weak, strong = run.logits(X).chunk(2)
            rows, y = batch.rows, batch.y
            if self.accumulate:
                counts[rows] += (weak.argmax(1) != y).long() + (strong.argmax(1) != y)
            ce = run.row_losses(weak, y) + run.row_losses(strong, y)
            losses = dynamic_loss(
                weak, strong, ce, current["tables"][:, y, counts[rows]],
                noisy_term=self.noisy_term, similarity=self.similarity,
            )
            loss = run.mean_loss(losses, rows)
            run.gradient_step(loss, batch)
            return loss.detach(), weak.detach()

        def after_epoch(epoch):
            scheduler.step()
            if self.accumulate:
                hist = class_histograms(counts.cpu().numpy(), data.y, data.n_classes)
                current["mixtures"] = fit_class_mixtures(
                    hist, per_class=self.per_class, n_iter=LATER_MIXTURE_ITERATIONS, start=current["mixtures"])
                current["tables"] = weight_tables(current["mixtures"], n_levels, self.difficulty, run.device)

        run.run(train_batch, max_epochs=n_epochs, after_epoch=after_epoch)
        evidence2 = LabelEvidence(evidence.quality, evidence.weights, margin_quality(run)[1], run.state(), run.history(), dict(evidence.details))
        evidence2.details["joint_counts"] = counts.cpu().numpy()
        return evidence2


class _Window:
    """Ends the counting when memorisation begins, and keeps the base model."""

    def __init__(self, run, recorder, training_rows, watched_rows, method):
        self._run, self._recorder = run, recorder
        self._training_rows = torch.as_tensor(training_rows, device=run.device)
        self._watched_rows = watched_rows
        watched = watched_rows
        self._judges = torch.as_tensor(watched, device=run.device)
        self._method = method
        self._changes = np.inf
        self._previous_state = None
        self.base_state = None

    def close_epoch(self, epoch):
        run, recorder = self._run, self._recorder
        self._watch()
        gap = recorder.agreement(self._training_rows) - recorder.agreement(self._judges) if len(self._judges) else 0.0
        n_changes = recorder.close_epoch()
        run.net.history.record("memorization_gap", gap)
        if self._method.base_model == "label_wave" and self.base_state is None:
            if first_minimum(self._changes, n_changes, epoch):
                self.base_state = self._previous_state
            else:
                self._previous_state = run.state()
        self._changes = n_changes
        margin = 0.5 / max(len(self._judges), 1) ** 0.5
        return epoch + 1 >= MIN_EPOCHS and gap > self._method.memorization_gap + margin

    def _watch(self):
        for batch, logits in self._run.predict_logits(self._watched_rows):
            self._recorder.record(batch.rows, logits, self._run.row_losses(logits, batch.y))


def _stratified_split(codes, rows, share, seed):
    """Draw `share` of the rows of each class; return the others and the drawn."""
    order = np.random.RandomState(seed % 2**32).permutation(rows)
    order = order[np.argsort(codes[order], kind="stable")]
    position = np.floor(np.arange(1, len(order) + 1) * share) - np.floor(np.arange(len(order)) * share)
    drawn = position > 0
    return np.sort(order[~drawn]), np.sort(order[drawn])
