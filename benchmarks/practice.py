"""Verdicts that one can act on: labels of tables as people have them, 0 to 40 % of them wrong.

What is trained after the verdict is compared with the same learner on all rows, on right labels
and, for boosted trees, on what cleanlab keeps. Beside accuracy: how many right labels are flagged,
how far the label quality is from a probability, and whether the interval of the noise rate holds
the truth. Results are appended to a file as they come, and what is there is not computed again::

    python benchmarks/practice.py --n-jobs 2
    python benchmarks/practice.py --summary
"""

import argparse
import sys
import warnings
from itertools import product

import numpy as np
import pandas as pd
from _common import (
    DOCUMENTS,
    RESULTS,
    Stopwatch,
    environment,
    markdown_table,
    read_results,
    run_missing,
    write_section,
)
from _raw_tables import ALL_TABLES, NOISES, RAW_TABLES, load_raw_cell, noises_of
from judges import (
    CHOSEN_ON,
    KEY,
    accuracy,
    boosted,
    cleanlab_trees,
    detection,
    flag_nothing,
    plain_net,
    trees,
)
from sklearn.linear_model import LogisticRegression
from skrub import tabular_pipeline

from sknoisy import RobustClassifier
from sknoisy.exceptions import FewRowsLeftWarning, NotLearnedWarning
from sknoisy.nets import TabularNet

FIGURES = {
    "auc": "AUC",
    "average_precision": "AP",
    "f1": "F1",
    "flagged": "flagged",
    "right_flagged": "right labels flagged",
    "rarest_flagged": "of the rarest class",
    "calibration_error": "calibration error",
    "estimated_rate": "estimated rate",
    "is_covered": "interval holds",
    "width": "its width",
}
MAX_ROWS = 2000
N_BINS = 10


def logistic(seed):
    return tabular_pipeline(LogisticRegression(max_iter=1000, random_state=seed))


# -- one function per method: cell -> figures -------------------------------------------------


def robust(**parameters):
    def evaluate(cell):
        model = RobustClassifier(
            random_state=cell.seed,
            **{name: value(cell.seed) for name, value in parameters.items()},
        )
        with warnings.catch_warnings(), Stopwatch() as watch:
            warnings.simplefilter("ignore", (FewRowsLeftWarning, NotLearnedWarning))
            model.fit(cell.X, cell.y_noisy)
        figures = detection(cell, model.label_quality_, model.noise_mask_)
        figures |= verdict(cell, model)
        figures |= accuracy(cell, model.predict(cell.X_test))
        return figures | {"final": model.final_, "cpu_seconds": watch.cpu_seconds}

    return evaluate


def verdict(cell, model):
    """Return what the verdict costs right labels, and how near its numbers are to the truth."""
    right = ~cell.flipped
    low, high = model.noise_rate_interval_
    rate = cell.flipped.mean()
    rarest = np.bincount(cell.y_clean).argmin()
    of_rarest = right & (cell.y_clean == rarest)
    return {
        "right_flagged": float(model.noise_mask_[right].mean()),
        "rarest_flagged": float(model.noise_mask_[of_rarest].mean()),
        "calibration_error": calibration_error(model.label_quality_, right),
        "estimated_rate": float(model.noise_rate_),
        "is_covered": bool(low <= rate <= high),
        "width": float(high - low),
    }


def calibration_error(quality, right):
    """Return the expected calibration error: the mean gap in tenths of the scale."""
    bins = np.minimum((quality * N_BINS).astype(int), N_BINS - 1)
    n_rows = np.bincount(bins, minlength=N_BINS)
    gaps = np.bincount(bins, quality, N_BINS) - np.bincount(bins, right, N_BINS)
    return float(np.abs(gaps).sum() / n_rows.sum())


def plain_logistic(labels):
    def evaluate(cell):
        with Stopwatch() as watch:
            model = logistic(cell.seed).fit(cell.X, getattr(cell, labels))
        figures = accuracy(cell, model.predict(cell.X_test))
        return figures | {"cpu_seconds": watch.cpu_seconds}

    return evaluate


