"""Wrong events and the dynamically weighted loss."""

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal

import numpy as np
import torch

from ..._parameters import check_choice, check_number
from ..._typing import FloatArray, State
from ...boosting import has_rounds
from ...thresholds import moved_to_quantiles
from ...training import EstimatorTrainer, Step, Trainer, threads_for_table
from .._base import Contradictions, LabelEvidence, Method, compare_with_runner_up
from ._confidence import ConfidenceEvidence, weight_of_trees
from ._dynamic_loss import DIFFICULTIES, NOISY_TERMS, SIMILARITIES, DynamicLossStep
from ._events import (
    EventRecorder,
    class_histograms,
    clean_posteriors,
    count_quality,
    fit_class_mixtures,
    judged_by_counts,
)
from ._folds import judge_by_folds
from ._rounds import judge_by_rounds
from ._window import LabelWave, MemorizationWindow, agrees, agrees_better

LATEST_SHARE = 1 / 3


@dataclass(kw_only=True)
class WrongEventEvidence(ConfidenceEvidence):
    """What a stage of wrong event found out, and hands to the next one.

    Parameters
    ----------
    counts : ndarray of int of shape (n_rows,)
        Wrong events.
    losses : ndarray of shape (n_rows,)
        Mean losses over the counted epochs.
    n_events : int
        The largest possible count.
    averaged_state : dict of Tensor
        Weights averaged over the last epochs of stage 1.
    """

    counts: np.ndarray
    losses: np.ndarray
    n_events: int
    averaged_state: State | None = None


