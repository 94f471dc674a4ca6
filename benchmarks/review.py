"""A person who reviews labels, simulated: five rounds of 50 rows, and what they bring.

The person always tells the right class. Beside the queues of the package stand cleanlab's order of
label quality and ActiveLab's scores, from five folds of boosted trees that aren't trained again.
Results are appended to a file as they come, and what is there is not computed again::

    python benchmarks/review.py --n-jobs 2
    python benchmarks/review.py --summary
"""

import argparse
import copy
import sys
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd
from _common import (
    DOCUMENTS,
    RESULTS,
    environment,
    markdown_table,
    read_results,
    run_missing,
    write_section,
)
from _raw_tables import ALL_TABLES, NOISES, load_raw_cell, noises_of
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sknoisy import NoisyLabelDetector
from sknoisy.tables import TreeEncoder

KEY = ("table", "noise", "seed", "order", "max_rows")
MAX_ROWS = 2000
N_FOLDS = 5
N_ROUNDS = 5
ROWS_PER_ROUND = 50
OPPONENTS = ("cleanlab", "activelab", "random")


def trees(seed):
    return HistGradientBoostingClassifier(random_state=seed)


@lru_cache(maxsize=1)
def read_cell(table, noise, seed, max_rows):
    return load_raw_cell(table, noise, seed, max_rows)


@lru_cache(maxsize=1)
def fitted_detector(table, noise, seed, max_rows):
    cell = read_cell(table, noise, seed, max_rows)
    return NoisyLabelDetector(random_state=seed).fit(cell.X, cell.y_noisy)


@lru_cache(maxsize=1)
def folded_probabilities(table, noise, seed, max_rows):
    cell = read_cell(table, noise, seed, max_rows)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    X = TreeEncoder().fit_transform(cell.X)
    return cross_val_predict(trees(seed), X, cell.y_noisy, cv=folds, method="predict_proba")


# -- reviewers: cell -> (rows of the next round, verdict) after each round ---------------------


class QueueReview:
    """The queues of the package, with one strategy per round."""

    def __init__(self, *strategies):
        self.strategies = strategies

    def start(self, cell, key):
        self.cell, self.model = cell, copy.deepcopy(fitted_detector(*key))

    def next_rows(self, number):
        strategy = self.strategies[min(number, len(self.strategies) - 1)]
        queue = self.model.review_queue(
            ROWS_PER_ROUND, strategy=strategy, random_state=self.cell.seed + number
        )
        return queue["row"].to_numpy()

    def answer(self, rows):
        self.model.apply_review(pd.Series(self.cell.y_clean[rows], index=rows))

    def verdict(self):
        return self.model.noise_mask_

    def figures(self):
        low, high = self.model.noise_rate_interval_
        noise_rate = np.mean(self.cell.flipped)
        return {"covered": float(low <= noise_rate <= high), "width": float(high - low)}


class CleanlabReview:
    """Rows in cleanlab's order of label quality, or of ActiveLab's scores."""

    def __init__(self, *, with_activelab=False):
        self.with_activelab = with_activelab

    def start(self, cell, key):
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        self.cell, self.probabilities = cell, folded_probabilities(*key)
        self.answers = np.full(len(cell.y_noisy), np.nan)
        self.mask = find_label_issues(cell.y_noisy, self.probabilities, n_jobs=1)
        self.scores = get_label_quality_scores(cell.y_noisy, self.probabilities)

    def next_rows(self, number):
        scores = self._activelab_scores() if self.with_activelab else self.scores
        order = np.argsort(scores, kind="stable")
        return order[np.isnan(self.answers[order])][:ROWS_PER_ROUND]

    def _activelab_scores(self):
        from cleanlab.multiannotator import get_active_learning_scores

        labels = np.stack([self.cell.y_noisy.astype(float), self.answers], axis=1)
        labels = labels[:, ~np.isnan(labels).all(axis=0)]
        return get_active_learning_scores(labels, self.probabilities)[0]

    def answer(self, rows):
        self.answers[rows] = self.cell.y_clean[rows]

    def verdict(self):
        reviewed = ~np.isnan(self.answers)
        return np.where(reviewed, self.answers != self.cell.y_noisy, self.mask)

    def figures(self):
        return {}


ORDERS = {
    "suspicious": lambda: QueueReview("suspicious"),
    "informative_first": lambda: QueueReview("informative", "informative", "suspicious"),
    "random": lambda: QueueReview("random"),
    "cleanlab": CleanlabReview,
    "activelab": lambda: CleanlabReview(with_activelab=True),
}


# -- figures -----------------------------------------------------------------------------------


