"""What happens without label noise, and with nets that learn their labels by heart.

Two parts, both resumable. ``clean``: on 15 tables without noise, the share of rows that wrong event
flags, and what RobustClassifier costs in accuracy. ``memorizing``: wide nets and 100 epochs on
three tables, where counting must end before the wrong labels are learnt::

    python benchmarks/clean_labels.py --n-jobs 2
    python benchmarks/clean_labels.py --summary
"""

import argparse
import sys
from itertools import product

import numpy as np
from _common import (
    DOCUMENTS,
    MAX_TRAIN_ROWS,
    NOISES,
    RESULTS,
    Stopwatch,
    detection_figures,
    environment,
    load_cell,
    markdown_table,
    mean_and_spread,
    read_results,
    run_missing,
    verdict,
    write_section,
)

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import TABLE_NAMES
from sknoisy.methods import WrongEvent
from sknoisy.nets import TabularNet

KEY = ("part", "table", "noise", "seed", "max_rows", "max_epochs")
MEMORIZED_TABLES = ("optdigits", "texture", "splice")
WIDE_NET_UNITS = 1024
WIDE_NET_EPOCHS = 100
LEARNT_ACCURACY = 0.95
MAX_FLAGGED = 0.03
MAX_LOSS_OF_ACCURACY = 0.005


# -- evaluation ------------------------------------------------------------------------------


def evaluate_clean(cell, shared):
    """Share flagged, and accuracy of RobustClassifier and of plain training."""
    detector = NoisyLabelDetector("wrong_event", **shared).fit(cell.X, cell.y_noisy)
    plain = RobustClassifier("cross_entropy", **shared).fit(cell.X, cell.y_noisy)
    robust = RobustClassifier(**shared).fit(cell.X, cell.y_noisy)
    return {
        "flagged": float(detector.noise_mask_.mean()),
        "plain_accuracy": plain.score(cell.X_test, cell.y_test),
        "accuracy": robust.score(cell.X_test, cell.y_test),
        "n_epochs": len(detector.history_),
    }


def evaluate_memorizing(cell, shared):
    """Detection by a wide net, once with the window's end and once counting all epochs."""
    epochs = shared["max_epochs"] or WIDE_NET_EPOCHS
    net = TabularNet(module__n_units=WIDE_NET_UNITS)
    shared = shared | {"net": net, "max_epochs": epochs}
    window = count_events(cell, WrongEvent(), shared)
    # Trains on every row, and nothing ends it.
    whole = count_events(cell, WrongEvent(holdout=0.0, memorization_gap=float("inf")), shared)
    return window | {f"all_epochs_{name}": value for name, value in whole.items()}


def count_events(cell, method, shared):
    model = NoisyLabelDetector(method, **shared)
    with Stopwatch() as watch:
        model.fit(cell.X, cell.y_noisy)
    figures = detection_figures(cell.flipped, model.noise_mask_, model.label_quality_)
    return figures | {"n_epochs": len(model.history_), "seconds": watch.seconds}


PARTS = {"clean": evaluate_clean, "memorizing": evaluate_memorizing}


def evaluate_cell(part, table, noise, seed, max_rows, max_epochs):
    cell = load_cell(table, noise, seed, max_rows=max_rows)
    net = TabularNet()
    shared = {"net": net, "max_epochs": max_epochs, "device": "cpu", "random_state": seed}
    return PARTS[part](cell, shared)


# -- summary ---------------------------------------------------------------------------------


def summarize(records, versions):
    """Return both parts as Markdown."""
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    texts = ["## Clean labels and memorising nets", f"{shown}."]
    clean = [record for record in records if record["part"] == "clean"]
    if clean:
        tables = average_tables(clean)
        texts += ["### Criteria on clean labels", criteria_table(clean_criteria(tables))]
        texts += ["### Clean labels, every table", clean_table(clean)]
    memorizing = [record for record in records if record["part"] == "memorizing"]
    if memorizing:
        texts += [
            f"### Nets of {WIDE_NET_UNITS} units, {WIDE_NET_EPOCHS} epochs at most",
            memorizing_table(memorizing),
        ]
    return "\n\n".join(texts)


def group(records, *names):
    """Return {values of these names: {figure: values}} in the order of the records."""
    groups = {}
    for record in records:
        figures = groups.setdefault(tuple(record[name] for name in names), {})
        for figure, value in record["figures"].items():
            figures.setdefault(figure, []).append(value)
    return groups


