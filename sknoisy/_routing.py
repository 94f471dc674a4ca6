"""Metadata is routed to `fit_resample` too, the method of imbalanced-learn's samplers."""

from sklearn.utils._metadata_requests import METHODS, SIMPLE_METHODS

RESAMPLE = "fit_resample"


def route_to_fit_resample() -> None:
    """Add the method to scikit-learn's lists, as imbalanced-learn does when it is imported.

    It must be there before the first request of metadata is made, whether imbalanced-learn comes
    later or not at all. Its import would take longer than that of all of this package.
    """
    for names in (SIMPLE_METHODS, METHODS):
        if RESAMPLE not in names:
            names.append(RESAMPLE)
