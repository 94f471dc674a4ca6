"""Detection and accuracy on 15 tables with made noise, against plain training and cleanlab.

Every method of `METHODS` is evaluated on every table, kind of noise and seed. Results are appended
to a file as they come, and what is there is not computed again::

    python benchmarks/tables.py --n-jobs 2
    python benchmarks/tables.py --summary
"""

import argparse
import sys
import warnings
from itertools import product

import numpy as np
from _common import (
    DOCUMENTS,
    MAX_TRAIN_ROWS,
    RESULTS,
    Stopwatch,
    detection_figures,
    environment,
    load_cell,
    read_results,
    run_missing,
    write_section,
)
from _tables_summary import summarize
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import TABLE_NAMES
from sknoisy.methods import LSW
from sknoisy.methods import METHODS as KINDS
from sknoisy.nets import TabularNet

KEY = ("table", "noise", "seed", "method", "max_rows", "max_epochs")
NOISE_NAMES = ("symmetric", "pair", "instance")
TRUSTED_SHARE = 0.1
N_FOLDS = 5


# -- one function per method: (cell, shared parameters) -> figures ---------------------------


def classifier(method):
    """Accuracy on clean test rows of a RobustClassifier, and its verdict on the labels."""

    def evaluate(cell, shared):
        model = RobustClassifier(method, **shared)
        with Stopwatch() as watch:
            model.fit(cell.X, cell.y_noisy)
        return {
            "accuracy": model.score(cell.X_test, cell.y_test),
            **detection_figures(cell.flipped, model.noise_mask_, model.label_quality_),
            **times(watch),
        }

    return evaluate


def detector(method):
    """The verdict of a NoisyLabelDetector."""

    def evaluate(cell, shared):
        model = NoisyLabelDetector(method, **shared)
        with Stopwatch() as watch:
            model.fit(cell.X, cell.y_noisy)
        return {
            **detection_figures(cell.flipped, model.noise_mask_, model.label_quality_),
            **times(watch),
            "n_epochs": len(model.history_),
        }

    return evaluate


def trusted_classifier(method, rival="wrong_event"):
    """A RobustClassifier with trusted rows, and a detector given the same rows.

    Detection is measured on the other rows; the figures of the rival carry its name.
    """

    def evaluate(cell, shared):
        trusted = draw_trusted(cell.y_clean, TRUSTED_SHARE, cell.seed)
        y_given = np.where(trusted, cell.y_clean, cell.y_noisy)
        model = RobustClassifier(method, **shared)
        with Stopwatch() as watch:
            model.fit(cell.X, y_given, trusted=trusted)
        other = NoisyLabelDetector(rival, **shared).fit(cell.X, y_given, trusted=trusted)
        rival_figures = figures_of_untrusted(cell, other, trusted)
        return {
            "accuracy": model.score(cell.X_test, cell.y_test),
            **figures_of_untrusted(cell, model, trusted),
            **times(watch),
            **{f"{rival}_{name}": value for name, value in rival_figures.items()},
        }

    return evaluate