class WrongEvent(Method):
    r"""Count, while training, how often the net contradicts each given label.

    A wrong label is contradicted again and again, a right one seldom, and a difficult right one
    in between. Stage 1 trains on the labels as they are and counts, from the forward pass that
    trains anyway, the epochs :math:`w_i` in which the net predicts another class than the given
    one. Two beta distributions fitted to the counts give the probability
    :math:`\tau_1(w_i)` that the label is right. Stage 2, in
    `RobustClassifier`, trains on from the base model with

    .. math::

       \frac1B\sum_i \tau_1(w_i)\,[\mathrm{CE}(z_i, \bar y_i) + \mathrm{CE}(z'_i, \bar y_i)]
       + \epsilon(w_i)\,\tfrac1C\lVert z_i - z'_i\rVert^2 + (1 - \tau_1(w_i))\,H_i

    where :math:`z` and :math:`z'` are the logits of a weak and a strong view,
    :math:`\epsilon = \tau_1 F_1 + (1 - \tau_2)(1 - F_2)` weighs difficulty by the components'
    cumulative probabilities, and :math:`H` is the entropy of the mean prediction. Counting goes
    on in stage 2, with both views. Where the net of stage 1, its weights averaged over the last
    epochs, agrees better with the held-out labels than that of stage 2, it is kept.

    A label is judged wrong where it was less probable than its rival, the other class that was most
    probable an epoch before: where p(given) / (p(given) + p(rival)) is below one half in the mean
    over the counted epochs. After stage 2, with four and more times as many counts, the published
    verdict decides, :math:`\tau_1 < 0.5`. The label quality is the mean of the verdict (0 or 1) and
    of the share of events in which the net agreed with the label, so that rows of different
    classes can be compared; the weight is :math:`\tau_1`, after stage 1 too.

    Needs nothing but the labels. Cost in multiples of plain training: stage 1 about 1, less
    where the window ends early; stage 2 about 2 per epoch.

    Parameters
    ----------
    holdout : float, default=0.1
        Share of the rows of each class that both stages leave out and only look at. They are
        counted too, in evaluation mode. 0: none; then counting goes on to the last epoch, and
        the net of stage 2 is always kept. Boosted trees hold out 0.1 even then. A net with a
        `train_split` of its own is looked at on the rows that it holds out.
    memorization_gap : float, default=0.05
        Counting ends when the share of training rows whose label the net predicts exceeds that
        of the held-out rows by this much and one standard error in two epochs running. Under
        dropout the net predicts the held-out rows in both modes, and the larger share counts.
    per_class : bool, default=True
        Fit one mixture per given class, as the paper found best; False: one for all rows.
    base_model : {"label_wave", "last"}, default="label_wave"
        Where stage 2 starts: the epoch of the first local minimum in the number of changed
        predictions, or the end of stage 1.
    joint_epochs : int, default=None
        Epochs of stage 2. None: half of the net's `max_epochs` for a table, all of them for images.
    difficulty : {"published", "symmetric", "one", "zero"}, default="published"
        Form of :math:`\epsilon`. "symmetric": :math:`\tau_1 F_1 + \tau_2 (1 - F_2)`.
    noisy_term : {"entropy", "confident_entropy", "none"}, default="entropy"
        Loss of rows judged wrong; "confident_entropy" weighs it by the largest probability.
    similarity : {"logits", "probabilities"}, default="logits"
        What the second term compares.
    accumulate : bool, default=True
        Count on in stage 2, and judge the labels by all counts. False: stage 1 decides.
    record_epochs : bool, default=False
        Keep the confidence of each row, p(given) / (p(given) + p(rival)), in each epoch of stage 1
        as `evidence_["by_epoch"]`, an array (n_epochs, n_rows) of float32: 4 bytes per row and
        epoch. Where a booster judges without a net, in each of its rounds; cross-validated
        predictions have none.

    Notes
    -----
    The forms of `difficulty`, `noisy_term` and `similarity` differ little on tables. After
    stage 1 the rival decides, since few epochs give a mixture few counts to tell apart. After
    stage 2 a label that the net predicted in more than half of the events isn't judged wrong,
    whatever the mixture says, which spares right labels of clean data. Epochs in which the
    net agrees with the held-out labels less than 0.9 times as often as in its best one don't count:
    an untrained net contradicts all.

    With a booster as the detector's `estimator`, rounds take the place of epochs: the quality is
    the mean of p(given) / (p(given) + p(rival)) over the rounds up to twice the one that predicts
    the held-out labels best. Of the parameters only `holdout` means something there. With any other
    classifier it is p(given) / (p(given) + p(rival)) in cross-validated predictions.

    It fails where the net can't tell a wrong label from a right one: pair noise near one half,
    and classes that overlap, where a flag says "ambiguous" rather than "wrong".

    References
    ----------
    Zhang et al., "Handling Label Noise via Instance-Level Difficulty Modeling and Dynamic
    Optimization", NeurIPS 2025, arXiv 2505.00812. Yuan, Feng and Liu, "Early Stopping Against
    Label Noise Without Validation Data" (Label Wave), ICLR 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.methods import WrongEvent
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector(WrongEvent(), random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.95)
    True
    """

    name = "wrong_event"
    cost = "detector: 1 or less; classifier: about 2"
    choose_it = "first"
    estimator_parameters = ("holdout", "record_epochs")
    trains_distributed = True
    citation = (
        "Zhang et al. (2025). *Handling Label Noise via Instance-Level Difficulty Modeling and "
        "Dynamic Optimization.* NeurIPS. [arXiv:2505.00812](https://arxiv.org/abs/2505.00812)"
    )

    def __init__(
        self,
        *,
        holdout: float = 0.1,
        memorization_gap: float = 0.05,
        per_class: bool = True,
        base_model: Literal["label_wave", "last"] = "label_wave",
        joint_epochs: int | None = None,
        difficulty: Literal["published", "symmetric", "one", "zero"] = "published",
        noisy_term: Literal["entropy", "confident_entropy", "none"] = "entropy",
        similarity: Literal["logits", "probabilities"] = "logits",
        accumulate: bool = True,
        record_epochs: bool = False,
    ) -> None:
        self.holdout = holdout
        self.memorization_gap = memorization_gap
        self.per_class = per_class
        self.base_model = base_model
        self.joint_epochs = joint_epochs
        self.difficulty = difficulty
        self.noisy_term = noisy_term
        self.similarity = similarity
        self.accumulate = accumulate
        self.record_epochs = record_epochs

    def check_parameters(self) -> None:
        check_number(self, "holdout", 0, 1)
        check_number(self, "memorization_gap", 0)
        check_number(self, "joint_epochs", 1, kind=Integral, optional=True)
        check_choice(self, "record_epochs", (True, False))
        check_choice(self, "base_model", ("label_wave", "last"))
        check_choice(self, "difficulty", tuple(DIFFICULTIES))
        check_choice(self, "noisy_term", NOISY_TERMS)
        check_choice(self, "similarity", SIMILARITIES)

    def detect(self, trainer: Trainer) -> WrongEventEvidence:
        """Run stage 1."""
        run = trainer.new_run()
        training_rows = run.rows
        held_out_rows = np.setdiff1d(np.arange(run.data.n_rows), training_rows)
        step = CountingStep(run, training_rows, held_out_rows, self)
        run.fit(step)
        if step.base_model.state is not None:
            run.module.load_state_dict(step.base_model.state)
        epochs, recorder = step.window.counted_rounds(), step.recorder
        confidences = recorder.mean_confidences(epochs)
        evidence = self._evidence(
            run,
            recorder.counts(epochs),
            recorder.mean_losses(epochs),
            len(epochs),
            judged_right=confidences >= 0.5,
            confidences=moved_to_quantiles(confidences, held_out_rows),
            held_out_agreement=step.window.largest_agreement(),
            held_out_rows=held_out_rows,
            averaged_state=step.averaged.state,
            by_epoch=recorder.confidences() if self.record_epochs else None,
        )
        return replace(evidence, quality=moved_to_quantiles(evidence.quality, held_out_rows))

    def detect_by_estimator(self, trainer: EstimatorTrainer) -> LabelEvidence:
        """Count over rounds of boosting, or compare with cross-validated predictions."""
        if trainer.cv is None and has_rounds(trainer.estimator):
            with threads_for_table(trainer.data.table):
                return judge_by_rounds(trainer, record_rounds=self.record_epochs)
        return judge_by_folds(trainer)

    def weigh_estimator(
        self, evidence: WrongEventEvidence, by_estimator: ConfidenceEvidence
    ) -> tuple[FloatArray, float]:
        """Return the mean of their confidences, weighed by what each knows of the table."""
        weight = weight_of_trees(by_estimator.held_out_agreement, evidence.held_out_agreement)
        quality = weight * by_estimator.confidences + (1 - weight) * evidence.confidences
        return quality, weight

    def train_classifier(
        self, trainer: Trainer, evidence: WrongEventEvidence
    ) -> WrongEventEvidence:
        """Run stage 2 from the base model."""
        n_epochs = self._n_joint_epochs(trainer)
        run = trainer.new_run(state=evidence.state)
        held_out_rows = evidence.held_out_rows
        step = DynamicLossStep(
            run, evidence.counts, held_out_rows, n_epochs, evidence.n_events, self
        )
        run.fit(step, max_epochs=n_epochs)
        history = evidence.history + run.history()
        if self._did_harm(run, evidence):
            return self._keep_first_stage(run, evidence, history)
        n_events = evidence.n_events
        if self.accumulate:
            n_events += 2 * len(run.net.history)
        return self._evidence(
            run,
            step.counts(),
            evidence.losses,
            n_events,
            history=history,
            held_out_rows=held_out_rows,
            confidences=evidence.confidences,
            held_out_agreement=evidence.held_out_agreement,
            by_epoch=evidence.by_epoch,
        )

    def _n_joint_epochs(self, trainer):
        if self.joint_epochs is not None:
            return self.joint_epochs
        is_table = np.ndim(trainer.data.example()) == 1
        return math.ceil(trainer.max_epochs / 2) if is_table else trainer.max_epochs

    @staticmethod
    def _did_harm(run, evidence):
        """Return whether stage 1's net agrees better with the held-out labels."""
        rows = evidence.held_out_rows
        if not len(rows):
            return False
        before = run.predict(rows, agrees, state=evidence.averaged_state)
        return agrees_better(before, run.predict(rows, agrees))

    @staticmethod
    def _keep_first_stage(run, evidence, history):
        run.module.load_state_dict(evidence.averaged_state)
        margins, runner_up = run.predict(np.arange(run.data.n_rows), compare_with_runner_up)
        return replace(
            evidence,
            runner_up=runner_up,
            margins=margins,
            states=(run.state(),),
            history=history,
        )

    def _evidence(self, run, counts, losses, n_events, *, judged_right=None, **fields):
        data = run.data
        histograms = class_histograms(counts, data.y, data.n_classes)
        mixtures = fit_class_mixtures(histograms, per_class=self.per_class)
        posteriors = clean_posteriors(mixtures, *histograms.shape)
        if judged_right is None:
            judged_right = judged_by_counts(counts, data.y, posteriors, n_events=n_events)
        return WrongEventEvidence.of(
            run,
            count_quality(counts, losses, judged_right, n_events=n_events),
            posteriors[data.y, counts],
            contradictions=(Contradictions(counts, n_events, "predictions of the net"),),
            counts=counts,
            losses=losses,
            n_events=n_events,
            **fields,
        )


