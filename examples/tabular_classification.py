"""Find the suspicious labels of a table, and train a classifier that doesn't believe them.

Your own table, with text columns and missing values as they come::

    python examples/tabular_classification.py --csv customers.csv --target churned

A public table whose labels are made wrong on purpose, so that the verdict can be checked::

    python examples/tabular_classification.py --table digits --noise symmetric --rate 0.4
    python examples/tabular_classification.py --noise pair --rate 0.4 \\
        --method lsw --trusted-share 0.1
    python examples/tabular_classification.py --noise symmetric --rate 0.3 \\
        --final-estimator hist_gradient_boosting
"""

import argparse
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sknoisy import RobustClassifier
from sknoisy.datasets import TABLE_NAMES, fetch_table
from sknoisy.methods import METHODS
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_instance_dependent, flip_pair, flip_symmetric

BUILT_IN_TABLES = {"breast_cancer": load_breast_cancer, "digits": load_digits}
FINAL_ESTIMATORS = {
    "hist_gradient_boosting": HistGradientBoostingClassifier,
    "logistic_regression": LogisticRegression,
    "random_forest": RandomForestClassifier,
}
# Fewer could not be split into a training and a held-out part that both have two.
MIN_ROWS_PER_CLASS = 4
MAX_CATEGORIES = 50
FINALS = ("auto", "method", "weight", "filter", "filter_weight")
SELF_TRUSTED_SHARE = 0.2
SHOWN_ROWS = 10
SHOWN_CLASSES = 12


# -- data ----------------------------------------------------------------------------------------


@dataclass
class Table:
    """Columns, given labels and which of these are trusted; `flipped` where the truth is known."""

    X: pd.DataFrame
    y: pd.Series
    trusted: pd.Series
    flipped: pd.Series | None = None

    def take(self, rows):
        parts = (self.X, self.y, self.trusted, self.flipped)
        return Table(*(None if part is None else part.loc[rows] for part in parts))


def load_table(arguments):
    """Read the table that the arguments name; drop rows that can't be learnt from."""
    if arguments.csv is not None:
        frame = pd.read_csv(arguments.csv, sep=arguments.separator)
        check_columns(frame, arguments)
        X, y = frame.drop(columns=arguments.target), frame[arguments.target]
    elif arguments.table in BUILT_IN_TABLES:
        X, y = BUILT_IN_TABLES[arguments.table](return_X_y=True, as_frame=True)
    else:
        X, y = fetch_table(arguments.table, return_X_y=True)
        y = pd.Series(y, index=X.index, name="target")
    trusted = pd.Series(False, index=X.index)
    if arguments.trusted_column is not None:
        trusted = X[arguments.trusted_column].fillna(0).astype(bool)
        X = X.drop(columns=arguments.trusted_column)
    return drop_unusable_rows(Table(X, y, trusted))


def check_columns(frame, arguments):
    for name in (arguments.target, arguments.trusted_column):
        if name is not None and name not in frame:
            raise SystemExit(
                f"{arguments.csv} has no column {name!r}. It has {list(frame.columns)}."
            )


def drop_unusable_rows(table):
    """Drop rows without a label, and classes too rare to be split."""
    n_rows_of_class = table.y.map(table.y.value_counts())
    usable = table.y.notna() & (n_rows_of_class >= MIN_ROWS_PER_CLASS)
    if not usable.all():
        print(
            f"Left out {(~usable).sum():,} rows that have no label, or a class of fewer than "
            f"{MIN_ROWS_PER_CLASS} rows."
        )
    return table.take(usable)


def split(table, test_size, random_state):
    """Return the training part and the held-out part; None where nothing is held out."""
    if not test_size:
        return table, None
    training, held_out = train_test_split(
        table.y.index, test_size=test_size, stratify=table.y, random_state=random_state
    )
    return table.take(training), table.take(held_out)


