"""LSW: one learned weight per training row."""

from numbers import Integral
from typing import Literal

import numpy as np

from ..._parameters import check_choice, check_number
from ...training import GRADIENTS, Trainer
from .._base import LabelEvidence
from .._self_trust import TrustedMethod, untrusted_rows
from ..wrong_event import WrongEvent, mean_rank
from ._weight_learning import PARAMETRIZATIONS, WeightLearningStep

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
        events of a first training, that stand in for them. Fewer than 0.3 are all easy rows, more
        hold wrong labels.
    mix : bool or "auto", default="auto"
        Judge by the mean of the ranks of wrong events and learned weight, 2 to 1; it costs one
        more training. "auto": with `self_trusted` only, where it ranks better than either alone.
    weight_step : float, default=0.3
        Largest change of a row's raw weight per visit. Smaller steps rank rows better where
        classes overlap, but leave more wrong labels above 0.3; steps of 1 flag half of the rows of
        clean data.
    warmup_epochs : int, default=2
        Epochs before the weights move, as in the paper.
    trusted_batch_size : int, default=250
        Trusted rows per step, as in the paper.
    parametrization : {"mirror", "logit", "clip", "literal"}, default="mirror"
        How a weight is kept. "mirror": a raw value that takes the derivative by the weight, read
        through the sigmoid; "logit": the same by the chain rule; "clip": the weight itself, cut
        to [0, 1]; "literal": lines 7 and 8 of the paper's algorithm as printed, which forget
        three quarters of a weight at every visit.
    centered : bool, default=True
        False leaves out the derivative of the normalisation. The paper's form moves as much
        weight down as up, so it flags rows of clean data too; without it fewer are flagged.
    trusted_momentum : float in [0, 1), default=0.95
        The direction that a row is judged along is a moving average of the trusted gradients;
        this is the share of the old ones. 0, the paper's form: each step has its own. The average
        is less noisy.
    step_interval : int, default=2
        A new trusted gradient is computed in every so many of the steps that learn weights. 2 takes
        a fifth off the time against 1, 4 a third.
    gradient : str, default="auto"
        How the derivative along that direction is computed. "finite_difference": one more forward
        pass, about 1 % off; "forward": forward-mode differentiation, exact, dearer;
        "double_backward": exact and dearest; "last_layer": along the last layer alone, cheapest,
        and much worse on some tables.
        "auto": finite differences on a CPU, "forward" elsewhere, where float32 may be rounded.
        Only finite differences override the `precision` of `VisionNet`: they need float32.
    epoch_interval : int, default=1
        Weights are learned in every so many epochs, and move as much farther. 2 takes a third off
        the time for a slightly worse verdict.
    record_epochs : bool, default=False
        Keep the weight of each row at the end of each epoch as `evidence_["by_epoch"]`, an array
        (n_epochs, n_rows) of float32: 4 bytes per row and epoch. NaN for rows not trained on.

    reading, trusted_interval, interval : default="deprecated"
        Earlier names of `parametrization`, `step_interval` and `epoch_interval`.

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

    name = "lsw"
    needs = (
        "rows whose labels are known to be right, of every class; or `LSW(self_trusted=0.3)`, "
        "which makes do with the rows that look best"
    )
    cost = "3"
    choose_it = (
        "you can check some labels by hand, or one class is often taken for a certain other one"
    )
    citation = (
        "Hoang, Tran, Rana, Gupta, Venkatesh (2024). *Revisiting sample weights based method for "
        "noisy-label detection and classification.* Asian Conference on Computer Vision (ACCV)"
    )
    default_threshold = 0.3
    default_final = "filter"
    trains_distributed = True
    renamed_parameters = {
        "reading": "parametrization",
        "trusted_interval": "step_interval",
        "interval": "epoch_interval",
    }

    def __init__(
        self,
        *,
        self_trusted: float | None = None,
        mix: bool | Literal["auto"] = "auto",
        weight_step: float = 0.3,
        warmup_epochs: int = 2,
        trusted_batch_size: int = 250,
        parametrization: Literal["mirror", "logit", "clip", "literal"] = "mirror",
        centered: bool = True,
        trusted_momentum: float = 0.95,
        step_interval: int = 2,
        gradient: str = "auto",
        epoch_interval: int = 1,
        record_epochs: bool = False,
        reading: str = "deprecated",
        trusted_interval: int | str = "deprecated",
        interval: int | str = "deprecated",
    ) -> None:
        self.self_trusted = self_trusted
        self.mix = mix
        self.weight_step = weight_step
        self.warmup_epochs = warmup_epochs
        self.trusted_batch_size = trusted_batch_size
        self.parametrization = parametrization
        self.centered = centered
        self.trusted_momentum = trusted_momentum
        self.step_interval = step_interval
        self.gradient = gradient
        self.epoch_interval = epoch_interval
        self.record_epochs = record_epochs
        self.reading = reading
        self.trusted_interval = trusted_interval
        self.interval = interval

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number(self, "weight_step", 0, above=True)
        check_number(self, "warmup_epochs", 0, kind=Integral)
        check_number(self, "trusted_batch_size", 1, kind=Integral)
        check_choice(self, "mix", ("auto", True, False))
        check_choice(self, "record_epochs", (True, False))
        check_choice(self, "centered", (True, False))
        check_choice(self, "parametrization", tuple(PARAMETRIZATIONS))
        check_number(self, "trusted_momentum", 0, 1)
        check_choice(self, "gradient", ("auto", *GRADIENTS))
        check_number(self, "step_interval", 1, kind=Integral)
        check_number(self, "epoch_interval", 1, kind=Integral)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Learn the weights; where ranks are mixed, wrong events come from a training before."""
        events = trainer.first_evidence
        mixes = events is not None if self.mix == "auto" else self.mix
        if mixes and events is None:
            events = WrongEvent().detect(trainer)
        evidence = self._learn(trainer)
        if mixes and events is not None:
            if events is not trainer.first_evidence:
                evidence.history = events.history + evidence.history
            evidence.quality = self._mixed_quality(evidence.quality, events.quality)
        return evidence

    def _learn(self, trainer):
        run = trainer.new_run(gradient=self.gradient)
        if self.gradient == "last_layer" and run.ranks.n_ranks > 1:
            raise ValueError(
                "The 'gradient' parameter of LSW can't be 'last_layer' in sknoisy.distributed(). "
                f"Choose another one of {GRADIENTS}."
            )
        trusted = run.data.trusted
        step = WeightLearningStep(run, np.flatnonzero(trusted), self)
        rows = untrusted_rows(run)
        run.fit(step, rows=rows)
        weights = np.full(run.data.n_rows, np.nan)
        weights[rows] = step.weights().double().cpu().numpy()[rows]
        weights[trusted] = 1.0
        by_epoch = step.by_epoch()
        if by_epoch is not None:
            by_epoch[:, np.setdiff1d(np.arange(run.data.n_rows), rows)] = np.nan
            by_epoch[:, trusted] = 1.0
        return LabelEvidence.of(run, weights, by_epoch=by_epoch)

    def _mixed_quality(self, quality, event_quality):
        """Order rows by the mean of both ranks; flag as many as both flag on average."""
        flagged = [
            np.sum(event_quality < WrongEvent.default_threshold),
            np.sum(quality < self.default_threshold),
        ]
        n_flagged = int(np.average(flagged, weights=MIX))
        order = mean_rank(event_quality, quality, weights=MIX)
        return ranks_to_quality(order, n_flagged, self.default_threshold)


def ranks_to_quality(scores, n_below, threshold):
    """Spread scores over [0, 1] by rank so that `n_below` of them lie below the threshold."""
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    n_above = len(scores) - n_below
    below = threshold * (ranks + 0.5) / max(n_below, 1)
    above = threshold + (1 - threshold) * (ranks - n_below + 0.5) / max(n_above, 1)
    return np.where(ranks < n_below, below, above)
