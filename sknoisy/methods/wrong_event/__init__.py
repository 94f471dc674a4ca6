"""Wrong event: count contradictions while training, then train on with a dynamic loss."""

from ._events import mean_rank
from ._wrong_event import WrongEvent, WrongEventEvidence

__all__ = ["WrongEvent", "WrongEventEvidence", "mean_rank"]
