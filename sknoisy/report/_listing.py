"""The rows that a page lists, as columns of numbers, and what they hold."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from .._typing import BoolArray, Features, FloatArray, IntArray
from ..review._files import _as_json
from ._content import most_rows, row_content
from ._findings import Findings
from ._words import clean_text

MAX_LISTED = 100_000
# Rows of the sample that tells most.
N_SAMPLE = 100
# Of the rows that there is room for, how many are those nearest the threshold, at least.
SHARE_NEAR_THRESHOLD = 0.25
# On either side of the threshold, in quality.
NEAR = 0.1
# Whole numbers are written shorter than fractions.
QUALITY_STEPS = 10_000
# Beyond these a browser rounds.
LARGEST_INTEGER = 2**53
IS_NOISE, IS_TRUSTED, IS_NEAR = 1, 2, 4
NONE = np.empty(0, dtype=np.int64)


def chosen_rows(
    order: IntArray,
    is_noise: BoolArray,
    quality: FloatArray,
    threshold: float,
    most: int,
    always: IntArray = NONE,
) -> IntArray:
    """Return the rows that matter most, in their order: flagged ones, and near the threshold.

    Parameters
    ----------
    order : ndarray of int of shape (n_rows,)
        The most suspicious row first.
    is_noise : ndarray of bool of shape (n_rows,)
    quality : ndarray of shape (n_rows,)
    threshold : float
    most : int
        How many there is room for.
    always : ndarray of int
        Rows that come before all others.

    Examples
    --------
    >>> import numpy as np
    >>> quality = np.array([0.9, 0.1, 0.2, 0.6, 1.0])
    >>> chosen_rows(np.argsort(quality), quality < 0.5, quality, 0.5, 3)
    array([1, 2, 3])
    """
    if len(order) <= most:
        return order
    is_chosen = np.zeros(len(order), dtype=bool)
    nearest = np.argsort(np.abs(quality - threshold), kind="stable")
    n_nearest = max(1, int(SHARE_NEAR_THRESHOLD * most))
    for rows, n in (
        (always, most),
        (nearest, n_nearest),
        (order[is_noise[order]], most),
        (order, most),
    ):
        new = rows[~is_chosen[rows]]
        is_chosen[new[: min(n, most - int(is_chosen.sum()))]] = True
    return order[is_chosen[order]]


def telling_sample(findings: Findings) -> IntArray:
    """Return the rows, in their order, that tell most of all labels if a person looks at them."""
    estimator = findings.estimator
    random_state = 0 if estimator.random_state is None else None
    queue = estimator.review_queue(N_SAMPLE, strategy="informative", random_state=random_state)
    return queue["row"].to_numpy()


def listing(findings: Findings, X: Features | None) -> dict[str, Any]:
    """Return the listed rows in the form that the page's script reads.

    Parameters
    ----------
    findings : Findings
    X : rows of fit, or None
    """
    verdict = findings.order, findings.is_noise, findings.quality, findings.threshold
    sample = telling_sample(findings)
    rows = chosen_rows(*verdict, MAX_LISTED, sample)
    filled = chosen_rows(*verdict, most_rows(X), sample)
    place_of = np.full(findings.n_rows, -1)
    place_of[rows] = np.arange(len(rows))
    return {
        "id": _identifier(findings),
        "nRows": findings.n_rows,
        "nClasses": findings.n_classes,
        "threshold": round(findings.threshold, 4),
        "near": NEAR,
        "steps": QUALITY_STEPS,
        "classes": [clean_text(each) for each in findings.classes],
        "classValues": [_exact_json(each) for each in findings.classes],
        "groups": None if findings.groups is None else [clean_text(g) for g in findings.groups],
        "rows": _columns(findings, rows),
        "sample": place_of[sample].tolist(),
        "looks": _looks(findings, rows),
        "answers": [
            [int(place_of[row]), int(findings.answers[row])]
            for row in np.flatnonzero(findings.is_reviewed).tolist()
            if place_of[row] >= 0
        ],
        "content": _content(X, filled, place_of[filled]),
    }


def _columns(findings: Findings, rows: IntArray) -> dict[str, Any]:
    quality = findings.quality[rows]
    flags = (
        IS_NOISE * findings.is_noise[rows]
        + IS_TRUSTED * findings.is_trusted[rows]
        + IS_NEAR * (np.abs(quality - findings.threshold) <= NEAR)
    )
    columns: dict[str, Any] = {
        "position": rows.tolist(),
        "label": _row_labels(findings.row_labels, rows),
        "given": findings.given[rows].tolist(),
        "suggested": findings.suggested[rows].tolist(),
        "quality": np.round(quality * QUALITY_STEPS).astype(int).tolist(),
        "flags": flags.astype(int).tolist(),
    }
    if findings.row_groups is not None:
        columns["group"] = findings.row_groups[rows].tolist()
    if findings.truth is not None:
        columns["truth"] = findings.truth[rows].tolist()
    return columns


def _row_labels(labels: pd.Index, rows: IntArray) -> list[Any] | None:
    """Return the labels of rows; None where they are the positions."""
    if isinstance(labels, pd.RangeIndex) and labels.start == 0 and labels.step == 1:
        return None
    return [_exact_json(label) for label in labels[rows]]


def _exact_json(value: Any) -> Any:
    """Return a value as JSON that a browser doesn't round."""
    value = _as_json(value)
    if isinstance(value, list):
        return [_exact_json(each) for each in value]
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return str(value)
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _looks(findings: Findings, rows: IntArray) -> list[dict[str, Any]]:
    """Return how often each given label was contradicted, for the reasons in words."""
    looks = [
        {"words": each.looks, "of": int(each.n_looks), "counts": each.counts[rows].tolist()}
        for each in findings.estimator._contradictions
    ]
    if looks:
        return looks
    shares = np.round(100 * np.asarray(findings.estimator._margins)[rows]).astype(int)
    return [{"words": None, "of": 100, "counts": shares.tolist()}]


def _content(X: Features | None, rows: IntArray, places: IntArray) -> dict[str, Any]:
    listed = places >= 0
    rows, places = rows[listed], places[listed]
    content = row_content(X, rows)
    return {
        "places": places.tolist(),
        "nColumns": content.n_columns,
        "columns": content.columns,
        "cells": content.cells,
        "texts": content.texts,
        "pictures": content.pictures,
        "files": content.files,
    }


def _identifier(findings: Findings) -> str:
    """Return a name for these rows and labels, under which a browser keeps the decisions."""
    digest = hashlib.sha256(np.ascontiguousarray(findings.given).tobytes())
    digest.update(repr(findings.classes).encode("utf-8", "replace"))
    labels = findings.row_labels
    digest.update(repr(labels[:: max(1, len(labels) // 100)].tolist()).encode("utf-8", "replace"))
    return digest.hexdigest()[:16]
