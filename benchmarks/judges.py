"""Judges of labels on tables as people have them, against cleanlab with boosted trees.

The opponent, what a user of tables takes today, runs in the same process on the same rows. Results
are appended to a file as they come, and what is there is not computed again::

    python benchmarks/judges.py --n-jobs 2
    python benchmarks/judges.py --summary
"""

import argparse
import sys
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
from _raw_tables import ALL_TABLES, NOISES, load_raw_cell, noises_of
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score
from sklearn.metrics import roc_auc_score as auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.boosting import round_probabilities
from sknoisy.nets import TabularNet
from sknoisy.tables import TreeEncoder

KEY = ("table", "noise", "seed", "method", "max_rows")
MAX_ROWS = 2500
N_FOLDS = 5
OPPONENT = "cleanlab_trees"
DETECTION = ("auc", "average_precision", "f1")
# Tables that the rules of the judges were chosen on, with other seeds than those reported.
CHOSEN_ON = (
    "phoneme",
    "vehicle",
    "optdigits",
    "splice",
    "page_blocks",
    "krkopt",
    "yeast",
    "adult_raw",
    "loans",
)


def trees(seed):
    return HistGradientBoostingClassifier(random_state=seed)


# -- one function per method: cell -> figures -------------------------------------------------


def detector(**parameters):
    def evaluate(cell):
        model = NoisyLabelDetector(random_state=cell.seed, **_parameters(parameters, cell))
        with Stopwatch() as watch:
            model.fit(cell.X, cell.y_noisy)
        return detection(cell, model.label_quality_, model.noise_mask_) | _times(watch)

    return evaluate


def classifier(**parameters):
    def evaluate(cell):
        model = RobustClassifier(random_state=cell.seed, **_parameters(parameters, cell))
        with Stopwatch() as watch:
            model.fit(cell.X, cell.y_noisy)
        figures = detection(cell, model.label_quality_, model.noise_mask_)
        return figures | accuracy(cell, model.predict(cell.X_test)) | _times(watch)

    return evaluate


def _parameters(parameters, cell):
    return {
        name: value(cell.seed) if callable(value) else value for name, value in parameters.items()
    }


