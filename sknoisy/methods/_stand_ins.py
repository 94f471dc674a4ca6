"""Rows that stand in for trusted ones where nobody has checked any."""

from dataclasses import replace

import numpy as np

from .._parameters import check_number
from ._base import Method
from ._wrong_event import WrongEvent


class TrustedMethod(Method):
    """Base class of methods that learn from trusted rows.

    A subclass has the parameter `self_trusted`: None, or the share of the rows of each class that
    stands in for trusted rows where there are none.
    """

    needs_trusted = True

    def check_parameters(self):
        check_number(self, "self_trusted", 0, 1, above=True, optional=True)

    def requires_trusted_rows(self):
        return self.self_trusted is None

    def with_trusted_rows(self, trainer, data, events=None):
        """Return the data with trusted rows: its own, or else stand-ins.

        Parameters
        ----------
        trainer : Trainer
        data : TrainingData
        events : LabelEvidence, default=None
            Of wrong event, if it is known already.
        """
        if data.trusted.any():
            return data
        if events is None:
            events = WrongEvent().detect(trainer, data)
        return replace(data, trusted=stand_ins(data, events, self.self_trusted))


def stand_ins(data, events, share):
    """Return the mask of the rows of each class that wrong event finds cleanest."""
    return fewest_events(
        events.details["counts"],
        events.details["losses"],
        data.y,
        share,
        candidates=events.quality >= WrongEvent.published_threshold,
    )


def fewest_events(counts, losses, codes, share, *, candidates):
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
