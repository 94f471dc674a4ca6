"""Boosted trees as judges: what they predict after each round."""

from ._families import (
    as_booster_takes,
    category_parameters,
    has_rounds,
    needs_codes,
    slowed_down,
    takes_categories,
    without_gaps_alone,
)
from ._rounds import EarlyRounds, count_rounds, round_probabilities

__all__ = [
    "EarlyRounds",
    "as_booster_takes",
    "category_parameters",
    "count_rounds",
    "has_rounds",
    "needs_codes",
    "round_probabilities",
    "slowed_down",
    "takes_categories",
    "without_gaps_alone",
]
