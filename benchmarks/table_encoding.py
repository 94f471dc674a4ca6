"""The estimators' own encoding of tables against preparations by scikit-learn and skrub.

Tables with strings and missing values, as `held_out.py` finds them, with 10 % pair noise;
accuracy on right labels and AUC of detection by the default classifier, as a Markdown table::

    python benchmarks/table_encoding.py
    python benchmarks/table_encoding.py --tables adult loans --seeds 0 --preparations own
"""

import argparse

import numpy as np
import pandas as pd
from held_out import _read, _split_off, load_loans, load_thyroid, make_preparation
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import RobustClassifier
from sknoisy.noise import flip_pair

MAX_TRAIN_ROWS = 3_000
MAX_TEST_ROWS = 5_000
MIN_ROWS_PER_CLASS = 20
NOISE_RATE = 0.1


def load_adult():
    table = _read("adult-train.csv.gz", header=None, skipinitialspace=True)
    return _split_off(table.rename(columns=str), "14")


def load_hotel_rates():
    """Return the table with its dates, which `held_out.py` leaves out."""
    return _split_off(_read("hotel_rates.csv.gz"), "market_segment", ["rownames"])


def make_skrub_preparation():
    from skrub import TableVectorizer

    return make_pipeline(TableVectorizer(), SimpleImputer(add_indicator=True), StandardScaler())


TABLES = {
    "adult": load_adult,
    "hotel_rates": load_hotel_rates,
    "loans": load_loans,
    "thyroid": load_thyroid,
}
PREPARATIONS = {"own": None, "scikit-learn": make_preparation, "skrub": make_skrub_preparation}


def split(X, y, seed):
    """Return rows to train on, rows to test on and their labels, without rare classes."""
    sizes = pd.Series(y).map(pd.Series(y).value_counts()).to_numpy()
    X, y = X[sizes >= MIN_ROWS_PER_CLASS].reset_index(drop=True), y[sizes >= MIN_ROWS_PER_CLASS]
    n_rows = min(MAX_TRAIN_ROWS, int(0.7 * len(y)))
    X, X_test, y, y_test = train_test_split(X, y, train_size=n_rows, random_state=seed, stratify=y)
    return X, X_test[:MAX_TEST_ROWS], y, y_test[:MAX_TEST_ROWS]


def evaluate(table, seed, preparation):
    X, X_test, y, y_test = split(*TABLES[table](), seed)
    y_noisy, flipped = flip_pair(y, NOISE_RATE, random_state=seed)
    if PREPARATIONS[preparation] is not None:
        transformer = PREPARATIONS[preparation]().fit(X)
        X, X_test = (np.asarray(transformer.transform(rows)) for rows in (X, X_test))
    model = RobustClassifier(random_state=seed).fit(X, y_noisy)
    return model.score(X_test, y_test), roc_auc_score(flipped, -model.label_quality_)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument(
        "--preparations", nargs="+", choices=PREPARATIONS, default=list(PREPARATIONS)
    )
    options = parser.parse_args(arguments)
    print("| table | " + " | ".join(options.preparations) + " |")
    print("|---" * (1 + len(options.preparations)) + "|")
    for table in options.tables:
        cells = []
        for preparation in options.preparations:
            figures = [evaluate(table, seed, preparation) for seed in options.seeds]
            cells.append("{:.3f}, {:.3f}".format(*np.mean(figures, axis=0)))
        print(f"| {table} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