def cleanlab(cell, shared):
    """Confident learning on cross-validated probabilities of the same net, and CleanLearning."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with Stopwatch() as watch:
        probabilities = out_of_sample_probabilities(cell, shared)
        noise_mask = find_label_issues(cell.y_noisy, probabilities, n_jobs=1)
        label_quality = get_label_quality_scores(cell.y_noisy, probabilities)
    with Stopwatch() as final_watch:
        model = fit_clean_learning(cell, shared, probabilities)
    return {
        "accuracy": float(np.mean(model.predict(cell.X_test) == cell.y_test)),
        **detection_figures(cell.flipped, noise_mask, label_quality),
        **times(watch),
        "total_seconds": watch.seconds + final_watch.seconds,
    }


METHODS = {
    "cleanlab": cleanlab,
    "wrong_event_detector": detector("wrong_event"),
    "lsw_self_trusted": detector(LSW(self_trusted=0.3)),
    **{
        name: trusted_classifier(name) if kind.needs_trusted else classifier(name)
        for name, kind in KINDS.items()
    },
}
"""What is compared: every method of the package, and the others above."""


# -- parts of them ---------------------------------------------------------------------------


def times(watch):
    return {"seconds": watch.seconds, "cpu_seconds": watch.cpu_seconds}


def figures_of_untrusted(cell, model, trusted):
    return detection_figures(
        cell.flipped[~trusted], model.noise_mask_[~trusted], model.label_quality_[~trusted]
    )


def draw_trusted(y, share, seed):
    """Return a mask of a random share of the rows, with one row of each class at least."""
    order = np.random.RandomState(seed).permutation(len(y))
    trusted = np.zeros(len(y), dtype=bool)
    trusted[order[: int(round(share * len(y)))]] = True
    for label in np.setdiff1d(y, y[trusted]):
        trusted[order[y[order] == label][0]] = True
    return trusted


def out_of_sample_probabilities(cell, shared):
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=cell.seed)
    model = RobustClassifier("cross_entropy", **shared)
    with warnings.catch_warnings():
        # A rare class may have fewer given rows than there are folds.
        warnings.filterwarnings("ignore", message="The least populated class")
        return cross_val_predict(model, cell.X, cell.y_noisy, cv=folds, method="predict_proba")


def fit_clean_learning(cell, shared, probabilities):
    """Fit CleanLearning, given its cross-validated probabilities."""
    from cleanlab.classification import CleanLearning

    model = CleanLearning(
        RobustClassifier("cross_entropy", **shared),
        cv_n_folds=N_FOLDS,
        find_label_issues_kwargs={"n_jobs": 1},
    )
    issues = model.find_label_issues(labels=cell.y_noisy, pred_probs=probabilities)
    flagged = issues["is_label_issue"].to_numpy()
    issues["is_label_issue"] = keep_pairs(flagged, issues["label_quality"], cell.y_noisy)
    return model.fit(cell.X, cell.y_noisy, label_issues=issues)


def keep_pairs(flagged, label_quality, y):
    """Unflag the best rows of a class of which fewer than two would be left to train on."""
    flagged = np.array(flagged)
    best_first = np.argsort(-np.asarray(label_quality), kind="stable")
    for label in np.unique(y):
        if np.sum(~flagged[y == label]) < 2:
            flagged[best_first[y[best_first] == label][:2]] = False
    return flagged


# -- the program -----------------------------------------------------------------------------


def evaluate_cell(table, noise, seed, method, max_rows, max_epochs):
    return evaluate_method(load_cell(table, noise, seed, max_rows=max_rows), method, max_epochs)


def evaluate_method(cell, method, max_epochs):
    # One net for all methods, and no trees beside it.
    shared = {
        "net": TabularNet(),
        "max_epochs": max_epochs,
        "device": "cpu",
        "random_state": cell.seed,
    }
    figures = METHODS[method](cell, shared)
    return figures | {"n_rows": len(cell.y_noisy), "noise_rate": float(cell.flipped.mean())}


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLE_NAMES, default=TABLE_NAMES)
    parser.add_argument("--noises", nargs="+", choices=NOISE_NAMES, default=NOISE_NAMES)
    add_run_options(parser, RESULTS / "tables.jsonl")
    return parser.parse_args(arguments)


def add_run_options(parser, output):
    """Add the options of a run of `METHODS` whose results go to a file."""
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--max-rows", type=int, default=MAX_TRAIN_ROWS)
    parser.add_argument("--max-epochs", type=int, default=None, help="default: the net's own")
    parser.add_argument("--output", default=output)
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    document = DOCUMENTS / f"{output.stem}.md"
    parser.add_argument("--document", default=document, help="where the summary is written")


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.summary:
        return write_summary(options)
    cells = product(options.tables, options.noises, options.seeds, options.methods)
    jobs = [
        dict(zip(KEY, (*cell, options.max_rows, options.max_epochs), strict=True)) for cell in cells
    ]
    n_failed = run_missing(
        evaluate_cell, jobs, options.output, n_jobs=options.n_jobs, force=options.force
    )
    return int(n_failed > 0)


def write_summary(options):
    wanted = {
        "table": options.tables,
        "noise": options.noises,
        "seed": options.seeds,
        "max_rows": [options.max_rows],
        "max_epochs": [options.max_epochs],
    }
    records = [
        record
        for record in read_results(options.output, KEY).values()
        if all(record[name] in values for name, values in wanted.items())
    ]
    if not records:
        print(f"{options.output} has no results of these settings", file=sys.stderr)
        return 1
    text = summarize(records, environment())
    write_section(options.document, "tables", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
