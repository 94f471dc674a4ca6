"""MentorNet: a curriculum of rows, by a rule on their losses or by a net that has learnt one."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from .._parameters import check_choice, check_number
from ..training import Step, Trainer, seeded_global_state
from ._base import LabelEvidence, Method
from ._co_teaching import rate_of_wrong_labels, rows_to_ask
from ._late_epochs import LateMean

MARGIN_SHARE = 0.01
N_LOOKS = 4
N_UNITS = 16
MENTOR_STEPS = 500
MENTOR_BATCH = 256
MENTOR_LR = 0.01


class MentorNet(Method):
    r"""Choose by the course of a row's loss whether the net is to learn from it.

    A row has the weight v in the loss of the batch, :math:`\frac1n \sum_i v_i \ell_i`. By the
    predefined curriculum

    .. math:: v_i = 1[\ell_i \le m], \qquad m \leftarrow \gamma m + (1 - \gamma) q

    with q the percentile of the losses in the batch, and m its moving average: a batch of many
    wrong labels keeps fewer rows than one of few. In the first epochs all rows are kept.

    With `curriculum="learned"`, a small recurrent net, the mentor, gives the weight: of the last
    four values of a row's loss and of :math:`\ell_i - m`, and of how much of the training is over.
    It is trained on trusted rows. These know no wrong labels, so half of their
    labels are flipped on purpose, to another class by chance, in a first training by the predefined
    curriculum; the mentor learns to tell the two halves apart. In a second training it chooses.

    The paper judges no labels. A row's quality is its mean weight over the later half of the
    epochs; a hundredth of it is the margin of the net's prediction, which orders rows that were
    kept equally often.

    Needs nothing but the labels; trusted rows with `curriculum="learned"`. Cost in multiples of
    plain training: 1 to 1.2; with a learned curriculum 2.2, and 4 on small tables.

    Parameters
    ----------
    curriculum : {"predefined", "learned"}, default="predefined"
        The rule on the losses, or the mentor.
    percentile : float in (0, 1], default=None
        Share of the rows of an average batch that the predefined curriculum keeps. Published: 0.7
        to 0.9, near the share of right labels. None: one less the share of wrong labels, estimated
        after each epoch of the burn-in by what the net says of a tenth of the
        rows, which it doesn't learn from until then.
    momentum : float in [0, 1), default=0.9
        The share :math:`\gamma` of the old average.
    burn_in : float in [0, 1), default=0.18
        Share of the epochs in which all rows are kept. Published.

    Notes
    -----
    Trusted rows are always kept.

    The paper's mentor sees the label too. The released training always shows it the same one, and
    so the label is left out: with few trusted rows of a class, the mentor only learns which classes
    had more of the flipped ones.

    Left out as well are the published dropout of weights, by which rows are now and then kept or
    left out by chance, the softer rule of the last tenth of the epochs, and the scaling of weight
    decay by the mean weight. The published mentor was trained on a tenth of CIFAR-10, with images
    whose labels were known to be right or wrong.

    It fails where right labels of a rare or hard class have large losses: they are left out, and
    stay hard. Wrong labels that are learnt early, as under pair noise, are kept. A learned
    curriculum knows flips by chance alone, and holds for wrong labels as far as their losses take
    the same course.

    References
    ----------
    Jiang, Zhou, Leung, Li and Fei-Fei, "MentorNet: Learning Data-Driven Curriculum for Very Deep
    Neural Networks on Corrupted Labels", ICML 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("mentornet", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "mentornet"
    needs = 'the labels only; trusted rows with `MentorNet(curriculum="learned")`'
    cost = "1 to 1.2; with a learned curriculum 2.2 to 4"
    choose_it = "to compare: rows are learnt from by the course of their losses"
    citation = (
        "Jiang, Zhou, Leung, Li, Fei-Fei (2018). *MentorNet: Learning Data-Driven Curriculum for "
        "Very Deep Neural Networks on Corrupted Labels.* ICML"
    )

    def __init__(
        self,
        *,
        curriculum: str = "predefined",
        percentile: float | None = None,
        momentum: float = 0.9,
        burn_in: float = 0.18,
    ) -> None:
        self.curriculum = curriculum
        self.percentile = percentile
        self.momentum = momentum
        self.burn_in = burn_in

    def check_parameters(self) -> None:
        check_choice(self, "curriculum", ("predefined", "learned"))
        check_number(self, "percentile", 0, np.nextafter(1, 2), above=True, optional=True)
        check_number(self, "momentum", 0, 1)
        check_number(self, "burn_in", 0, 1)

    def requires_trusted_rows(self) -> bool:
        return self.curriculum == "learned"

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train by the curriculum; the evidence is a row's mean weight over the later epochs."""
        mentor, history = None, []
        if self.curriculum == "learned":
            mentor, history = train_mentor(trainer, self)
        run = trainer.new_run()
        step = CurriculumStep(run, self, mentor)
        run.fit(step)
        quality = step.weights.values()
        evidence = LabelEvidence.of(run, quality, history=history + run.history())
        evidence.quality += MARGIN_SHARE * (evidence.margins - evidence.quality)
        return evidence