METHODS = {
    "trees_all_rows": boosted("y_noisy"),
    "trees_right_labels": boosted("y_clean"),
    "cleanlab": cleanlab_trees,
    "flag_nothing": flag_nothing,
    "robust_trees": robust(estimator=trees),
    "robust_trees_soft": robust(estimator=trees, final=lambda seed: "soft"),
    "robust_trees_filter": robust(estimator=trees, final=lambda seed: "filter"),
    "robust_default": robust(),
    "net_all_rows": plain_net("y_noisy"),
    "net_right_labels": plain_net("y_clean"),
    "robust_net": robust(net=lambda seed: TabularNet()),
    "logistic_all_rows": plain_logistic("y_noisy"),
    "logistic_right_labels": plain_logistic("y_clean"),
    "robust_logistic": robust(estimator=logistic),
}
# Those that need the labels only, with the net of `robust_net`.
NEWEST = ("aum", "co_teaching", "disc", "elr", "fsr", "gjs", "m_correction", "mentornet", "pes")
METHODS |= {
    name: robust(net=lambda seed: TabularNet(), method=lambda seed, name=name: name)
    for name in NEWEST
}
# The first of each is what the others are compared with: the learner on all rows.
LEARNERS = {
    "boosted trees": tuple(METHODS)[: list(METHODS).index("net_all_rows")],
    "the net": ("net_all_rows", "net_right_labels", "robust_net"),
    "logistic regression": ("logistic_all_rows", "logistic_right_labels", "robust_logistic"),
}
RIVALS = ("robust_default", "robust_net", "aum", "cleanlab")
LOW_NOISES = ("none", "pair_0.05", "pair_0.1")
"""What judges without trusted rows: net and trees together, the net alone, AUM with that net."""


# -- the program ------------------------------------------------------------------------------


def evaluate_cell(table, noise, seed, method, max_rows):
    cell = load_raw_cell(table, noise, seed, max_rows)
    return METHODS[method](cell) | {"n_rows": len(cell.X), "noise_rate": float(cell.flipped.mean())}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=ALL_TABLES, default=ALL_TABLES)
    parser.add_argument(
        "--noises", nargs="+", choices=(*NOISES, "human"), default=(*NOISES, "human")
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--output", default=RESULTS / "practice.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "practice.md", help="where the summary is written"
    )
    options = parser.parse_args(arguments)
    if options.summary:
        return write_summary(options)
    jobs = [
        dict(zip(KEY, (table, noise, seed, method, options.max_rows), strict=True))
        for seed, table in product(options.seeds, options.tables)
        for noise in noises_of(table)
        if noise in options.noises
        for method in options.methods
    ]
    n_failed = run_missing(
        evaluate_cell, jobs, options.output, n_jobs=options.n_jobs, force=options.force
    )
    return int(n_failed > 0)


def write_summary(options):
    records = [
        record["figures"] | {name: record[name] for name in KEY}
        for record in read_results(options.output, KEY).values()
        if record["table"] in options.tables
        and record["seed"] in options.seeds
        and record["max_rows"] == options.max_rows
    ]
    if not records:
        print(f"{options.output} has no results of these settings", file=sys.stderr)
        return 1
    text = summarize(pd.DataFrame(records))
    write_section(options.document, "practice", text)
    print(text)
    return 0


def summarize(frame):
    """Return the figures as Markdown, of tables that nothing was chosen on and of the others."""
    frame["cell"] = frame[["table", "noise", "seed"]].astype(str).agg(" ".join, axis=1)
    is_new = ~frame["table"].isin(CHOSEN_ON)
    seeds = ", ".join(map(str, sorted(frame["seed"].unique())))
    parts = [f"Seeds {seeds}, at most {frame['max_rows'].max()} training rows. Packages: "]
    parts[0] += ", ".join(f"{name} {each}" for name, each in environment().items() if each) + "."
    for title, rows in (
        ("Tables that nothing was chosen on", frame[is_new]),
        ("Tables that rules were chosen on, with other seeds", frame[~is_new]),
    ):
        if not len(rows):
            continue
        parts.append(f"### {title}")
        for learner, methods in LEARNERS.items():
            of_learner = measured_alike(rows[rows["method"].isin(methods)])
            if len(of_learner):
                parts += [
                    f"Of {of_learner['cell'].nunique()} cells, {learner}:",
                    gains(of_learner, "accuracy", methods[0]),
                    gains(of_learner, "balanced_accuracy", methods[0]),
                ]
        parts.append(verdicts(rows))
    if "aum" in set(frame["method"]):
        parts += ["### AUM beside wrong event, AUC in every cell", rivals(frame)]
    if set(NEWEST) <= set(frame["method"]):
        parts += ["### Other methods on raw tables with few wrong labels", at_low_noise(frame)]
    return "\n\n".join(parts)


