"""What a fitted estimator holds as JSON and arrays, and back without running code of a file."""

from ._scikit_learn import TRUSTED_TYPES
from ._stored_attributes import restored, stored

__all__ = ["TRUSTED_TYPES", "restored", "stored"]
