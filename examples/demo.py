"""Find wrong labels and learn in spite of them: four ways side by side, in about a minute.

The data are real: scikit-learn's handwritten digits and, where the data home has it already, the
table `letter` (printed capitals, described by 16 numbers each). 40 % of the training labels are
made wrong on purpose, so that it is known which; the test rows keep their right labels. Each way
trains on the wrong labels, says which of them it takes for wrong, and is scored on the test rows.

Run it with::

    python examples/demo.py
"""

import argparse
import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from sklearn.datasets import get_data_home, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import fetch_table
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric

TABLE, TABLE_ROWS = "letter", 6000
TEST_SHARE = 0.3
TRUSTED_SHARE = 0.1
QUICK_EPOCHS = 6

HEADINGS = ("accuracy", "FDR", "recall", "F1", "AUC", "seconds")
LEGEND = f"""\
accuracy  on the test rows, whose labels are right
FDR       share of the flagged labels that are right after all (less is better)
recall    share of the wrong labels that are flagged
F1        harmonic mean of 1 - FDR and recall
AUC       chance that a wrong label gets a lower quality than a right one
seconds   wall time of the whole fit, that of the final classifier included
* LSW is told the right labels of {TRUSTED_SHARE:.0%} of the training rows, the others get no such
  help; its detection is measured on the rest."""


# -- data ----------------------------------------------------------------------------------------


@dataclass
class Task:
    """Training rows with known wrong labels, and test rows whose labels are right."""

    name: str
    X: np.ndarray
    y_true: np.ndarray
    y_given: np.ndarray
    flipped: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def describe(self):
        n_rows, n_wrong = len(self.X), int(self.flipped.sum())
        return (
            f"{self.name}: {n_rows:,} training rows, {n_wrong:,} of them with a wrong label "
            f"({n_wrong / n_rows:.1%}); {len(self.X_test):,} test rows"
        )


def make_task(name, X, y, noise_rate, random_state):
    """Hold out test rows, then make training labels wrong."""
    X = np.asarray(X, dtype=np.float32)
    X, X_test, y_true, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, stratify=y, random_state=random_state
    )
    y_given, flipped = flip_symmetric(y_true, noise_rate, random_state=random_state)
    return Task(name, X, y_true, y_given, flipped, X_test, y_test)


def load_digits_task(noise_rate, random_state):
    return make_task("digits", *load_digits(return_X_y=True), noise_rate, random_state)


def load_table_tasks(noise_rate, random_state):
    """Return the larger table where no download is needed, else nothing."""
    data_home = Path(os.environ.get("SKNOISY_DATA") or get_data_home()).expanduser()
    if not (data_home / "tabular" / f"{TABLE}.tsv.gz").is_file():
        print(f"The data home has no table '{TABLE}', so the digits stand alone.")
        return []
    X, y = fetch_table(TABLE, data_home=data_home, return_X_y=True)
    X, _, y, _ = train_test_split(
        X, y, train_size=TABLE_ROWS, stratify=y, random_state=random_state
    )
    # Confident learning takes the classes 0, 1, 2, ... only.
    y = LabelEncoder().fit_transform(y)
    return [make_task(TABLE, X, y, noise_rate, random_state)]


# -- the ways to train ---------------------------------------------------------------------------


def measure(task, model, fit, read_verdict, judged=None):
    """Fit a model; return its row of the table, with detection on the judged rows (None: all)."""
    start = time.perf_counter()
    fit(model)
    seconds = time.perf_counter() - start
    noise_mask, label_quality = read_verdict(model)
    judged = np.ones(len(task.X), dtype=bool) if judged is None else judged
    found = noise_detection_report(task.flipped[judged], noise_mask[judged], label_quality[judged])
    accuracy = model.score(task.X_test, task.y_test)
    return [accuracy, found["fdr"], found["recall"], found["f1"], found["auc"], seconds]


def own_verdict(model):
    return model.noise_mask_, model.label_quality_


def try_plain_training(task, settings):
    """Trust every label."""
    model = RobustClassifier("cross_entropy", **settings)
    return measure(task, model, lambda m: m.fit(task.X, task.y_given), own_verdict)


def try_confident_learning(task, settings):
    """Let cleanlab prune what cross-validation contradicts; same net, five folds."""
    from cleanlab.classification import CleanLearning

    model = CleanLearning(
        RobustClassifier("cross_entropy", **settings),
        cv_n_folds=5,
        seed=settings["random_state"],
        find_label_issues_kwargs={"n_jobs": 1},
    )

    def read_verdict(model):
        # Columns that cleanlab fills by find_label_issues and get_label_quality_scores.
        issues = model.get_label_issues()
        return issues["is_label_issue"].to_numpy(), issues["label_quality"].to_numpy()

    return measure(task, model, lambda m: m.fit(task.X, task.y_given), read_verdict)


