"""Detection and accuracy on data that no default was chosen on, by the methods of `tables.py`.

Four tables with strings and missing values, prepared as a user would, with made noise; and the
images of LabelMe, whose wrong labels are those of people. The files are looked for in the data
home, which `SKNOISY_DATA` names, and aren't downloaded; benchmarks/README.md tells where they come
from. Results are appended to a file as they come, and what is there is not computed again::

    python benchmarks/held_out.py --n-jobs 2
    python benchmarks/held_out.py --summary
"""

import argparse
import sys

import numpy as np
import pandas as pd
from _common import RESULTS, Cell, environment, make_cell, read_results, run_missing, write_section
from _tables_summary import (
    ACCURACY_COLUMNS,
    DETECTION_COLUMNS,
    OTHER_METHODS,
    cells_table,
    criteria_table,
    gains_table,
    runs_frame,
)
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import KEY, NOISE_NAMES, add_run_options, evaluate_method

from sknoisy.datasets._home import find_data_home

HUMAN = "human"
MAX_CATEGORIES = 50


# -- data ------------------------------------------------------------------------------------


def _read(name, **settings):
    return pd.read_csv(find_data_home() / "tabular_raw" / name, **settings)


def _split_off(table, label, dropped=()):
    return table.drop(columns=[label, *dropped]), table[label].to_numpy(dtype=str)


def load_dry_bean():
    return _split_off(_read("Dry_Bean_Dataset.csv.gz"), "Class")


def load_hotel_rates():
    return _split_off(_read("hotel_rates.csv.gz"), "market_segment", ["rownames", "arrival_date"])


def load_loans():
    return _split_off(
        _read("loans_full_schema.csv.gz"), "grade", ["rownames", "sub_grade", "interest_rate"]
    )


def load_thyroid():
    table = _read("thyroid0387.data.gz", sep="\t", header=None, na_values="?")
    return _split_off(table.rename(columns=str), str(table.columns[-1]))


TABLES = {
    "dry_bean": load_dry_bean,
    "hotel_rates": load_hotel_rates,
    "loans": load_loans,
    "thyroid": load_thyroid,
}
CELLS = [*((table, noise) for table in TABLES for noise in NOISE_NAMES), ("labelme", HUMAN)]


def load_cell(table, noise, seed, max_rows):
    if table == "labelme":
        return load_labelme(seed, max_rows)
    return make_cell(*TABLES[table](), noise, seed, max_rows, make_preparation())


def make_preparation():
    """Return what turns a frame of numbers and strings into numbers."""
    numeric = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categorical = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES, sparse_output=False
    )
    return make_column_transformer(
        (numeric, make_column_selector(dtype_include="number")),
        (categorical, make_column_selector(dtype_exclude="number")),
    )


def load_labelme(seed, max_rows):
    """Return features of the training images with the majority of each one's answers."""
    folder = find_data_home() / "crowd_labelme"
    X, X_test = (np.load(folder / f"LabelMe_VGG_avg_{part}.npy") for part in ("train", "test"))
    y, y_test = (
        np.loadtxt(folder / f"LabelMe_Z_{part}.txt").astype(int) for part in ("train", "test")
    )
    answers = np.loadtxt(folder / "answers.txt").astype(int)
    votes = np.stack([(answers == label).sum(axis=1) for label in range(y.max() + 1)], axis=1)
    # Less than half a vote, so that chance decides between equal numbers only.
    ties = np.random.RandomState(seed).random_sample(votes.shape) / 2
    y_noisy = (votes + ties).argmax(axis=1)
    X, y, y_noisy = X[:max_rows], y[:max_rows], y_noisy[:max_rows]
    return Cell(X, y, y_noisy, y_noisy != y, X_test, y_test, seed)


# -- evaluation ------------------------------------------------------------------------------


def evaluate(table, noise, seed, method, max_rows, max_epochs):
    return evaluate_method(load_cell(table, noise, seed, max_rows), method, max_epochs)


def summarize(records, versions):
    runs = runs_frame(records)
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    parts = [
        "## Data that no default was chosen on",
        f"{len(runs)} runs: tables x kinds of noise x seeds. {shown}.",
        criteria_table(runs),
        gains_table(runs),
        cells_table(runs, DETECTION_COLUMNS),
        cells_table(runs, ACCURACY_COLUMNS),
    ]
    others = {name: (name, "accuracy") for name in OTHER_METHODS}
    others = {name: column for name, column in others.items() if column in runs.columns}
    if others:
        parts.append(cells_table(runs, others))
    return "\n\n".join(parts)


# -- the program -----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tables = [*TABLES, "labelme"]
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    add_run_options(parser, RESULTS / "held_out.jsonl")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    n_failed = 0
    if not options.summary:
        jobs = [
            dict(zip(KEY, (*cell, seed, method, options.max_rows, options.max_epochs), strict=True))
            for cell in CELLS
            if cell[0] in options.tables
            for seed in options.seeds
            for method in options.methods
        ]
        n_failed = run_missing(
            evaluate, jobs, options.output, n_jobs=options.n_jobs, force=options.force
        )
    records = list(read_results(options.output, KEY).values())
    if not records:
        print(f"{options.output} has no results", file=sys.stderr)
        return 1
    text = summarize(records, environment())
    print(text)
    if options.summary:
        write_section(options.document, "held_out", text)
    return int(n_failed > 0)


if __name__ == "__main__":
    sys.exit(main())