class CurriculumStep(Step):
    """Learns from the rows that the curriculum keeps.

    Parameters
    ----------
    run : TrainingRun
    method : MentorNet
    mentor : Mentor, default=None
        Gives the weights after the burn-in; None: the losses do.
    watched : ndarray of int, default=()
        Rows whose course is written down, as lessons for a mentor. They aren't kept for being
        trusted.
    """

    stage = "burn_in"

    def __init__(self, run, method, mentor=None, watched=()):
        super().__init__(run)
        self._method = method
        self._mentor = mentor
        self._n_epochs = run.net.max_epochs
        self._n_burn_in = round(method.burn_in * self._n_epochs)
        self._percentile = method.percentile
        self._asked = np.empty(0, dtype=np.int64)
        if self._percentile is None:
            self._percentile = 1.0
            self._asked = rows_to_ask(run)
        self._average = None
        self._kept = torch.from_numpy(run.data.trusted).to(run.device)
        self._is_watched = torch.zeros_like(self._kept)
        self._is_watched[torch.from_numpy(np.array(watched, dtype=np.int64)).to(run.device)] = True
        self._kept &= ~self._is_watched
        self._is_asked = torch.zeros_like(self._kept)
        self._is_asked[torch.from_numpy(self._asked).to(run.device)] = True
        self._course = run.row_state.create("course", width=2 * N_LOOKS)
        self.weights = LateMean(run, "weight")
        self.lessons = []
        self._begin_epoch(0)

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        losses = self.run.row_losses(logits, batch.y)
        values = losses.detach().float()
        limit = self._limit(values)
        course = self._follow(batch.rows, values, values - limit)
        self._write_down(batch, course)
        weights = self._weights(batch, values <= limit, course)
        self.weights.record(batch.rows, weights)
        # Part of the loss, and so not divided by their sum: few kept rows make a small step.
        return losses * weights, None, logits

    def end_epoch(self, epoch):
        self.weights.end_epoch(epoch)
        if self._method.percentile is None and epoch < max(self._n_burn_in, 1):
            self._percentile = 1 - rate_of_wrong_labels(self.run, self._asked)
        self._begin_epoch(epoch + 1)

    def _begin_epoch(self, epoch):
        self._epoch = epoch
        self.stage = "burn_in" if epoch < self._n_burn_in else "curriculum"

    def _limit(self, losses):
        """Return the moving average of the percentile, after it has seen some losses."""
        found = torch.quantile(losses, self._percentile)
        if self._average is None:
            self._average = found
        self._average = self._average.lerp(found, 1 - self._method.momentum)
        return self._average

    def _follow(self, rows, losses, differences):
        """Return the last looks at some rows, the latest last, shape (n_rows, n_looks, 2)."""
        latest = torch.stack([losses, differences], dim=1)
        course = torch.cat([self._course[rows, 2:], latest], dim=1)
        self._course[rows] = course
        return course.view(len(rows), N_LOOKS, 2)

    def _write_down(self, batch, course):
        watched = self._is_watched[batch.rows]
        if watched.any():
            progress = torch.full((int(watched.sum()),), self._progress(), device=course.device)
            self.lessons.append((batch.rows[watched], course[watched], progress))

    def _weights(self, batch, has_small_loss, course):
        if self._epoch < self._n_burn_in:
            # The others are asked what share of the labels is wrong.
            return (~self._is_asked[batch.rows]).float()
        if self._mentor is None:
            weights = has_small_loss.float()
        else:
            progress = torch.full((len(course),), self._progress(), device=course.device)
            with torch.no_grad():
                weights = self._mentor(course, progress).sigmoid()
        return torch.where(self._kept[batch.rows], 1.0, weights)

    def _progress(self):
        return self._epoch / self._n_epochs


class Mentor(nn.Module):
    """From the course of a row's loss and the progress to the logit of its weight."""

    def __init__(self):
        super().__init__()
        self.course = nn.LSTM(2, N_UNITS, batch_first=True)
        self.output = nn.Sequential(
            nn.Linear(N_UNITS + 1, N_UNITS), nn.Tanh(), nn.Linear(N_UNITS, 1)
        )

    def forward(self, course, progress):
        _, (last, _) = self.course(course)
        seen = torch.cat([last[0], progress[:, None]], dim=1)
        return self.output(seen)[:, 0]


def train_mentor(trainer, method):
    """Return a mentor that has learnt from a first training, and the history of that.

    Parameters
    ----------
    trainer : Trainer
        Its data are left as they are.
    method : MentorNet
    """
    random_state = trainer.random_state()
    rows = trainer.new_run().chosen_rows(trainer.data.trusted)
    y, is_right = flip_half(trainer.data.y, rows, trainer.data.n_classes, random_state)
    spoilt = copy.copy(trainer)
    spoilt.data = replace(trainer.data, y=y)
    run = spoilt.new_run()
    step = CurriculumStep(run, method, watched=rows)
    run.fit(step, stage="first_training")
    seen, courses, progress = (torch.cat(parts) for parts in zip(*step.lessons, strict=True))
    right = torch.from_numpy(is_right).to(run.device)[seen].float()
    seed = random_state.randint(2**31)
    with seeded_global_state(seed):
        mentor = Mentor().to(run.device)
    teach(mentor, (courses, progress), right, seed)
    return mentor, run.history()


def flip_half(y, rows, n_classes, random_state):
    """Return labels of which half of those of some rows are wrong, and a mask of the others."""
    chosen = random_state.permutation(rows)[: len(rows) // 2]
    flipped = y.copy()
    flipped[chosen] = (y[chosen] + random_state.randint(1, n_classes, len(chosen))) % n_classes
    return flipped, flipped == y


def teach(mentor, lessons, right, seed):
    """Train a mentor to tell labels that are right from those that aren't."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(mentor.parameters(), lr=MENTOR_LR)
    for _ in range(MENTOR_STEPS):
        rows = torch.randint(len(right), (MENTOR_BATCH,), generator=generator).to(right.device)
        logits = mentor(*(part[rows] for part in lessons))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, right[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
