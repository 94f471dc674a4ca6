"""Rates of wrong labels by class and by group, and what is taken for what."""

from typing import Any

import numpy as np

from ._class_rates import class_rate_intervals
from ._findings import Findings
from ._words import clean_text

# A page of more would be no help.
MAX_CLASSES = 200
MAX_GROUPS = 100
MAX_PAIRS = 40
MAX_MATRIX = 60


def class_rates(findings: Findings) -> list[dict[str, Any]]:
    """Return a record for each class, the one with most wrong labels first."""
    estimator, given = findings.estimator, findings.given
    quality, mask, n_classes = findings.quality, findings.is_noise, findings.n_classes
    rates = np.asarray(estimator.class_noise_rates_, dtype=float)
    low, high = class_rate_intervals(
        quality,
        given,
        rates,
        interval=estimator.noise_rate_interval_,
        is_settled=findings.is_trusted | findings.is_reviewed,
    )
    counts = np.bincount(given, minlength=n_classes)
    flagged = np.bincount(given, mask, n_classes)
    at_risk = np.bincount(given, quality * mask, n_classes)
    return [
        {
            "code": code,
            "name": clean_text(findings.classes[code]),
            "n_rows": int(counts[code]),
            "noise_rate": float(rates[code]),
            "interval": [float(low[code]), float(high[code])],
            "n_flagged": int(flagged[code]),
            "n_flagged_right": float(at_risk[code]),
        }
        for code in np.argsort(-rates, kind="stable").tolist()
    ]


def group_rates(findings: Findings) -> list[dict[str, Any]]:
    """Return a record for each group, the one with the highest rate first."""
    if findings.groups is None or findings.row_groups is None:
        return []
    rates = findings.estimator.group_noise_rates_.to_numpy()
    counts = np.bincount(findings.row_groups, minlength=len(rates))
    flagged = np.bincount(findings.row_groups, findings.is_noise, len(rates))
    return [
        {
            "code": code,
            "name": clean_text(findings.groups[code]),
            "n_rows": int(counts[code]),
            "noise_rate": float(rates[code]),
            "n_flagged": int(flagged[code]),
        }
        for code in np.argsort(-rates, kind="stable").tolist()
    ]


def confusions(findings: Findings) -> dict[str, Any]:
    """Return how often rows given one class look like another, and the transition matrix."""
    n_classes = findings.n_classes
    flagged = findings.is_noise
    # Of reviewed rows a person has told the class.
    looks_like = np.where(findings.is_reviewed, findings.answers, findings.suggested)
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (findings.given[flagged], looks_like[flagged]), 1)
    given, other = np.nonzero(counts)
    order = np.argsort(-counts[given, other], kind="stable")
    totals = np.bincount(findings.given, minlength=n_classes)
    return {
        "n_pairs": len(given),
        "pairs": [
            {
                "given": int(given[pair]),
                "suggested": int(other[pair]),
                "count": int(counts[given[pair], other[pair]]),
                "share": float(counts[given[pair], other[pair]] / totals[given[pair]]),
            }
            for pair in order[:MAX_PAIRS].tolist()
        ],
        "counts": counts,
        "transition_matrix": np.asarray(findings.estimator.transition_matrix_, dtype=float),
    }


def matrices(found: dict[str, Any]) -> dict[str, Any]:
    """Return both matrices as the page's script reads them, of the classes confused most."""
    counts, transition = found["counts"], found["transition_matrix"]
    involved = counts.sum(axis=0) + counts.sum(axis=1)
    shown = np.sort(np.argsort(-involved, kind="stable")[:MAX_MATRIX])
    part = np.ix_(shown, shown)
    return {
        "classes": shown.tolist(),
        "nClasses": len(counts),
        "counts": counts[part].tolist(),
        "transition": np.round(np.nan_to_num(transition[part]), 4).tolist(),
    }