def make_wrong(table, kind, rate, trusted_share, random_state):
    """Make labels wrong on purpose; trusted rows keep theirs."""
    if kind == "instance":
        features = make_preprocessor().fit_transform(table.X)
        y, _ = flip_instance_dependent(features, table.y, rate, random_state=random_state)
    else:
        flip = {"symmetric": flip_symmetric, "pair": flip_pair}[kind]
        y, _ = flip(table.y, rate, random_state=random_state)
    trusted = table.trusted
    if trusted_share:
        rows, _ = train_test_split(
            table.y.index, train_size=trusted_share, stratify=table.y, random_state=random_state
        )
        trusted = trusted | trusted.index.isin(rows)
    y = table.y.where(trusted, pd.Series(np.asarray(y), index=table.y.index))
    return Table(table.X, y, trusted, flipped=y != table.y)


# -- models --------------------------------------------------------------------------------------


def as_text(columns):
    """Turn values into text, so that booleans and mixed columns are categories too."""
    return columns.astype(object).where(columns.isna(), columns.astype(str))


def make_preprocessor():
    """Return a transformer from columns of any kind to numbers."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    texts = make_pipeline(
        FunctionTransformer(as_text, feature_names_out="one-to-one"),
        SimpleImputer(strategy="constant", fill_value="missing", keep_empty_features=True),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=MAX_CATEGORIES,
            sparse_output=False,
        ),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("texts", texts, make_column_selector(dtype_exclude="number")),
        ]
    )


def make_final_estimator(name, random_state):
    return None if name is None else FINAL_ESTIMATORS[name](random_state=random_state)


def make_robust_classifier(arguments, trusted):
    method = arguments.method
    if METHODS[method].needs_trusted and not trusted.any():
        print(
            f"No row is trusted, so {method} takes the {SELF_TRUSTED_SHARE:.0%} of the rows of "
            "each class that look best as stand-ins."
        )
        method = METHODS[method](self_trusted=SELF_TRUSTED_SHARE)
    return RobustClassifier(
        method,
        final=arguments.final,
        final_estimator=make_final_estimator(arguments.final_estimator, arguments.random_state),
        max_epochs=arguments.max_epochs,
        random_state=arguments.random_state,
    )


def make_plain_classifier(arguments):
    """Return the same classifier, trained on the labels as they are."""
    estimator = make_final_estimator(arguments.final_estimator, arguments.random_state)
    if estimator is not None:
        return estimator
    return RobustClassifier(
        "cross_entropy", max_epochs=arguments.max_epochs, random_state=arguments.random_state
    )


def fit(classifier, table, **fit_params):
    """Fit a classifier behind the preprocessor."""
    model = Pipeline([("columns", make_preprocessor()), ("classifier", classifier)])
    named = {f"classifier__{name}": value for name, value in fit_params.items()}
    return model.fit(table.X, table.y, **named)


# -- what was found ------------------------------------------------------------------------------


def print_suspicious_rows(issues, flipped):
    shown = issues.sort_values("rank").head(SHOWN_ROWS)
    shown = shown[["given_label", "suggested_label", "label_quality"]]
    if flipped is not None:
        shown = shown.assign(is_wrong=flipped.loc[shown.index])
    print(f"\nThe {len(shown)} most suspicious rows (by row number in the table):")
    print(shown.to_string(float_format="{:.4f}".format))


def print_transition_matrix(model):
    matrix = pd.DataFrame(
        model.transition_matrix_,
        index=pd.Index(model.classes_, name="true"),
        columns=pd.Index(model.classes_, name="given"),
    )
    print("\nEstimated share of each given label among the rows of a true class:")
    if len(matrix) <= SHOWN_CLASSES:
        print(matrix.to_string(float_format="{:.2f}".format))
        return
    mistakes = matrix.where(~np.eye(len(matrix), dtype=bool)).stack().nlargest(SHOWN_CLASSES)
    print(mistakes.to_string(float_format="{:.2f}".format))


def print_detection(table, model):
    judged = ~table.trusted.to_numpy()
    found = noise_detection_report(
        table.flipped[judged], model.noise_mask_[judged], model.label_quality_[judged]
    )
    figures = ", ".join(
        f"{name} {found[key]:.3f}"
        for name, key in (("FDR", "fdr"), ("recall", "recall"), ("F1", "f1"), ("AUC", "auc"))
    )
    print(f"\nDetection: {table.flipped.mean():.1%} of the labels were made wrong. {figures}")


def print_accuracy(robust, plain, held_out, labels_are_noisy):
    print(f"\nAccuracy on {len(held_out.y):,} held-out rows:")
    print(f"  plain training  {plain.score(held_out.X, held_out.y):.3f}")
    print(f"  robust          {robust.score(held_out.X, held_out.y):.3f}")
    if labels_are_noisy:
        print("  The held-out labels are as wrong as the others, so both figures are too low, and")
        print("  a model that repeats the mistakes looks better than it is.")


def write_results(issues, model, flipped, path):
    """Write the verdict on every row, and the histogram of label quality beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    issues.sort_values("rank").to_csv(path, index_label="row")
    print(f"\nVerdict on every training row: {path}")
    if find_spec("matplotlib") is None:
        print("matplotlib isn't installed, so there is no histogram: pip install matplotlib")
        return
    import matplotlib

    matplotlib.use("Agg")
    from sknoisy.display import LabelQualityDisplay

    mask = None if flipped is None else flipped.to_numpy()
    display = LabelQualityDisplay.from_estimator(model, flipped=mask)
    picture = path.with_suffix(".png")
    display.figure_.savefig(picture, dpi=130)
    print(f"Histogram of label quality: {picture}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tables = [*BUILT_IN_TABLES, *TABLE_NAMES]
    add = parser.add_argument
    add("--csv", type=Path, help="your own table")
    add("--separator", default=",", help="between the columns of the CSV file")
    add("--target", help="column of the CSV file that holds the labels")
    add("--trusted-column", help="column that tells which labels are known to be right (0 or 1)")
    add("--table", choices=tables, default="breast_cancer", help="a public table instead")
    add("--noise", choices=("symmetric", "pair", "instance"), help="make labels wrong on purpose")
    add("--rate", type=float, default=0.3, help="share of labels to make wrong")
    add("--trusted-share", type=float, default=0.0, help="with --noise: share left right, and told")
    add("--method", choices=sorted(METHODS), default="wrong_event")
    add("--final", choices=FINALS, default="auto")
    add("--final-estimator", choices=sorted(FINAL_ESTIMATORS), help="in place of the net")
    add("--max-epochs", type=int)
    add("--test-size", type=float, default=0.25, help="share of rows held out; 0 judges all rows")
    add("--random-state", type=int, default=0)
    add("--output", type=Path, default=Path("demo/label_issues.csv"))
    arguments = parser.parse_args()
    if (arguments.csv is None) != (arguments.target is None):
        parser.error("--csv and --target go together")
    if arguments.trusted_column is not None and arguments.csv is None:
        parser.error("--trusted-column is a column of the CSV file: give --csv too")
    if arguments.trusted_share and arguments.noise is None:
        parser.error("--trusted-share needs --noise; real trusted rows go into --trusted-column")
    return arguments


def main():
    arguments = parse_arguments()
    # A net this small trains faster on one core than on cores that wait for each other.
    torch.set_num_threads(1)
    table = load_table(arguments)
    training, held_out = split(table, arguments.test_size, arguments.random_state)
    if arguments.noise is not None:
        training = make_wrong(
            training,
            arguments.noise,
            arguments.rate,
            arguments.trusted_share,
            arguments.random_state,
        )
    trusted = training.trusted.to_numpy()
    pipeline = fit(make_robust_classifier(arguments, trusted), training, trusted=trusted)
    model = pipeline["classifier"]
    issues = model.get_label_issues()
    print(
        f"{len(issues):,} training rows, {len(model.classes_)} classes: "
        f"{model.noise_mask_.mean():.1%} of the labels are judged wrong."
    )
    if training.flipped is not None:
        print_detection(training, model)
    print_suspicious_rows(issues, training.flipped)
    print_transition_matrix(model)
    if held_out is not None:
        plain = fit(make_plain_classifier(arguments), training)
        print_accuracy(pipeline, plain, held_out, labels_are_noisy=training.flipped is None)
    write_results(issues, model, training.flipped, arguments.output)


if __name__ == "__main__":
    main()