def average_tables(records):
    """Return the mean figures of every table."""
    return {
        table: {figure: float(np.mean(values)) for figure, values in figures.items()}
        for (table,), figures in group(records, "table").items()
    }


def clean_criteria(tables):
    """Return rows of text, limit, value and whether the limit is kept."""
    learnt = [row for row in tables.values() if row["plain_accuracy"] >= LEARNT_ACCURACY]
    others = [row for row in tables.values() if row["plain_accuracy"] < LEARNT_ACCURACY]
    rows = []
    if learnt:
        value = float(np.mean([row["flagged"] for row in learnt]))
        text = f"Share flagged, mean of {len(learnt)} tables that plain training learns"
        rows.append((text, f"<= {MAX_FLAGGED}", f"{value:.4f}", value <= MAX_FLAGGED))
    if others:
        within = [row["flagged"] + row["plain_accuracy"] <= 1 + 1e-9 for row in others]
        text = "Other tables: share flagged at most plain training's test error"
        rows.append((text, "every table", f"{sum(within)}/{len(within)}", all(within)))
    loss = float(np.mean([row["plain_accuracy"] - row["accuracy"] for row in tables.values()]))
    text = "Accuracy of plain training less RobustClassifier's, mean of all tables"
    limit = f"<= {MAX_LOSS_OF_ACCURACY}"
    return [*rows, (text, limit, f"{loss:.4f}", loss <= MAX_LOSS_OF_ACCURACY)]


def criteria_table(rows):
    header = ["Criterion", "Limit", "Value", ""]
    return markdown_table(header, [[*row[:3], verdict(row[3])] for row in rows])


def clean_table(records):
    header = ["Table", "flagged", "plain accuracy", "RobustClassifier()", "epochs counted"]
    rows = [
        [
            table,
            mean_and_spread(figures["flagged"]),
            mean_and_spread(figures["plain_accuracy"]),
            mean_and_spread(figures["accuracy"]),
            mean_and_spread(figures["n_epochs"], digits=1),
        ]
        for (table,), figures in group(records, "table").items()
    ]
    return markdown_table(header, rows)


def memorizing_table(records):
    names = ("f1", "auc", "flagged")
    header = ["Table, noise", "epochs counted"]
    header += [f"{name}, {window}" for name in names for window in ("window", "all epochs")]
    rows = []
    for (table, noise), figures in group(records, "table", "noise").items():
        row = [f"{table}, {noise}", mean_and_spread(figures["n_epochs"], digits=1)]
        for name in names:
            row += [mean_and_spread(figures[name]), mean_and_spread(figures[f"all_epochs_{name}"])]
        rows.append(row)
    return markdown_table(header, rows)


# -- the program -----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tables", nargs="+", choices=TABLE_NAMES, default=TABLE_NAMES)
    parser.add_argument("--noises", nargs="+", choices=NOISES, default=list(NOISES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--max-rows", type=int, default=MAX_TRAIN_ROWS)
    parser.add_argument("--max-epochs", type=int, default=None, help="default: 30, and 100")
    parser.add_argument("--output", default=RESULTS / "clean_labels.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "clean_labels.md", help="where the summary is written"
    )
    return parser.parse_args(arguments)


def list_jobs(options):
    """Return what is asked for: clean labels have no other noise, and few tables are memorised."""
    cells = []
    if "clean" in options.parts:
        cells += product(["clean"], options.tables, ["none"], options.seeds)
    if "memorizing" in options.parts:
        tables = [table for table in options.tables if table in MEMORIZED_TABLES]
        cells += product(["memorizing"], tables, options.noises, options.seeds)
    return [
        dict(zip(KEY, (*cell, options.max_rows, options.max_epochs), strict=True)) for cell in cells
    ]


def main(arguments=None):
    options = parse_arguments(arguments)
    jobs = list_jobs(options)
    if not options.summary:
        n_failed = run_missing(
            evaluate_cell, jobs, options.output, n_jobs=options.n_jobs, force=options.force
        )
        return int(n_failed > 0)
    known = read_results(options.output, KEY)
    records = [known[tuple(job.values())] for job in jobs if tuple(job.values()) in known]
    if not records:
        print(f"{options.output} has no results of these settings", file=sys.stderr)
        return 1
    text = summarize(records, environment())
    write_section(options.document, "clean_labels", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