class CountingStep(Step):
    """Plain training that counts wrong events, and keeps the models that stage 2 may need.

    Beside the base model it keeps a moving average of the weights, a third of it from the latest
    epoch: the best net that plain training has to offer.

    Parameters
    ----------
    run : TrainingRun
    training_rows, held_out_rows : ndarray of int
    method : WrongEvent
        Gives `memorization_gap` and `base_model`.
    """

    stage = "wrong_events"
    records_agreement = True

    def __init__(self, run, training_rows, held_out_rows, method):
        super().__init__(run)
        self.recorder = EventRecorder(run.labels, run.row_state)
        n_rows = len(held_out_rows) or len(training_rows)
        self.window = MemorizationWindow(n_rows, method.memorization_gap)
        self.base_model = LabelWave()
        self.averaged = run.average(1 - LATEST_SHARE)
        self._seeks_base = method.base_model == "label_wave"
        self._training_rows = torch.as_tensor(training_rows, device=run.device)
        self._held_out_rows = torch.as_tensor(held_out_rows, device=run.device)

    def losses(self, batch):
        losses, weights, logits = super().losses(batch)
        self.recorder.record(batch.rows, logits.detach(), losses.detach())
        return losses, weights, logits

    def end_epoch(self, epoch):
        for batch, logits in self.run.predict_batches(self._held_out_rows):
            self.recorder.record(batch.rows, logits, self.run.row_losses(logits, batch.y))
        n_changes = self.recorder.close_round()
        trained = held_out = self.recorder.agreement(self._training_rows)
        if len(self._held_out_rows):
            held_out = self.recorder.agreement(self._held_out_rows)
        gap = trained - self._as_comparable(held_out)
        history = self.run.net.history
        history.record("train_agreement", trained)
        if len(self._held_out_rows):
            history.record("held_out_agreement", held_out)
        history.record("wrong_events", self.recorder.mean_contradicted())
        history.record("memorization_gap", gap)
        state = self.run.state()
        self.averaged.update(state)
        if self._seeks_base:
            self.base_model.close_epoch(epoch, n_changes, state)
        return self.window.close_round(gap, held_out)

    def _as_comparable(self, held_out):
        """Return the agreement with held-out rows in evaluation or as in training, if that is more.

        Dropout lowers the agreement of a net that has learnt much, and may raise that of one that
        has learnt rare features by heart. It is memory if training rows are ahead of both.
        """
        rows = self._held_out_rows.cpu().numpy()
        # Batch normalisation can't be computed on one row.
        if len(rows) < 2 or self.run.randomness.state() is None:
            return held_out
        return max(held_out, self.run.predict(rows, agrees, as_in_training=True).mean())
