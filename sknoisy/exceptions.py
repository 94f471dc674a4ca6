"""Errors and warnings of this package."""

__all__ = ["NonFiniteLossError", "TrustedRowsRequiredError"]


class NonFiniteLossError(RuntimeError):
    """The training loss became NaN or infinite; the estimator stays as it was."""


class TrustedRowsRequiredError(ValueError):
    """A method needs rows whose labels are known to be right, and got none."""
