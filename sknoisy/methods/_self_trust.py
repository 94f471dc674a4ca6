"""Rows that stand in for trusted ones where nobody has checked any."""

import numpy as np

from .._parameters import check_number
from .._typing import BoolArray, FloatArray, IntArray
from ..training import Trainer, TrainingRun
from ._base import Method
from .wrong_event import WrongEvent, WrongEventEvidence


class TrustedMethod(Method):
    """Base class of methods that learn from trusted rows.

    A subclass has the parameter `self_trusted`: None, or the share of the rows of each class that
    stands in for trusted rows where there are none.
    """

    needs = 'rows whose labels are known to be right, as `"lsw"`'
    needs_trusted = True

    def check_parameters(self) -> None:
        check_number(self, "self_trusted", 0, 1, above=True, optional=True)

    def requires_trusted_rows(self) -> bool:
        return self.self_trusted is None


def settle_trusted_rows(method: Method, trainer: Trainer) -> None:
    """Give the trainer stand-ins where a method needs trusted rows and there are none.

    Parameters
    ----------
    method : Method
    trainer : Trainer
    """
    data = trainer.data
    if isinstance(method, TrustedMethod) and not data.trusted.any():
        events = WrongEvent().detect(trainer)
        trainer.trust(choose_stand_ins(data.y, events, method.self_trusted), events)


def untrusted_rows(run: TrainingRun) -> IntArray:
    """Return the rows whose weight is to be learned; all if fewer than two are untrusted."""
    return run.chosen_rows(~run.data.trusted)


def choose_stand_ins(codes: IntArray, events: WrongEventEvidence, share: float) -> BoolArray:
    """Return the mask of the rows of each class that wrong event finds cleanest."""
    return fewest_events(
        events.counts,
        events.losses,
        codes,
        share,
        candidates=events.quality >= WrongEvent.default_threshold,
    )


def fewest_events(
    counts: IntArray, losses: FloatArray, codes: IntArray, share: float, *, candidates: BoolArray
) -> BoolArray:
    """Return the mask of the rows of each class with the fewest events, ties by mean loss.

    Only candidates are taken, since most labels of a rare class may be wrong, but at least one
    row of each class.
    """
    order = np.lexsort((losses, counts, ~candidates, codes))
    sizes = np.bincount(codes)
    n_candidates = np.bincount(codes, weights=candidates, minlength=len(sizes))
    n_taken = np.maximum(1, np.minimum(np.round(share * sizes), n_candidates))
    position = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    mask = np.zeros(len(codes), dtype=bool)
    mask[order] = position < np.repeat(n_taken, sizes)
    return mask
