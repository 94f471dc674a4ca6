"""Errors and warnings of this package."""

__all__ = ["CacheWarning", "NonFiniteLossError", "TrustedRowsRequiredError"]


class CacheWarning(UserWarning):
    """The cache of `memory=` makes a fit wait, or is of no use to it."""


class NonFiniteLossError(RuntimeError):
    """A net's loss, weights or outputs became NaN or infinite; the estimator stays as it was."""


class TrustedRowsRequiredError(ValueError):
    """A method needs rows whose labels are known to be right, and got none."""