def cleanlab_trees(cell):
    """Confident learning on cross-validated probabilities of boosted trees."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    X, X_test = _encoded(cell)
    with Stopwatch() as watch:
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=cell.seed)
        probabilities = cross_val_predict(
            trees(cell.seed), X, cell.y_noisy, cv=folds, method="predict_proba"
        )
        mask = find_label_issues(cell.y_noisy, probabilities, n_jobs=1)
        quality = get_label_quality_scores(cell.y_noisy, probabilities)
    kept = ~mask
    for label in np.setdiff1d(cell.y_noisy, cell.y_noisy[kept]):
        kept |= cell.y_noisy == label
    model = trees(cell.seed).fit(X[kept], cell.y_noisy[kept])
    return detection(cell, quality, mask) | accuracy(cell, model.predict(X_test)) | _times(watch)


def boosted(labels):
    """Boosted trees on all rows, with the given labels or the right ones."""

    def evaluate(cell):
        X, X_test = _encoded(cell)
        with Stopwatch() as watch:
            model = trees(cell.seed).fit(X, getattr(cell, labels))
        return accuracy(cell, model.predict(X_test)) | _times(watch)

    return evaluate


def plain_net(labels):
    """The default net of tables on all rows, with the given labels or the right ones."""

    def evaluate(cell):
        model = RobustClassifier("cross_entropy", net=TabularNet(), random_state=cell.seed)
        with Stopwatch() as watch:
            model.fit(cell.X, getattr(cell, labels))
        return accuracy(cell, model.predict(cell.X_test)) | _times(watch)

    return evaluate


def area_under_margin(cell):
    """Mean margin of the given label over the rounds of plain boosted trees (Pleiss et al.)."""
    X, _ = _encoded(cell)
    with Stopwatch() as watch:
        model = trees(cell.seed).fit(X, cell.y_noisy)
        rows, total = np.arange(len(cell.y_noisy)), 0.0
        for probabilities in round_probabilities(model, X):
            given = probabilities[rows, cell.y_noisy].copy()
            probabilities[rows, cell.y_noisy] = 0
            total = total + given - probabilities.max(axis=1)
    return detection(cell, total, total < 0) | _times(watch)


def flag_nothing(cell):
    """The trivial verdict: every label is as good as any other."""
    return detection(cell, np.ones(len(cell.y_noisy)), np.zeros(len(cell.y_noisy), dtype=bool))


METHODS = {
    "cleanlab_trees": cleanlab_trees,
    "default": detector(),
    "trees": detector(estimator=trees),
    "net": detector(net=lambda seed: TabularNet()),
    "folds": detector(estimator=trees, cv=N_FOLDS),
    "area_under_margin": area_under_margin,
    "flag_nothing": flag_nothing,
    "robust_default": classifier(),
    "robust_trees": classifier(estimator=trees),
    "robust_net": classifier(net=lambda seed: TabularNet()),
    "boosted_all_rows": boosted("y_noisy"),
    "boosted_right_labels": boosted("y_clean"),
    "plain_net_all_rows": plain_net("y_noisy"),
    "plain_net_right_labels": plain_net("y_clean"),
}


# -- figures ----------------------------------------------------------------------------------


def detection(cell, quality, mask):
    figures = {"flagged": float(mask.mean())}
    if cell.flipped.any():
        figures["auc"] = float(auc_score(cell.flipped, -quality))
        figures["average_precision"] = float(average_precision_score(cell.flipped, -quality))
        figures["f1"] = float(f1_score(cell.flipped, mask, zero_division=0))
        figures["weighted_f1"] = float(f1_score(cell.flipped, mask, average="weighted"))
    return figures


def accuracy(cell, predicted):
    return {
        "accuracy": float(np.mean(predicted == cell.y_test)),
        "balanced_accuracy": float(balanced_accuracy_score(cell.y_test, predicted)),
    }


def _encoded(cell):
    encoder = TreeEncoder().fit(cell.X)
    return encoder.transform(cell.X), encoder.transform(cell.X_test)


def _times(watch):
    return {"seconds": watch.seconds, "cpu_seconds": watch.cpu_seconds}


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
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--output", default=RESULTS / "judges.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "judges.md", help="where the summary is written"
    )
    options = parser.parse_args(arguments)
    if options.summary:
        return write_summary(options)
    jobs = [
        dict(zip(KEY, (table, noise, seed, method, options.max_rows), strict=True))
        for table, seed in product(options.tables, options.seeds)
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
    write_section(options.document, "judges", text)
    print(text)
    return 0


def summarize(frame):
    """Return the figures as Markdown: against the opponent, by noise, and the worst cells."""
    frame["cell"] = frame[["table", "noise", "seed"]].astype(str).agg(" ".join, axis=1)
    is_new = ~frame["table"].isin(CHOSEN_ON)
    seeds = ", ".join(map(str, sorted(frame["seed"].unique())))
    parts = [f"Seeds {seeds}, at most {frame['max_rows'].max()} training rows. Packages: "]
    parts[0] += ", ".join(f"{name} {each}" for name, each in environment().items() if each) + "."
    for title, rows in (
        ("Tables that nothing was chosen on", frame[is_new]),
        ("Tables that the rules were chosen on, with another seed", frame[~is_new]),
    ):
        if len(rows):
            parts += [f"### {title}", against_opponent(rows), accuracies(rows)]
    return "\n\n".join(parts)


def against_opponent(frame):
    """Return detection by method, beside that of the opponent on the same cells."""
    wide = frame.pivot(index="cell", columns="method")
    lines = []
    for name in METHODS:
        if ("auc", name) not in wide or wide["auc"][name].isna().all():
            continue
        line = [name]
        for figure in DETECTION:
            line += _compared(wide[figure][name], wide[figure][OPPONENT])
        is_clean = (frame["method"] == name) & (frame["noise"] == "none")
        flagged = frame.loc[is_clean, "flagged"]
        line.append("" if flagged.empty else f"{flagged.mean():.3f}")
        line.append(
            ""
            if name == "flag_nothing"
            else _ratio(*map(wide["cpu_seconds"].get, (name, OPPONENT)))
        )
        lines.append(line)
    header = ["method"]
    for figure in ("AUC", "average precision", "F1"):
        header += [figure, "cells not below", "worst difference"]
    return markdown_table([*header, "flagged of right labels", "CPU time / opponent"], lines)


def _compared(own, others):
    """Return the mean, the share of cells not below the opponent, and the worst of them."""
    known = own.notna() & others.notna()
    own, gain = own[known], (own - others)[known]
    if own.name == OPPONENT:
        return [f"{own.mean():.3f}", "", ""]
    return [
        f"{own.mean():.3f}",
        f"{(gain >= -1e-9).mean():.0%}",
        f"{gain.min():+.3f} {gain.idxmin()}",
    ]


def _ratio(own, others):
    known = own.notna() & others.notna()
    return f"{own[known].sum() / others[known].sum():.2f}"


def accuracies(frame):
    """Return the accuracy on right labels by noise, with the worst cell beside boosted trees."""
    frame = frame[frame["accuracy"].notna()]
    # Only cells that all have been measured on: a mean over others would compare tables.
    frame = frame[frame.groupby("cell")["method"].transform("nunique") == frame["method"].nunique()]
    noises = [noise for noise in (*NOISES, "human") if noise in set(frame["noise"])]
    wide = frame.pivot(index="cell", columns="method", values="accuracy")
    lines = []
    for name in [name for name in METHODS if name in wide]:
        own = frame[frame["method"] == name]
        cells = [
            f"{rows['accuracy'].mean():.3f} ({rows['balanced_accuracy'].mean():.3f})"
            if len(rows := own[own["noise"] == noise])
            else ""
            for noise in noises
        ]
        worst = ""
        if name != "boosted_all_rows" and "boosted_all_rows" in wide:
            gain = (wide[name] - wide["boosted_all_rows"]).dropna()
            worst = f"{gain.min():+.3f} {gain.idxmin()}"
        lines.append([name, *cells, worst])
    header = ["accuracy (balanced)", *noises, "worst beside boosted trees on all rows"]
    return markdown_table(header, lines)


if __name__ == "__main__":
    sys.exit(main())
