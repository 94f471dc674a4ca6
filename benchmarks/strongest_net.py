"""How far nets come on the right labels of tables, beside boosted trees.

Plain training of TabularNet and of TabMNet, and scikit-learn's HistGradientBoostingClassifier, on
at most 3,000 rows of the 15 tables. Resumable; the nets' defaults were chosen with seed 9::

    python benchmarks/strongest_net.py --seeds 0
    python benchmarks/strongest_net.py --summary
"""

import argparse
import sys
from itertools import product

import numpy as np
from _common import RESULTS, Stopwatch, load_cell, markdown_table, read_results, run_missing
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import RobustClassifier
from sknoisy.datasets import TABLE_NAMES
from sknoisy.nets import TabMNet, TabularNet

PATH = RESULTS / "strongest_net.jsonl"
KEY = ("table", "seed", "judge", "max_rows")
MAX_ROWS = 3_000


def plain_net(net, seed):
    return RobustClassifier("cross_entropy", net=net, device="cpu", random_state=seed)


JUDGES = {
    "trees": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "TabularNet": lambda seed: plain_net(TabularNet(), seed),
    "TabMNet": lambda seed: plain_net(TabMNet(), seed),
}


def evaluate(table, seed, judge, max_rows):
    """Accuracy on the test rows, and the time of the fit."""
    cell = load_cell(table, "none", seed, max_rows=max_rows)
    model = JUDGES[judge](seed)
    with Stopwatch() as watch:
        model.fit(cell.X, cell.y_clean)
    return {
        "accuracy": float(model.score(cell.X_test, cell.y_test)),
        "cpu_seconds": watch.cpu_seconds,
    }


def summarize(records):
    """Return the figures of every table, means over the seeds, and their means as Markdown."""
    tables = list(dict.fromkeys(record["table"] for record in records))
    cells = {
        (table, judge, figure): np.mean(
            [
                record["figures"][figure]
                for record in records
                if (record["table"], record["judge"]) == (table, judge)
            ]
        )
        for table, judge, figure in product(tables, JUDGES, ("accuracy", "cpu_seconds"))
    }
    rows = [
        [table]
        + [f"{cells[table, judge, 'accuracy']:.3f}" for judge in JUDGES]
        + [f"{cells[table, judge, 'cpu_seconds']:.1f}" for judge in JUDGES]
        for table in tables
    ]
    means = [
        f"{np.mean([cells[table, judge, figure] for table in tables]):.{digits}f}"
        for figure, digits in (("accuracy", 3), ("cpu_seconds", 1))
        for judge in JUDGES
    ]
    header = ["accuracy, then CPU seconds", *JUDGES, *JUDGES]
    return markdown_table(header, [*rows, ["mean", *means]])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", default=list(TABLE_NAMES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--judges", nargs="+", choices=JUDGES, default=list(JUDGES))
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--summary", action="store_true")
    options = parser.parse_args(arguments)
    if options.summary:
        records = read_results(PATH, KEY).values()
        print(summarize([each for each in records if each["seed"] in options.seeds]))
        return 0
    choices = product(options.tables, options.seeds, options.judges, [options.max_rows])
    jobs = [dict(zip(KEY, choice, strict=True)) for choice in choices]
    return int(run_missing(evaluate, jobs, PATH, n_jobs=options.n_jobs, force=options.force) > 0)


if __name__ == "__main__":
    sys.exit(main())
