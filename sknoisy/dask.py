"""Wrong labels in a Dask DataFrame that is larger than the memory of one machine.

`pip install sknoisy[dask]` brings Dask along. Grids and cross-validation on a Dask cluster need
nothing from here: joblib's own backend does that. This module can be imported without Dask.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state

from ._base import BaseNoisyLabelEstimator
from ._typing import BoolArray, FloatArray, IntArray, LabelArray, RandomStateParameter
from .methods import runner_up_classes
from .thresholds import quantile_map

try:
    import dask
    import dask.dataframe as dd
except ImportError:
    HAS_DASK = False
else:
    HAS_DASK = True

__all__ = ["PartitionVerdicts", "detect_in_partitions"]

# Rows that aren't learnt from, by which the scale of all such rows is found: a share of them is
# known to half a percent.
N_COMPARED = 10_000
# Fewer say nothing about quantiles.
MIN_COMPARED = 100
# Samples merged by one task, which has to hold them all.
MERGED_AT_ONCE = 8


class PartitionVerdicts(NamedTuple):
    """What `detect_in_partitions` returns.

    Parameters
    ----------
    verdicts : Dask DataFrame
        One row per row of the frame, with its index and divisions; not computed yet.
    detector : NoisyLabelDetector or RobustClassifier
        Fitted on the sample.
    """

    verdicts: dd.DataFrame
    detector: BaseNoisyLabelEstimator


class _Sample(NamedTuple):
    """Rows of the lowest priorities, in that order; a priority is drawn for each row of all."""

    priorities: FloatArray
    rows: pd.DataFrame


class _Judge(NamedTuple):
    """All that a partition needs, as one object."""

    detector: BaseNoisyLabelEstimator
    target: Any
    seed: int
    learnt: _Sample
    scale: NDArray[np.floating] | None


def detect_in_partitions(
    detector: BaseNoisyLabelEstimator,
    frame: dd.DataFrame,
    target: Any,
    *,
    sample_size: int = 100_000,
    random_state: RandomStateParameter = None,
) -> PartitionVerdicts:
    """Judge the labels of a Dask DataFrame by one model, partition by partition.

    A clone of the detector is fitted, in this process, on a uniform sample of the rows. It then
    judges each partition where that lies. Only the sample is ever held in one place.

    Parameters
    ----------
    detector : NoisyLabelDetector or RobustClassifier
    frame : Dask DataFrame
        Is read twice: once for the sample, once when the verdicts are computed. Both times it must
        give the same rows in the same order, as files do.
    target : column name
        The column of the given labels; all others are features.
    sample_size : int, default=100_000
        Rows to learn from. Of the rows left, up to 10,000 are drawn beside them to compare with.
    random_state : int, RandomState instance or None, default=None
        Draws the sample. The detector has a `random_state` of its own.

    Returns
    -------
    verdicts : Dask DataFrame
        Computed when you ask for it. Columns `given_label`, `suggested_label`, `label_quality`
        and `is_noise` as in `get_label_issues`, and `in_sample`: whether the row was learnt from.
    detector : NoisyLabelDetector or RobustClassifier
        The fitted clone.

    Raises
    ------
    ImportError
        If Dask isn't installed.
    TypeError, ValueError
        If a parameter is of no use, or no row of the frame has a label. When verdicts are computed:
        if a partition holds other rows than it did before.

    Notes
    -----
    Rows of the sample have the verdict of the fit. The model has learnt their labels and hasn't
    learnt the others', about which it is less sure: these would be flagged more often. Both carry
    equally many wrong labels, so the quality of rows outside the sample is brought to the
    quantiles of the quality inside. Therefore it isn't what `score_labels` returns.

    A label of a class that the sample lacks can't be judged, nor can a missing one: its quality is
    NaN, and it isn't flagged. Categories of features that the sample lacks count as unknown ones.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.dask import detect_in_partitions
    >>> frame = dd.read_parquet("orders/*.parquet")  # doctest: +SKIP
    >>> verdicts, detector = detect_in_partitions(
    ...     NoisyLabelDetector(random_state=0), frame, "category", random_state=0
    ... )  # doctest: +SKIP
    >>> verdicts.to_parquet("verdicts")  # doctest: +SKIP
    """
    _check_parameters(frame, target, sample_size)
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    sample = _draw_sample(frame, target, sample_size + N_COMPARED, seed)
    learnt, others = _first(sample, sample_size), _rest(sample, sample_size)
    fitted = clone(detector).fit(*_split(learnt.rows, target))
    scale = _scale_outside(fitted, *_split(others.rows, target))
    # One task that others wait for, so that each worker gets it once.
    judge = dask.delayed(
        _Judge(fitted, target, seed, learnt._replace(rows=learnt.rows[[target]]), scale),
        name=f"judge-{uuid4()}",
        traverse=False,
    )
    # The numbers that map_partitions tells are those among partitions that are selected later.
    judge_partition = dask.delayed(_judge_partition)
    verdicts = dd.from_delayed(
        [
            judge_partition(partition, number, judge)
            for number, partition in enumerate(frame.to_delayed())
        ],
        meta=_meta(frame, target),
        divisions=frame.divisions,
        verify_meta=False,
    )
    return PartitionVerdicts(verdicts, fitted)


def _check_parameters(frame: Any, target: Any, sample_size: Any) -> None:
    if not HAS_DASK:
        raise ImportError("detect_in_partitions needs Dask: pip install sknoisy[dask].")
    if not isinstance(frame, dd.DataFrame):
        raise TypeError(f"'frame' must be a Dask DataFrame. Got a {type(frame).__name__}.")
    if list(frame.columns).count(target) != 1:
        raise ValueError(f"'target' must name one column of the frame. Got {target!r}.")
    if not isinstance(sample_size, int | np.integer) or sample_size < 1:
        raise ValueError(f"'sample_size' must be an integer of at least 1. Got {sample_size!r}.")


# -- sample --------------------------------------------------------------------------------------


def _draw_sample(frame: dd.DataFrame, target: Any, n_rows: int, seed: int) -> _Sample:
    """Return a uniform sample of the labelled rows, found in one pass without their number."""
    draw = dask.delayed(_lowest_of_partition)
    samples = [
        draw(partition, number, target, n_rows, seed)
        for number, partition in enumerate(frame.to_delayed())
    ]
    merge = dask.delayed(_lowest)
    while len(samples) > 1:
        samples = [
            merge(samples[start : start + MERGED_AT_ONCE], n_rows)
            for start in range(0, len(samples), MERGED_AT_ONCE)
        ]
    (sample,) = dask.compute(*samples)
    if not len(sample.rows):
        raise ValueError(f"No row of the frame has a label in the column {target!r}.")
    return sample


def _priorities(number: int, n_rows: int, seed: int) -> FloatArray:
    return np.random.default_rng([seed, number]).random(n_rows)


def _lowest_of_partition(
    partition: pd.DataFrame, number: int, target: Any, n_rows: int, seed: int
) -> _Sample:
    has_label = partition[target].notna().to_numpy()
    priorities = _priorities(number, len(partition), seed)[has_label]
    return _first(_Sample(priorities, partition[has_label]), n_rows)


def _lowest(samples: list[_Sample], n_rows: int) -> _Sample:
    priorities = np.concatenate([sample.priorities for sample in samples])
    return _first(_Sample(priorities, _joined([sample.rows for sample in samples])), n_rows)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    # Dask's own, which joins categories that only some parts know.
    return dd.methods.concat([part for part in parts if len(part)] or parts[:1])


def _first(sample: _Sample, n_rows: int) -> _Sample:
    order = np.argsort(sample.priorities)[:n_rows]
    return _Sample(sample.priorities[order], sample.rows.iloc[order])


def _rest(sample: _Sample, n_rows: int) -> _Sample:
    return _Sample(sample.priorities[n_rows:], sample.rows.iloc[n_rows:])


def _split(rows: pd.DataFrame, target: Any) -> tuple[pd.DataFrame, pd.Series]:
    return rows.drop(columns=target), rows[target]


# -- verdicts ------------------------------------------------------------------------------------


def _meta(frame: dd.DataFrame, target: Any) -> pd.DataFrame:
    label = _plain_labels(frame._meta[target])
    return pd.DataFrame(
        {
            "given_label": label,
            "suggested_label": label,
            "label_quality": pd.Series(dtype=float),
            "is_noise": pd.Series(dtype=bool),
            "in_sample": pd.Series(dtype=bool),
        },
        index=frame._meta.index,
    )


def _plain_labels(labels: pd.Series) -> pd.Series:
    """Return labels as they are, but categories as objects: partitions may know different ones."""
    is_categorical = isinstance(labels.dtype, pd.CategoricalDtype)
    return labels.astype(object) if is_categorical else labels


def _judge_partition(partition: pd.DataFrame, number: pd.DataFrame, judge: _Judge) -> pd.DataFrame:
    given = _plain_labels(partition[judge.target])
    verdict = _verdict_outside(judge, partition, given)
    rows, places = _rows_of_sample(judge, given, number)
    fitted = judge.detector
    verdict["label_quality"][rows] = fitted.label_quality_[places]
    verdict["is_noise"][rows] = fitted.noise_mask_[places]
    verdict["suggested_label"][rows] = fitted.suggested_labels_[places]
    verdict["in_sample"][rows] = True
    suggested = pd.Series(verdict["suggested_label"], index=given.index).astype(given.dtype)
    columns = {"given_label": given} | verdict | {"suggested_label": suggested}
    return pd.DataFrame(columns, index=partition.index)


def _verdict_outside(
    judge: _Judge, partition: pd.DataFrame, given: pd.Series
) -> dict[str, NDArray[Any]]:
    """Return what the model says of all rows, as if it had learnt none of them."""
    n_rows = len(partition)
    quality, suggested = np.full(n_rows, np.nan), given.to_numpy(dtype=object, copy=True)
    codes = _codes_of(judge.detector.classes_, given)
    rows = np.flatnonzero(codes >= 0)
    is_noise = np.zeros(n_rows, dtype=bool)
    if len(rows):
        features = partition.iloc[rows].drop(columns=judge.target)
        probabilities = judge.detector.predict_proba(features)
        quality[rows] = _on_scale(judge, probabilities, codes[rows])
        is_noise = quality < judge.detector.threshold_
        flagged = is_noise[rows]
        runner_up = runner_up_classes(probabilities, codes[rows])[flagged]
        suggested[rows[flagged]] = judge.detector.classes_[runner_up]
    return {
        "suggested_label": suggested,
        "label_quality": quality,
        "is_noise": is_noise,
        "in_sample": np.zeros(n_rows, dtype=bool),
    }


def _on_scale(judge: _Judge, probabilities: FloatArray, codes: IntArray) -> FloatArray:
    quality = judge.detector._quality_of(probabilities, codes)
    return quality if judge.scale is None else np.interp(quality, *judge.scale)


def _codes_of(classes: LabelArray, labels: pd.Series) -> IntArray:
    """Return the number of each label's class; -1: unknown or missing."""
    known = pd.Index(classes.tolist(), dtype=object)
    return known.get_indexer(pd.Index(labels.astype(object), dtype=object))


