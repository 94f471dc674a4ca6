"""How good the verdict is, where the right labels are known."""

from typing import Any

import numpy as np

from ..metrics import noise_detection_report
from ._findings import UNKNOWN, Findings


def compared_with_truth(findings: Findings) -> dict[str, Any] | None:
    """Return the figures of `sknoisy.metrics` for the rows whose right label is known.

    Returns
    -------
    dict or None
        None where no truth was given. A figure that can't be computed is None.
    """
    if findings.truth is None:
        return None
    known = findings.truth != UNKNOWN
    given, right = findings.given[known], findings.truth[known]
    is_wrong, is_noise = given != right, findings.is_noise[known]
    figures = noise_detection_report(is_wrong, is_noise, findings.quality[known])
    suggested = findings.suggested[known]
    found = is_wrong & is_noise
    estimated = float(findings.estimator.noise_rate_)
    return {
        "n_known": int(known.sum()),
        "n_wrong": int(is_wrong.sum()),
        "noise_rate": float(is_wrong.mean()),
        "estimated_noise_rate": estimated,
        "n_found": int(found.sum()),
        "n_missed": int((is_wrong & ~is_noise).sum()),
        "n_false_alarms": int((~is_wrong & is_noise).sum()),
        "n_kept": int((~is_wrong & ~is_noise).sum()),
        **{name: value if np.isfinite(value) else None for name, value in figures.items()},
        "right_suggestions": float((suggested == right)[found].mean()) if found.any() else None,
    }
