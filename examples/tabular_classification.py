"""Find the suspicious labels of a CSV file, and train a classifier that doesn't believe them.

Columns of texts, dates and missing values are taken as they come::

    python examples/tabular_classification.py --csv customers.csv --target churned

A column may tell which labels are known to be right; some methods need it::

    python examples/tabular_classification.py --csv customers.csv --target churned \\
        --trusted-column checked --method lsw
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from sknoisy import RobustClassifier
from sknoisy.methods import METHODS

# Fewer could not be split into a training and a held-out part that both have two.
MIN_ROWS_PER_CLASS = 4


def read_rows(arguments):
    """Return columns, labels and which of these are trusted."""
    table = pd.read_csv(arguments.csv, sep=arguments.separator)
    for name in {arguments.target, arguments.trusted_column} - {None, *table}:
        raise SystemExit(f"{arguments.csv} has no column {name!r}. It has {list(table)}.")
    labels = table.pop(arguments.target)
    usable = labels.map(labels.value_counts()) >= MIN_ROWS_PER_CLASS
    print(f"Left out {(~usable).sum():,} rows without a label, or of a class of too few rows.")
    trusted = pd.Series(False, index=table.index)
    if arguments.trusted_column is not None:
        trusted = table.pop(arguments.trusted_column).fillna(0).astype(bool)
    return table[usable], labels[usable], trusted[usable]


def draw_label_quality(model, path):
    import matplotlib

    matplotlib.use("Agg")
    from sknoisy.display import LabelQualityDisplay

    LabelQualityDisplay.from_estimator(model).figure_.savefig(path, dpi=130)
    print(f"Histogram of label quality: {path}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--csv", type=Path, required=True)
    add("--target", required=True, help="column that holds the labels")
    add("--separator", default=",", help="between the columns of the file")
    add("--trusted-column", help="column that tells which labels are known to be right (0 or 1)")
    add("--method", choices=sorted(METHODS), default="wrong_event")
    add("--max-epochs", type=int)
    add("--test-size", type=float, default=0.25, help="share of the rows to hold out")
    add("--random-state", type=int, default=0)
    add("--output", type=Path, default=Path("demo/label_issues.csv"))
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    X, y, trusted = read_rows(arguments)
    X, X_test, y, y_test, trusted, _ = train_test_split(
        X, y, trusted, test_size=arguments.test_size, stratify=y, random_state=0
    )
    model = RobustClassifier(
        arguments.method, max_epochs=arguments.max_epochs, random_state=arguments.random_state
    )
    model.fit(X, y, trusted=trusted)

    issues = model.get_label_issues().sort_values("rank")
    print(f"{len(X):,} rows: {issues['is_noise'].mean():.1%} of the labels are judged wrong.")
    shown = issues[["given_label", "suggested_label", "label_quality"]].head(10)
    print(f"The most suspicious rows:\n{shown.join(X)}")
    print(f"Accuracy on {len(X_test):,} held-out rows: {model.score(X_test, y_test):.3f}, where")
    print("the labels are as wrong as the others, so that the figure is too low.")

    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    issues.to_csv(arguments.output, index_label="row")
    print(f"Verdict on every training row: {arguments.output}")
    if find_spec("matplotlib") is None:
        print("matplotlib isn't installed, so there is no histogram: pip install matplotlib")
    else:
        draw_label_quality(model, arguments.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
