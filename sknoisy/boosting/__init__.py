"""Boosted trees as judges: what they predict after each round."""

from ._families import has_rounds, slowed_down
from ._rounds import EarlyRounds, round_probabilities

__all__ = ["EarlyRounds", "has_rounds", "round_probabilities", "slowed_down"]
