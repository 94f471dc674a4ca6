"""LSW: one learned weight per training row."""

from ._lsw import LSW

__all__ = ["LSW"]