def evaluate_cell(table, noise, seed, order, max_rows):
    """Return labels found, F1 and accuracy over the rounds of one reviewer."""
    key = table, noise, seed, max_rows
    cell, reviewer = read_cell(*key), ORDERS[order]()
    reviewer.start(cell, key)
    figures = {"f1_0": _f1(cell, reviewer), "accuracy_0": _accuracy(cell, cell.y_noisy)}
    corrected, n_found, n_reviewed = cell.y_noisy.copy(), 0, 0
    for number in range(N_ROUNDS):
        rows = reviewer.next_rows(number)
        reviewer.answer(rows)
        corrected[rows] = cell.y_clean[rows]
        n_found, n_reviewed = n_found + int(cell.flipped[rows].sum()), n_reviewed + len(rows)
        figures[f"found_{number + 1}"] = n_found / max(n_reviewed, 1)
        figures[f"f1_{number + 1}"] = _f1(cell, reviewer)
    figures[f"accuracy_{N_ROUNDS}"] = _accuracy(cell, corrected)
    return figures | reviewer.figures() | {"noise_rate": float(cell.flipped.mean())}


def _f1(cell, reviewer):
    return float(f1_score(cell.flipped, reviewer.verdict(), zero_division=0))


def _accuracy(cell, labels):
    encoder = TreeEncoder().fit(cell.X)
    model = trees(cell.seed).fit(encoder.transform(cell.X), labels)
    return float(np.mean(model.predict(encoder.transform(cell.X_test)) == cell.y_test))


# -- the program -------------------------------------------------------------------------------


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    noises = (*NOISES, "human")
    parser.add_argument("--tables", nargs="+", choices=ALL_TABLES, default=ALL_TABLES)
    parser.add_argument("--noises", nargs="+", choices=noises, default=noises)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--output", default=RESULTS / "review.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "review.md", help="where the summary is written"
    )
    options = parser.parse_args(arguments)
    if options.summary:
        return write_summary(options)
    jobs = [
        dict(zip(KEY, (table, noise, seed, order, options.max_rows), strict=True))
        for table, seed in product(options.tables, options.seeds)
        for noise in noises_of(table)
        # Without wrong labels there is nothing to find.
        if noise in options.noises and noise != "none"
        for order in options.orders
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
    write_section(options.document, "review", text)
    print(text)
    return 0


def summarize(frame):
    """Return the figures as Markdown: each order's means, and the suspicious queue's lead."""
    frame["cell"] = frame[["table", "noise", "seed"]].astype(str).agg(" ".join, axis=1)
    # Only cells that all orders have been measured on: a mean over others would compare tables.
    complete = frame.groupby("cell")["order"].transform("nunique") == frame["order"].nunique()
    frame = frame[complete]
    seeds = ", ".join(map(str, sorted(frame["seed"].unique())))
    tables = ", ".join(sorted(frame["table"].unique()))
    head = (
        f"{frame['cell'].nunique()} cells: {tables}. Seeds {seeds}, at most "
        f"{frame['max_rows'].max()} training rows. Packages: "
    )
    head += ", ".join(f"{name} {each}" for name, each in environment().items() if each) + "."
    return "\n\n".join([head, means(frame), leads(frame)])


def means(frame):
    """Return the mean figures of each order."""
    lines = []
    for order in [order for order in ORDERS if order in set(frame["order"])]:
        rows = frame[frame["order"] == order]
        lines.append(
            [
                order,
                *(f"{rows[f'found_{number}'].mean():.3f}" for number in range(1, N_ROUNDS + 1)),
                *(f"{rows[f'f1_{number}'].mean():.3f}" for number in (0, 2, N_ROUNDS)),
                f"{rows['accuracy_0'].mean():.3f}",
                f"{rows[f'accuracy_{N_ROUNDS}'].mean():.3f}",
                *_interval_cells(rows),
            ]
        )
    header = ["order", *(f"found, {ROWS_PER_ROUND * (n + 1)} rows" for n in range(N_ROUNDS))]
    header += [f"F1, {ROWS_PER_ROUND * n} rows" for n in (0, 2, N_ROUNDS)]
    header += ["accuracy, as given", "accuracy, corrected", "interval covers", "width"]
    return markdown_table(header, lines)


def _interval_cells(rows):
    if "covered" not in rows or rows["covered"].isna().all():
        return ["", ""]
    return [f"{rows['covered'].mean():.0%}", f"{rows['width'].mean():.3f}"]


def leads(frame):
    """Return in how many cells the suspicious queue finds as many wrong labels as each other."""
    wide = frame.pivot(index="cell", columns="order")
    lines = []
    for opponent in [each for each in OPPONENTS if each in set(frame["order"])]:
        for number in (1, N_ROUNDS):
            gain = wide[f"found_{number}"]["suspicious"] - wide[f"found_{number}"][opponent]
            lines.append(
                [
                    f"{opponent}, {ROWS_PER_ROUND * number} rows",
                    f"{(gain > 1e-9).mean():.0%}",
                    f"{(gain >= -1e-9).mean():.0%}",
                    f"{gain.mean():+.3f}",
                    f"{gain.min():+.3f} {gain.idxmin()}",
                ]
            )
    header = ["suspicious, against", "cells above", "cells not below", "mean lead", "worst cell"]
    return markdown_table(header, lines)


if __name__ == "__main__":
    sys.exit(main())
