"""Wrong events and the dynamically weighted loss."""

from dataclasses import replace
from numbers import Integral

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR

from .._parameters import check_choice, check_number
from ..training import has_scheduler
from ._base import LabelEvidence, Method, margin_quality
from ._events import (
    EventRecorder,
    class_histograms,
    clean_posteriors,
    count_quality,
    fit_class_mixtures,
    judged_by_counts,
)
from ._joint import DIFFICULTIES, NOISY_TERMS, SIMILARITIES, JointTraining
from ._window import CountingWindow, agreement, agrees_better, split_watched

FINAL_LR_SHARE = 0.1


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
    epochs, agrees better with the watched labels than that of stage 2, it is kept.

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
        Share of the rows of each class that both stages leave out and only watch. They are
        counted too, in evaluation mode. 0: none; then counting goes on to the last epoch, and
        the net of stage 2 is always kept. A net with a `train_split` of its own is watched on the
        rows that it holds out.
    memorization_gap : float, default=0.05
        Counting ends when the share of training rows whose label the net predicts exceeds that
        of the watched rows by this much and one standard error in two epochs running. Chosen
        on 45 runs over 15 tables: 0.05 to 0.1 give the same F1 to 0.005.
    per_class : bool, default=True
        Fit one mixture per given class, as the paper found best; False: one for all rows.
    base_model : {"label_wave", "last"}, default="label_wave"
        Where stage 2 starts: the epoch of the first local minimum in the number of changed
        predictions, or the end of stage 1.
    joint_epochs : int, default=None
        Epochs of stage 2. None: as many as the net's `max_epochs`.
    difficulty : {"published", "symmetric", "one", "zero"}, default="published"
        Form of :math:`\epsilon`. "symmetric": :math:`\tau_1 F_1 + \tau_2 (1 - F_2)`.
    noisy_term : {"entropy", "confident_entropy", "none"}, default="entropy"
        Loss of rows judged wrong; "confident_entropy" weighs it by the largest probability.
    similarity : {"logits", "probabilities"}, default="logits"
        What the second term compares.
    accumulate : bool, default=True
        Count on in stage 2, and judge the labels by all counts. False: stage 1 decides.

    Notes
    -----
    The forms of `difficulty`, `noisy_term` and `similarity` differ by less than 0.3 points of
    accuracy on tables. After stage 1 the rival's verdict has an F1 0.018 above the published one
    (15 tables, three seeds), since few epochs give a mixture few counts to tell apart. After
    stage 2 a label that the net predicted in more than half of the events isn't judged wrong,
    whatever the mixture says; on clean data this halves the false alarms and costs nothing
    elsewhere. Epochs in which the net agrees with the watched labels less
    than 0.9 times as often as in its best one don't count: an untrained net contradicts all.

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

    published_threshold = 0.5
    published_final = "joint"

    def __init__(
        self,
        *,
        holdout=0.1,
        memorization_gap=0.05,
        per_class=True,
        base_model="label_wave",
        joint_epochs=None,
        difficulty="published",
        noisy_term="entropy",
        similarity="logits",
        accumulate=True,
    ):
        self.holdout = holdout
        self.memorization_gap = memorization_gap
        self.per_class = per_class
        self.base_model = base_model
        self.joint_epochs = joint_epochs
        self.difficulty = difficulty
        self.noisy_term = noisy_term
        self.similarity = similarity
        self.accumulate = accumulate

    def check_parameters(self):
        check_number(self, "holdout", 0, 1)
        check_number(self, "memorization_gap", 0)
        check_number(self, "joint_epochs", 1, kind=Integral, optional=True)
        check_choice(self, "base_model", ("label_wave", "last"))
        check_choice(self, "difficulty", tuple(DIFFICULTIES))
        check_choice(self, "noisy_term", NOISY_TERMS)
        check_choice(self, "similarity", SIMILARITIES)

    def detect(self, trainer, data):
        """Run stage 1; the evidence's `details` hold counts, mean losses and epochs."""
        run = trainer.start()
        recorder = EventRecorder(run)
        training_rows, watched_rows = self._split(run, trainer.random_state())
        window = CountingWindow(
            run,
            recorder,
            training_rows,
            watched_rows,
            memorization_gap=self.memorization_gap,
            keeps_base=self.base_model == "label_wave",
        )

        def train_batch(batch):
            loss, losses, logits = run.plain_step(batch)
            recorder.record(batch.rows, logits, losses)
            return loss, logits

        run.run(train_batch, rows=training_rows, after_epoch=window.close_epoch)
        if window.base_state is not None:
            run.module.load_state_dict(window.base_state)
        epochs = window.counted_epochs()
        counts, losses = recorder.counts(epochs), recorder.mean_losses(epochs)
        judged_right = recorder.mean_shares(epochs) >= 0.5
        evidence = self._evidence(run, counts, losses, len(epochs), judged_right)
        evidence.details |= {"watched": watched_rows, "averaged_state": window.averaged_state}
        return evidence

    def train_joint(self, trainer, data, evidence):
        """Run stage 2 from the base model."""
        n_epochs = self.joint_epochs or trainer.max_epochs
        run = trainer.start(state=evidence.state)
        watched = evidence.details["watched"]
        joint = JointTraining(run, evidence.details["counts"], watched, n_epochs, self)
        scheduler = None
        if not has_scheduler(run.net):
            floor = FINAL_LR_SHARE * run.net.lr
            scheduler = CosineAnnealingLR(run.net.optimizer_, n_epochs, eta_min=floor)

        def after_epoch(epoch):
            joint.close_epoch()
            if scheduler is not None:
                scheduler.step()

        run.run(
            joint.train_batch,
            rows=np.setdiff1d(run.rows, watched),
            max_epochs=n_epochs,
            after_epoch=after_epoch,
        )
        history = evidence.history + run.history()
        if self._did_harm(run, evidence):
            alternatives = margin_quality(run)[1]
            return replace(evidence, alternatives=alternatives, state=run.state(), history=history)
        n_events = evidence.details["n_events"]
        if self.accumulate:
            n_events += 2 * len(run.net.history)
        joint_evidence = self._evidence(run, joint.counts(), evidence.details["losses"], n_events)
        joint_evidence.history = history
        joint_evidence.details["watched"] = watched
        return joint_evidence

    def _did_harm(self, run, evidence):
        """Return whether stage 1's net agrees better with the watched labels; then load it."""
        watched = evidence.details["watched"]
        joint_state = run.state()
        joint_agrees = agreement(run, watched)
        run.module.load_state_dict(evidence.details["averaged_state"])
        if agrees_better(agreement(run, watched), joint_agrees):
            return True
        run.module.load_state_dict(joint_state)
        return False

    def _split(self, run, random_state):
        watched = np.setdiff1d(np.arange(run.data.n_rows), run.rows)
        if len(watched) or not self.holdout:
            return run.rows, watched
        rows, watched = split_watched(run.data.y, run.rows, self.holdout, random_state)
        if len(rows) < 2:
            raise ValueError(
                "The 'holdout' parameter of WrongEvent must leave at least two rows to train on. "
                f"Got {self.holdout!r}, which leaves {len(rows)} of {len(run.rows)}."
            )
        return rows, watched

    def _evidence(self, run, counts, losses, n_events, judged_right=None):
        data = run.data
        histograms = class_histograms(counts, data.y, data.n_classes)
        mixtures = fit_class_mixtures(histograms, per_class=self.per_class)
        posteriors = clean_posteriors(mixtures, *histograms.shape)
        if judged_right is None:
            judged_right = judged_by_counts(counts, data.y, posteriors, n_events=n_events)
        return LabelEvidence(
            quality=count_quality(counts, losses, judged_right, n_events=n_events),
            weights=posteriors[data.y, counts],
            alternatives=margin_quality(run)[1],
            state=run.state(),
            history=run.history(),
            details={"counts": counts, "losses": losses, "n_events": n_events},
        )