def _rows_of_sample(judge: _Judge, given: pd.Series, number: int) -> tuple[BoolArray, IntArray]:
    """Return which rows of a partition were learnt from, and their places in the sample."""
    learnt = judge.learnt
    priorities = _priorities(number, len(given), judge.seed)
    in_sample = given.notna().to_numpy() & (priorities <= learnt.priorities[-1])
    places = np.searchsorted(learnt.priorities, priorities[in_sample])
    labels = _plain_labels(learnt.rows[judge.target]).to_numpy(dtype=object)[places]
    is_same = np.array_equal(learnt.priorities[places], priorities[in_sample])
    if not is_same or (labels != given.to_numpy(dtype=object)[in_sample]).any():
        raise ValueError(
            f"Partition {number} of 'frame' holds other rows than when the sample was drawn. It "
            "must give the same rows in the same order each time: write it to files, or persist it."
        )
    return in_sample, places


def _scale_outside(
    fitted: BaseNoisyLabelEstimator, X: pd.DataFrame, y: pd.Series
) -> NDArray[np.floating] | None:
    """Return the map from the quality of rows that weren't learnt to that of the sample's."""
    codes = _codes_of(fitted.classes_, y)
    rows = np.flatnonzero(codes >= 0)
    if len(rows) < MIN_COMPARED:
        return None
    probabilities = fitted.predict_proba(X.iloc[rows])
    return quantile_map(fitted._quality_of(probabilities, codes[rows]), fitted.label_quality_)
