"""From the results of all methods to comparisons with plain training and wrong event."""

import numpy as np
import pandas as pd
from _common import markdown_table, mean_and_spread

PLAIN, RIVAL = "cross_entropy", "wrong_event"
TRUSTED = "_trusted"
CELL = ["data", "noise", "seed", "max_rows"]
FIGURES = ("accuracy", "auc", "f1", "right_flagged", "cpu_seconds")
IMAGES = "cifar10"


def figures_frame(records):
    """Return one row per cell and method, with the figures of the baselines of that cell beside it.

    The baselines of a method that was given trusted rows were given the same ones.

    Parameters
    ----------
    records : iterable of dict
        With the names of `CELL`, `method`, `figures`, and `uses_trusted`.

    Returns
    -------
    DataFrame
        With `gain`, the accuracy above plain training's, `beside_rival` and `auc_beside_rival`, the
        differences from wrong event, and `cost`, the CPU time in multiples of plain training's
        without trusted rows.
    """
    frame = pd.DataFrame([{**record, **record["figures"]} for record in records])
    frame = frame.drop(columns="figures")
    by_cell = frame.set_index([*CELL, "method"])
    for name, baseline, figure in (
        ("plain_accuracy", PLAIN, "accuracy"),
        ("rival_accuracy", RIVAL, "accuracy"),
        ("rival_auc", RIVAL, "auc"),
    ):
        frame[name] = [
            value_of(by_cell, cell, baseline + (TRUSTED if trusted else ""), figure)
            for cell, trusted in zip(
                frame[CELL].itertuples(index=False), frame["uses_trusted"], strict=True
            )
        ]
    frame["plain_seconds"] = [
        value_of(by_cell, cell, PLAIN, "cpu_seconds")
        for cell in frame[CELL].itertuples(index=False)
    ]
    frame["gain"] = frame["accuracy"] - frame["plain_accuracy"]
    frame["beside_rival"] = frame["accuracy"] - frame["rival_accuracy"]
    frame["auc_beside_rival"] = frame["auc"] - frame["rival_auc"]
    return frame


def value_of(by_cell, cell, method, figure):
    key = (*cell, method)
    return by_cell.loc[key, figure] if key in by_cell.index else np.nan


def costs(frame):
    """Return the CPU time of each method in multiples of plain training's, as a ratio of sums."""
    sums = frame.dropna(subset=["plain_seconds"]).groupby("method")
    return sums["cpu_seconds"].sum() / sums["plain_seconds"].sum()


def gains(frame, order, said):
    """Return how each method compares with plain training and wrong event over tables.

    Parameters
    ----------
    frame : DataFrame
        Of `figures_frame`.
    order : sequence of str
        Methods.
    said : dict of str to str
        The cost that each method states.
    """
    header = [
        "method",
        "tables above plain training",
        "mean gain",
        "worst table",
        "accuracy beside wrong event",
        "worst",
        "AUC",
        "beside wrong event",
        "worst",
        "cost",
        "cost as stated",
    ]
    ratios = costs(frame)
    lines = []
    for method in order:
        # One table counts once, whatever the number of seeds.
        rows = frame[frame["method"] == method].groupby("data").mean(numeric_only=True)
        if rows.empty:
            continue
        gain = rows["gain"].dropna()
        is_baseline = method.removesuffix(TRUSTED) == PLAIN
        lines.append(
            [
                method,
                "" if is_baseline else f"{(gain > 0).sum()} of {len(gain)}",
                "" if is_baseline else f"{gain.mean():+.3f}",
                "" if is_baseline else worst(gain),
                *beside(rows["beside_rival"], method),
                f"{rows['auc'].mean():.3f}",
                *beside(rows["auc_beside_rival"], method),
                f"{ratios[method]:.2f}",
                said.get(method, ""),
            ]
        )
    return markdown_table(header, lines)


def beside(differences, method):
    if method.removesuffix(TRUSTED) == RIVAL:
        return ["", ""]
    return [f"{differences.mean():+.3f}", worst(differences)]


def worst(differences):
    return f"{differences.min():+.3f} {differences.idxmin()}"


def images(frame, order):
    """Return the figures of each method on embeddings, with their spread over the seeds."""
    ratios = costs(frame)
    lines = []
    for method in order:
        rows = frame[frame["method"] == method]
        if rows.empty:
            continue
        lines.append(
            [
                method,
                ", ".join(map(str, sorted(rows["seed"]))),
                mean_and_spread(rows["accuracy"]),
                f"{rows['gain'].mean():+.3f}",
                f"{rows['beside_rival'].mean():+.3f}",
                mean_and_spread(rows["auc"]),
                f"{rows['auc_beside_rival'].mean():+.3f}",
                mean_and_spread(rows["f1"]),
                f"{rows['right_flagged'].mean():.3f}",
                f"{ratios[method]:.2f}",
            ]
        )
    header = [
        "method",
        "seeds",
        "accuracy",
        "above plain",
        "beside wrong event",
        "AUC",
        "beside wrong event",
        "F1",
        "right labels flagged",
        "cost",
    ]
    return markdown_table(header, lines)


def cells(frame, order, figure):
    """Return one figure of every method on every table, a mean over the seeds."""
    wide = frame.pivot_table(index="method", columns="data", values=figure, aggfunc="mean")
    wide = wide.reindex([method for method in order if method in wide.index])
    lines = [
        [method, *("" if np.isnan(value) else f"{value:.3f}" for value in row)]
        for method, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return markdown_table([figure.replace("auc", "AUC"), *wide.columns], lines)


def summarize(records, order, said, versions):
    """Return all comparisons as Markdown."""
    frame = figures_frame(records)
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    parts = [f"{shown}."]
    tables = frame[frame["data"] != IMAGES]
    for noise, rows in tables.groupby("noise", sort=False):
        seeds = ", ".join(map(str, sorted(rows["seed"].unique())))
        rate = rows["noise_rate"].mean()
        parts += [
            f"### Tables, {noise} noise",
            f"{rows['data'].nunique()} tables of at most {rows['max_rows'].max():,} training rows, "
            f"{rate:.0%} wrong labels, seed {seeds}.",
            gains(rows, order, said),
        ]
    pictures = frame[frame["data"] == IMAGES]
    if len(pictures):
        rate = pictures["noise_rate"].mean()
        parts += [
            "### Embeddings of CIFAR-10 with labels of people",
            f"{pictures['n_rows'].max():,} images as features of EfficientNet-Lite0, the labels "
            f'"worse" of CIFAR-10N, {rate:.0%} of them wrong; accuracy on 3,000 others.',
            images(pictures, order),
        ]
    for noise, rows in tables.groupby("noise", sort=False):
        parts += [
            f"### Every table, {noise} noise",
            cells(rows, order, "accuracy"),
            cells(rows, order, "auc"),
        ]
    return "\n\n".join(parts)
