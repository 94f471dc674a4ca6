"""PTD: part-dependent transition matrices, with reweighting and revision."""

from ._ptd import PTD

__all__ = ["PTD"]