def at_low_noise(frame):
    """Return what methods with one net do where few labels are wrong, on tables as they are."""
    frame = frame[frame["table"].isin(RAW_TABLES) & frame["noise"].isin(LOW_NOISES)]
    frame = measured_alike(frame[frame["method"].isin(("net_all_rows", "robust_net", *NEWEST))])
    wide = frame.pivot(index="cell", columns="method")
    lines = []
    for name in ("robust_net", *NEWEST):
        gain = wide["accuracy"][name] - wide["accuracy"]["net_all_rows"]
        auc, flagged = wide["auc"][name], wide["right_flagged"][name]
        is_clean = wide["noise"][name] == "none"
        lines.append(
            [
                name,
                f"{auc.astype(float).mean():.3f}",
                f"{auc.astype(float).min():.3f} {auc.astype(float).idxmin()}",
                f"{gain.mean():+.3f}",
                f"{gain.min():+.3f} {gain.idxmin()}",
                f"{flagged[is_clean].mean():.3f}",
                f"{flagged[~is_clean].mean():.3f}",
            ]
        )
    header = [
        f"{frame['cell'].nunique()} cells",
        "AUC",
        "worst",
        "accuracy gained beside the net on all rows",
        "worst",
        "right labels flagged, no noise",
        "with noise",
    ]
    return markdown_table(header, lines)


def rivals(frame):
    """Return the AUC of the ways to judge without trusted rows, cell by cell, and their means."""
    names = [name for name in RIVALS if name in set(frame["method"])]
    frame = frame[frame["method"].isin(names) & frame["auc"].notna()]
    wide = frame.pivot_table(index=["table", "noise"], columns="method", values="auc")[names]
    wide = wide.dropna(subset=["aum", "robust_net"])
    gain = wide["aum"] - wide["robust_net"]
    lines = [
        [
            f"{table}, {noise}",
            *("" if np.isnan(value) else f"{value:.3f}" for value in row),
            f"{gain[table, noise]:+.3f}",
        ]
        for (table, noise), row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    complete = wide.dropna()
    means = [f"{value:.3f}" for value in complete.mean()]
    difference = gain[complete.index].mean()
    lines.append([f"mean of {len(complete)} cells", *means, f"{difference:+.3f}"])
    not_below = f"{(gain >= 0).sum()} of {len(gain)} cells not below"
    lines.append(["AUM beside the same net", *[""] * len(names), not_below])
    return markdown_table(["cell", *names, "AUM less the same net"], lines)


def measured_alike(frame):
    """Return the cells that all methods were measured on: others would compare tables."""
    return frame[frame.groupby("cell")["method"].transform("nunique") == frame["method"].nunique()]


def gains(frame, figure, all_rows):
    """Return accuracies on right labels by noise, with the difference from all rows kept."""
    wide = frame.pivot(index="cell", columns="method", values=figure)
    noise_of = frame.drop_duplicates("cell").set_index("cell")["noise"]
    noises = [noise for noise in (*NOISES, "human") if noise in set(noise_of)]
    lines = []
    for name in [name for name in METHODS if name in wide and wide[name].notna().any()]:
        gain = wide[name] - wide[all_rows]
        line = [name]
        for noise in noises:
            of_noise = noise_of[noise_of == noise].index
            line.append(f"{wide.loc[of_noise, name].mean():.3f}")
        if name != all_rows:
            line += [
                f"{gain.mean():+.3f}",
                f"{(gain < -0.01).mean():.0%}",
                f"{gain.min():+.3f} {gain.idxmin()}",
            ]
        lines.append(line + [""] * (len(noises) + 4 - len(line)))
    label = figure.replace("_", " ")
    header = [label, *noises, "mean gain", "cells below by a point", "worst"]
    return markdown_table(header, lines)


def verdicts(frame):
    """Return the figures of the verdicts by noise."""
    frame = frame[frame["flagged"].notna()].reindex(columns=[*frame.columns.union([*FIGURES])])
    lines = []
    for name in [name for name in METHODS if name in set(frame["method"])]:
        for noise in [noise for noise in (*NOISES, "human") if noise in set(frame["noise"])]:
            rows = frame[(frame["method"] == name) & (frame["noise"] == noise)]
            figures = [rows[column].astype(float).mean() for column in FIGURES]
            lines.append([name, noise, *("" if np.isnan(x) else f"{x:.3f}" for x in figures)])
    return markdown_table(["verdict", "noise", *FIGURES.values()], lines)


if __name__ == "__main__":
    sys.exit(main())
