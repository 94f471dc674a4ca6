"""From the results on tables to criteria and Markdown."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from _common import markdown_table, mean_and_spread, verdict

from sknoisy.methods import METHODS

MAIN_METHODS = ("cross_entropy", "lsw", "wrong_event")
INDEX = ["table", "noise", "seed"]
TOLERANCE = 1e-9
HARD_NOISES = ("pair", "instance")


# -- criteria --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Criterion:
    """One sentence of what is promised, and how it is computed.

    Parameters
    ----------
    text : str
    columns : tuple of (method, figure)
        Only cells that have all of them count.
    measure : callable
        From a frame with these columns, one row per cell, to a number.
    relation : {">=", ">", "<="}
    limit : float
    noises : tuple of str, default=None
        None: all kinds.
    is_share : bool, default=False
        Whether the number is a share of the cells, to be shown as a count too.
    """

    text: str
    columns: tuple
    measure: Callable
    relation: str
    limit: float
    noises: tuple | None = None
    is_share: bool = False


def share_not_below(frame, columns):
    return float((difference(frame, columns) >= -TOLERANCE).mean())


def share_above(frame, columns):
    return float((difference(frame, columns) > TOLERANCE).mean())


def mean_difference(frame, columns):
    return float(difference(frame, columns).mean())


def worst_table_difference(frame, columns):
    return float(difference(frame, columns).groupby(level="table").mean().min())


def ratio_of_sums(frame, columns):
    first, second = columns
    return float(frame[first].sum() / frame[second].sum())


def median_ratio(frame, columns):
    first, second = columns
    return float((frame[first] / frame[second]).median())


def mean(frame, columns):
    return float(frame[columns[0]].mean())


def difference(frame, columns):
    first, second = columns
    return frame[first] - frame[second]


DETECTOR, CLEANLAB = "wrong_event_detector", "cleanlab"
AUC = (DETECTOR, "auc"), (CLEANLAB, "auc")
F1 = (DETECTOR, "f1"), (CLEANLAB, "f1")
# Processes of one thread: their CPU time doesn't depend on what else the machine is doing.
SECONDS = (DETECTOR, "cpu_seconds"), (CLEANLAB, "cpu_seconds")
ACCURACY = ("wrong_event", "accuracy"), (CLEANLAB, "accuracy")
PLAIN = ("cross_entropy", "accuracy")
GAIN = ("wrong_event", "accuracy"), PLAIN
TRUSTED = ("lsw", "auc"), ("lsw", "wrong_event_auc")
SELF_TRUSTED = ("lsw_self_trusted", "auc"), (DETECTOR, "auc")

CRITERIA = (
    Criterion(
        "Wrong event: AUC at least cleanlab's", AUC, share_not_below, ">=", 0.95, is_share=True
    ),
    Criterion("Wrong event: AUC above cleanlab's, mean", AUC, mean_difference, ">=", 0.03),
    Criterion(
        "Wrong event: F1 at `threshold='auto'` at least cleanlab's",
        F1,
        share_not_below,
        ">=",
        0.90,
        is_share=True,
    ),
    Criterion(
        "Wrong event: CPU time / cleanlab's, ratio of sums", SECONDS, ratio_of_sums, "<=", 0.25
    ),
    Criterion("Wrong event: CPU time / cleanlab's, median", SECONDS, median_ratio, "<=", 0.25),
    Criterion(
        "`RobustClassifier()`: accuracy at least `CleanLearning`'s",
        ACCURACY,
        share_not_below,
        ">=",
        0.90,
        is_share=True,
    ),
    Criterion(
        "`RobustClassifier()`: accuracy above plain training's",
        GAIN,
        share_above,
        ">=",
        1.0,
        is_share=True,
    ),
    Criterion(
        "LSW, 10 % trusted: AUC above wrong event's, mean on pair and instance noise",
        TRUSTED,
        mean_difference,
        ">",
        0.0,
        noises=HARD_NOISES,
    ),
    Criterion("LSW, 10 % trusted: F1 at 0.3, mean", (("lsw", "f1"),), mean, ">", 0.90),
    Criterion(
        "Self-trusted LSW: AUC above wrong event's, mean", SELF_TRUSTED, mean_difference, ">", 0.0
    ),
    Criterion(
        "Self-trusted LSW: AUC above wrong event's, mean of the worst table",
        SELF_TRUSTED,
        worst_table_difference,
        ">=",
        -0.02,
    ),
)


def evaluate_criterion(criterion, runs):
    """Return the figure over cells (means over seeds) and over single runs.

    Parameters
    ----------
    criterion : Criterion
    runs : DataFrame
        As `runs_frame` returns it.

    Returns
    -------
    dict or None
        With `cells`, `runs`, `n_cells`, `n_runs` and `is_met`; None without results.
    """
    columns = list(criterion.columns)
    if not set(columns) <= set(runs.columns):
        return None
    chosen = runs[columns].dropna()
    if criterion.noises is not None:
        chosen = chosen[chosen.index.get_level_values("noise").isin(criterion.noises)]
    if chosen.empty:
        return None
    cells = chosen.groupby(level=["table", "noise"]).mean()
    value = criterion.measure(cells, columns)
    return {
        "cells": value,
        "runs": criterion.measure(chosen, columns),
        "n_cells": len(cells),
        "n_runs": len(chosen),
        "is_met": compare(value, criterion.relation, criterion.limit),
    }


def compare(value, relation, limit):
    if relation == ">":
        return value > limit + TOLERANCE
    return value >= limit - TOLERANCE if relation == ">=" else value <= limit + TOLERANCE


def runs_frame(records):
    """Return one row per (table, noise, seed) and one column per (method, figure)."""
    rows = {}
    for record in records:
        row = rows.setdefault(tuple(record[name] for name in INDEX), {})
        for figure, value in record["figures"].items():
            row[record["method"], figure] = np.nan if value is None else value
    index = pd.MultiIndex.from_tuples(list(rows), names=INDEX)
    frame = pd.DataFrame(list(rows.values()), index=index)
    frame.columns = pd.MultiIndex.from_tuples(frame.columns, names=["method", "figure"])
    return frame.sort_index()


# -- Markdown --------------------------------------------------------------------------------


def summarize(records, versions):
    """Return the criteria, the means by noise and every cell as Markdown."""
    runs = runs_frame(records)
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    return "\n\n".join(
        [
            "## Tables with made noise",
            f"{len(runs)} runs: tables x kinds of noise x seeds. A cell is the mean over the "
            f"seeds of one table and one kind of noise. {shown}.",
            "### Criteria",
            criteria_table(runs),
            "### Means over the tables",
            "After ±: standard deviation over the seeds, mean of the cells.",
            means_table(runs),
            "### Every method against plain training",
            "Tables on which the accuracy is above plain training's, the mean difference, and the "
            "CPU time of a whole fit in multiples of plain training's.",
            gains_table(runs),
            "### Detection, every cell",
            "Mean ± standard deviation over the seeds. LSW was given 10 % trusted rows and is "
            "measured on the others.",
            cells_table(runs, DETECTION_COLUMNS),
            "### Accuracy on clean test rows and CPU seconds of detection, every cell",
            cells_table(runs, ACCURACY_COLUMNS),
            "### Accuracy of the other methods, every cell",
            cells_table(runs, {name: (name, "accuracy") for name in OTHER_METHODS}),
        ]
    )


def criteria_table(runs):
    header = ["Criterion", "Limit", "Cells", "Single runs", ""]
    return markdown_table(header, [criterion_row(criterion, runs) for criterion in CRITERIA])


def criterion_row(criterion, runs):
    result = evaluate_criterion(criterion, runs)
    limit = f"{criterion.relation} {criterion.limit:g}"
    if result is None:
        return [criterion.text, limit, "no results", "", ""]
    shown = [
        show_value(result[unit], result[f"n_{unit}"], criterion.is_share)
        for unit in ("cells", "runs")
    ]
    return [criterion.text, limit, *shown, verdict(result["is_met"])]


def show_value(value, n_values, is_share):
    if is_share:
        return f"{value:.3f} ({round(value * n_values)}/{n_values})"
    return f"{value:.4f} (of {n_values})"


FIGURES = {
    "AUC": "auc",
    "F1": "f1",
    "FDR": "fdr",
    "recall": "recall",
    "accuracy": "accuracy",
    "CPU seconds": "cpu_seconds",
}


def means_table(runs):
    methods = list(dict.fromkeys(runs.columns.get_level_values("method")))
    noises = list(dict.fromkeys(runs.index.get_level_values("noise")))
    rows = [
        [f"{method}, {noise}"]
        + [spread_of_cells(runs, noise, (method, figure)) for figure in FIGURES.values()]
        for method in methods
        for noise in noises
    ]
    return markdown_table(["Method, noise", *FIGURES], rows)


def spread_of_cells(runs, noise, column):
    if column not in runs.columns:
        return ""
    values = runs.xs(noise, level="noise")[column].dropna()
    if values.empty:
        return ""
    by_table = values.groupby(level="table")
    spread = by_table.std().mean()
    text = f"{by_table.mean().mean():.3f}"
    return text if np.isnan(spread) else f"{text} ± {spread:.3f}"


OTHER_METHODS = tuple(name for name in METHODS if name not in MAIN_METHODS)


def gains_table(runs):
    noises = list(dict.fromkeys(runs.index.get_level_values("noise")))
    rows = []
    for method in ("wrong_event", "lsw", *OTHER_METHODS):
        if (method, "accuracy") in runs.columns:
            gains = [_gain(runs.xs(noise, level="noise"), method) for noise in noises]
            rows.append([method, *gains, _cost(runs, method)])
    return markdown_table(["Method", *noises, "CPU time / plain"], rows)


def _gain(runs, method):
    gains = difference(runs, [(method, "accuracy"), PLAIN]).dropna().groupby(level="table").mean()
    if gains.empty:
        return ""
    return f"{(gains > TOLERANCE).sum()}/{len(gains)}, {gains.mean():+.3f}"


def _cost(runs, method):
    columns = [(method, "cpu_seconds"), ("cross_entropy", "cpu_seconds")]
    return f"{ratio_of_sums(runs[columns].dropna(), columns):.2f}"


DETECTION_COLUMNS = {
    "AUC cleanlab": (CLEANLAB, "auc"),
    "wrong event": (DETECTOR, "auc"),
    "self-trusted LSW": ("lsw_self_trusted", "auc"),
    "LSW": ("lsw", "auc"),
    "F1 cleanlab": (CLEANLAB, "f1"),
    "wrong event ": (DETECTOR, "f1"),
    "self-trusted LSW ": ("lsw_self_trusted", "f1"),
    "LSW ": ("lsw", "f1"),
}
ACCURACY_COLUMNS = {
    "plain": ("cross_entropy", "accuracy"),
    "CleanLearning": (CLEANLAB, "accuracy"),
    "RobustClassifier()": ("wrong_event", "accuracy"),
    "LSW": ("lsw", "accuracy"),
    "CPU seconds cleanlab": (CLEANLAB, "cpu_seconds"),
    "wrong event": (DETECTOR, "cpu_seconds"),
}


def cells_table(runs, columns):
    rows = []
    for (table, noise), cell in runs.groupby(level=["table", "noise"]):
        values = [
            mean_and_spread(cell[column]) if column in cell.columns else ""
            for column in columns.values()
        ]
        rows.append([f"{table}, {noise}", *values])
    return markdown_table(["Table, noise", *columns], rows)
