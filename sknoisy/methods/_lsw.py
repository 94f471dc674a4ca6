"""LSW: one learned weight per training row."""

from numbers import Integral

import numpy as np

from .._parameters import check_choice, check_number
from ..training import GRADIENTS
from ._base import LabelEvidence, margin_quality
from ._events import mean_rank
from ._stand_ins import TrustedMethod
from ._weight_learning import READINGS, WeightLearner
from ._wrong_event import WrongEvent

MIX = (2, 1)


class LSW(TrustedMethod):
    r"""Learn one weight per row, so that the weighted loss helps a trusted set.

    Each step trains on a batch with its weights :math:`\alpha`, looks what the step did to the
    loss of a trusted batch, and raises the weights of rows that helped:

    .. math::

       \Theta' = \Theta - \eta \nabla \frac{\sum_i \alpha_i L_i}{\sum_i \alpha_i}, \qquad
       \alpha_i \leftarrow \alpha_i
       - \eta_\alpha \frac{\partial}{\partial \alpha_i} \sum_{j \in B_c} L_j(\Theta'(\alpha))

    A label is judged wrong when its weight ends below 0.3. The classifier is a fresh net,
    trained on the other rows and the trusted ones.

    Needs trusted rows, or `self_trusted`. Cost in multiples of plain training: 1.9 per step with
    as many trusted rows as others in a batch, and the final training.

    Parameters
    ----------
    self_trusted : float, default=None
        Without trusted rows: share of the rows of each class, those with the fewest wrong
        events of a first training, that stand in for them. 0.3 was the best of 0.1 to 0.4 on
        six tables: fewer are all easy rows, more hold wrong labels.
    mix : bool or "auto", default="auto"
        Judge by the mean of the ranks of wrong events and learned weight, 2 to 1; it costs one
        more training. "auto": with `self_trusted` only. There it was better than either alone on
        average, and on no table worse than wrong events by more than 0.02 in AUC; the plain mean
        was, on tables whose classes overlap.
    weight_step : float, default=0.3
        Largest change of a row's raw weight per visit. A step of 0.1 ranks rows better where
        classes overlap (AUC higher by up to 0.04), but leaves more wrong labels above 0.3; with
        1 half of the rows of clean data are flagged.
    warmup_epochs : int, default=2
        Epochs before the weights move, as in the paper.
    trusted_batch_size : int, default=250
        Trusted rows per step, as in the paper.
    reading : {"mirror", "logit", "clip", "literal"}, default="mirror"
        How a weight is kept. "mirror": a raw value that takes the derivative by the weight, read
        through the sigmoid; "logit": the same by the chain rule; "clip": the weight itself, cut
        to [0, 1]; "literal": lines 7 and 8 of the paper's algorithm as printed, which forget
        three quarters of a weight at every visit.
    centered : bool, default=True
        False leaves out the derivative of the normalisation. The paper's form moves as much
        weight down as up, so it flags rows of clean data too; without it about half of these.
    trusted_momentum : float in [0, 1), default=0.95
        The direction that a row is judged along is a moving average of the trusted gradients;
        this is the share of the old ones. 0, the paper's form: each step has its own. The average
        is less noisy: over 24 runs on 8 tables the AUC was higher by 0.008 and F1 by 0.006, and
        no AUC lower by more than 0.003; 0.9 and 0.98 gave nearly the same.
    trusted_interval : int, default=2
        A new trusted gradient is computed in every so many of the steps that learn weights. Against
        1, 2 takes a fifth off the time and 4 a third; over 18 runs neither AUC nor F1 changed by
        more than 0.001 on average, and on the worst table AUC fell by 0.007 and 0.012.
    gradient : str, default="auto"
        How the derivative along that direction is computed. "finite_difference": one more forward
        pass, 0.3 % to 3 % off; "forward": forward-mode differentiation, exact, at 3 times a plain
        step; "double_backward": exact, at 4 to 5 times; "last_layer": along the last layer
        alone, at 1.5 times, with an AUC that is lower by 0.02 on average and by 0.07 at worst.
        "auto": finite differences on a CPU, "forward" elsewhere, where float32 may be rounded.
        Only finite differences override the `precision` of `ImageNet`: they need float32.
    interval : int, default=1
        Weights are learned in every so many epochs, and move as much farther. 2 takes a third off
        the time; over 18 runs AUC was lower by 0.001 and F1 by 0.010. In every second step instead,
        which visits rows unequally often, AUC was lower by 0.004.

    Notes
    -----
    The step of the weights isn't published; it is free of scale here (divided by a running root
    mean square), since a fixed one depends on learning rate, batch size and net. The paper's
    authors published no code.

    On clean data, or with very few wrong labels, it flags rows that are right: within each batch
    some rows always help less than the others.

    References
    ----------
    Hoang, Tran, Rana, Gupta and Venkatesh, "Revisiting sample weights based method for
    noisy-label detection and classification", ACCV 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_pair
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_pair(y, 0.3, random_state=0)
    >>> trusted = np.random.default_rng(0).random(len(y)) < 0.1
    >>> y_noisy[trusted] = y[trusted]
    >>> detector = NoisyLabelDetector("lsw", random_state=0).fit(X, y_noisy, trusted=trusted)
    >>> bool((detector.noise_mask_ == (y_noisy != y)).mean() > 0.9)
    True
    """

    published_threshold = 0.3
    published_final = "filter"

    def __init__(
        self,
        *,
        self_trusted=None,
        mix="auto",
        weight_step=0.3,
        warmup_epochs=2,
        trusted_batch_size=250,
        reading="mirror",
        centered=True,
        trusted_momentum=0.95,
        trusted_interval=2,
        gradient="auto",
        interval=1,
    ):
        self.self_trusted = self_trusted
        self.mix = mix
        self.weight_step = weight_step
        self.warmup_epochs = warmup_epochs
        self.trusted_batch_size = trusted_batch_size
        self.reading = reading
        self.centered = centered
        self.trusted_momentum = trusted_momentum
        self.trusted_interval = trusted_interval
        self.gradient = gradient
        self.interval = interval

    def check_parameters(self):
        super().check_parameters()
        check_number(self, "weight_step", 0, above=True)
        check_number(self, "warmup_epochs", 0, kind=Integral)
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_choice(self, "mix", ("auto", True, False))
        check_choice(self, "reading", tuple(READINGS))
        check_number(self, "trusted_momentum", 0, 1)
        check_choice(self, "gradient", ("auto", *GRADIENTS))
        check_number(self, "trusted_interval", 1, kind=Integral)
        check_number(self, "interval", 1, kind=Integral)

    def detect(self, trainer, data):
        """Learn the weights; without trusted rows, after a first training that finds some."""
        mixes = not data.trusted.any() if self.mix == "auto" else self.mix
        events = WrongEvent().detect(trainer, data) if mixes else None
        seen = self.with_trusted_rows(trainer, data, events)
        evidence = self._learn(trainer, seen)
        evidence.details["trusted"] = seen.trusted
        if mixes:
            evidence.quality = self._mixed_quality(evidence.quality, events.quality)
        return evidence

    def _learn(self, trainer, data):
        run = trainer.start(data=data, gradient=self.gradient)
        learner = WeightLearner(run, np.flatnonzero(data.trusted), self)
        learner.start_epoch(0)
        rows = run.rows[~data.trusted[run.rows]]
        if len(rows) < 2:
            rows = run.rows
        run.run(
            learner.train_batch,
            rows=rows,
            after_epoch=lambda epoch: learner.start_epoch(epoch + 1),
        )
        margins, alternatives = margin_quality(run)
        learned = np.zeros(data.n_rows, dtype=bool)
        learned[rows] = True
        weights = np.where(learned, learner.weights().double().cpu().numpy(), margins)
        weights[data.trusted] = 1.0
        return LabelEvidence(
            quality=weights,
            weights=weights,
            alternatives=alternatives,
            state=run.state(),
            history=run.history(),
        )

    def _mixed_quality(self, quality, event_quality):
        """Order rows by the mean of both ranks; flag as many as both flag on average."""
        flagged = [
            np.sum(event_quality < WrongEvent.published_threshold),
            np.sum(quality < self.published_threshold),
        ]
        n_flagged = int(np.average(flagged, weights=MIX))
        order = mean_rank(event_quality, quality, weights=MIX)
        return ranks_to_quality(order, n_flagged, self.published_threshold)


def ranks_to_quality(scores, n_below, threshold):
    """Spread scores over [0, 1] by rank so that `n_below` of them lie below the threshold."""
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    n_above = len(scores) - n_below
    below = threshold * (ranks + 0.5) / max(n_below, 1)
    above = threshold + (1 - threshold) * (ranks - n_below + 0.5) / max(n_above, 1)
    return np.where(ranks < n_below, below, above)