def try_wrong_event(task, settings):
    """Count how often the net contradicts a label while it learns."""
    model = RobustClassifier("wrong_event", **settings)
    return measure(task, model, lambda m: m.fit(task.X, task.y_given), own_verdict)


def try_lsw(task, settings):
    """Learn a weight for every row that makes the trusted rows come out right."""
    trusted = draw_trusted_rows(task.y_true, settings["random_state"])
    y_given = np.where(trusted, task.y_true, task.y_given)
    model = RobustClassifier("lsw", **settings)
    return measure(
        task, model, lambda m: m.fit(task.X, y_given, trusted=trusted), own_verdict, ~trusted
    )


def draw_trusted_rows(y, random_state):
    """Return a mask of rows of all classes."""
    rows, _ = train_test_split(
        np.arange(len(y)), train_size=TRUSTED_SHARE, stratify=y, random_state=random_state
    )
    return np.isin(np.arange(len(y)), rows)


WAYS = {
    "plain training": try_plain_training,
    "confident learning": try_confident_learning,
    "wrong event": try_wrong_event,
    "LSW, 10 % trusted *": try_lsw,
}


def run_all(tasks, ways, settings):
    """Return a table per task: the figures of each way, by name."""
    tables = {task.name: {} for task in tasks}
    steps = [(task, name) for task in tasks for name in ways]
    for task, name in track(steps, description="Trainings", transient=True):
        tables[task.name][name] = ways[name](task, settings)
    return tables


# -- what is shown -------------------------------------------------------------------------------


def print_tables(tasks, tables):
    for task in tasks:
        print(f"\n{task.describe()}")
        print(f"{'':20}" + "".join(f"{heading:>10}" for heading in HEADINGS))
        for name, (*shares, seconds) in tables[task.name].items():
            cells = [*(f"{share:.3f}" for share in shares), f"{seconds:.1f}"]
            print(f"{name:20}" + "".join(f"{cell:>10}" for cell in cells))
    print(f"\n{LEGEND}")


def draw_picture(task, detector, path):
    """Draw the label quality of all digits, and the digits that are most suspicious."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(13.0, 7.0), layout="constrained")
    found = noise_detection_report(task.flipped, detector.noise_mask_)
    figure.suptitle(
        f"NoisyLabelDetector on digits, {task.flipped.mean():.0%} of the labels wrong: it finds "
        f"{found['recall']:.0%} of these, and {found['fdr']:.0%} of its flags are false",
        fontsize=14,
        fontweight="bold",
    )
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1.0), wspace=0.06)
    draw_label_quality(left, task, detector)
    draw_suspicious_digits(right, task, detector)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def draw_label_quality(figure, task, detector):
    from sknoisy.display import LabelQualityDisplay

    figure.suptitle("How likely each label is right", fontsize=12)
    LabelQualityDisplay.from_estimator(detector, flipped=task.flipped, ax=figure.subplots())


def draw_suspicious_digits(figure, task, detector):
    from sknoisy.display import plot_suspicious_images

    figure.suptitle("Most suspicious: given → suggested (✓ wrong, ✗ right)", fontsize=12)
    plot_suspicious_images(
        1 - task.X.reshape(-1, 8, 8) / 16,
        task.y_given,
        detector.suggested_labels_,
        detector.label_quality_,
        wrong=task.flipped,
        axes=figure.subplots(4, 4),
    )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo/sknoisy_demo.png"))
    parser.add_argument("--noise-rate", type=float, default=0.4)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="digits only, fewer epochs")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # Nets this small train several times faster on one core than on cores that wait for each other.
    torch.set_num_threads(1)
    settings = {"random_state": arguments.random_state, "device": "cpu"}
    tasks = [load_digits_task(arguments.noise_rate, arguments.random_state)]
    if arguments.quick:
        settings["max_epochs"] = QUICK_EPOCHS
    else:
        tasks += load_table_tasks(arguments.noise_rate, arguments.random_state)
    ways = dict(WAYS)
    if find_spec("cleanlab") is None:
        print("cleanlab isn't installed, so confident learning is left out: pip install cleanlab")
        del ways["confident learning"]
    print_tables(tasks, run_all(tasks, ways, settings))
    if find_spec("matplotlib") is None:
        print("\nmatplotlib isn't installed, so there is no picture: pip install matplotlib")
        return
    detector = NoisyLabelDetector(**settings).fit(tasks[0].X, tasks[0].y_given)
    draw_picture(tasks[0], detector, arguments.output)
    print(f"\nPicture of the digits, judged by a NoisyLabelDetector: {arguments.output}")


if __name__ == "__main__":
    main()
