"""Errors and warnings of this package."""

__all__ = [
    "CacheWarning",
    "CheckpointError",
    "CheckpointWarning",
    "DeviceMemoryError",
    "DistributedFitError",
    "FewRowsLeftWarning",
    "GroupStandsOutWarning",
    "ModelFileError",
    "NonFiniteLossError",
    "NotLearnedWarning",
    "TrustedRowsRequiredError",
]


class CacheWarning(UserWarning):
    """The cache of `memory=` makes a fit wait, or is of no use to it."""


class CheckpointError(ValueError):
    """A checkpoint is of other data or parameters, is in use, or can't be written."""


class CheckpointWarning(UserWarning):
    """A checkpoint is of no use, or can't be made: a training starts from its first epoch."""


class DeviceMemoryError(RuntimeError):
    """Memory doesn't suffice for a training or a prediction; the estimator stays as it was."""


class DistributedFitError(RuntimeError):
    """A process of a fit that several do together is gone, or does something else than the rest."""


class FewRowsLeftWarning(UserWarning):
    """More than half of the labels of a class are judged wrong."""


class GroupStandsOutWarning(UserWarning):
    """The labels of a group of rows are probably wrong more often than those of the others."""


class ModelFileError(ValueError):
    """A file isn't a model that this version can load, or it was damaged or altered."""


class NonFiniteLossError(RuntimeError):
    """A net's loss, weights or outputs became NaN or infinite; the estimator stays as it was."""


class NotLearnedWarning(UserWarning):
    """A model hasn't learnt the classes, so that its verdict says little."""


class TrustedRowsRequiredError(ValueError):
    """A method needs rows whose labels are known to be right, and got none."""
