"""A fit that fails leaves the estimator as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from ._review import PRIVATE_REVIEW_STATE

# What a fit sets besides the public attributes, whose names end in an underscore.
PRIVATE_FIT_STATE = (
    "_entry_dtypes",
    "_estimators_weight",
    "_given_labels",
    "_groups",
    "_index",
    "_largest_pixel",
    "_peer_nets",
    "_quality_scale",
    "_rank",
    "_row_groups",
    "_row_shape",
    "_score_calibration",
    "_table_encoders",
    *PRIVATE_REVIEW_STATE,
)


@contextmanager
def fit_anew_or_not_at_all(estimator: object) -> Iterator[None]:
    """Start a fit without what an earlier one set; if it fails, give that back.

    Constructor parameters, metadata requests and attributes of other origin stay.
    """
    before = dict(vars(estimator))
    try:
        for name in before:
            if name in PRIVATE_FIT_STATE or (name.endswith("_") and not name.startswith("_")):
                delattr(estimator, name)
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
