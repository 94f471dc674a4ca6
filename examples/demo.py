"""Find wrong labels in a table and in images, and learn in spite of them: about a minute.

First a table of bookings with strings, dates and missing values, 15 % of whose labels are wrong.
What is found there is written as a report to be opened in the browser. Then handwritten digits with
40 % wrong labels: four ways to train side by side, and a picture of what wrong event found. The
labels are made wrong here, so it is known which are. Nothing is downloaded.

Run it with::

    python examples/demo.py
"""

import argparse
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import numpy as np
import torch
from rich.progress import track
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import make_bookings
from sknoisy.display import LabelQualityDisplay, plot_suspicious_images
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.report import LabelQualityReport

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

BOOKINGS, QUICK_BOOKINGS, SHARE_OF_WRONG_BOOKINGS = 2000, 500, 0.15
TEST_SHARE = 0.3
TRUSTED_SHARE = 0.1
QUICK_EPOCHS = 6
N_SHOWN = 16

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


# -- a table, to the report ----------------------------------------------------------------------


def judge_bookings(n_rows, random_state, page):
    """Find the wrong labels of a table, say how many there are, and write the report."""
    bookings, purposes = make_bookings(n_rows, random_state=random_state)
    given, flipped = flip_symmetric(purposes, SHARE_OF_WRONG_BOOKINGS, random_state=random_state)
    print(f"A table of {n_rows:,} bookings with strings, dates and gaps. What was the journey for?")
    start = time.perf_counter()
    detector = NoisyLabelDetector(random_state=random_state, device="cpu").fit(bookings, given)
    seconds = time.perf_counter() - start

    low, high = detector.noise_rate_interval_
    print(f"{detector.noise_rate_:.1%} of the labels are wrong, between {low:.1%} and {high:.1%};")
    print(f"in truth {flipped.mean():.1%} are. The most suspicious:\n")
    issues = detector.get_label_issues().sort_values("rank").head(5)
    columns = ["given_label", "suggested_label", "label_quality"]
    shown = issues[columns].join(bookings[["nights", "guests", "channel", "wish"]])
    print(shown.to_string(float_format="{:.3f}".format))
    found = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
    print(f"\n{found['recall']:.0%} of the wrong labels are found, {found['fdr']:.0%} of the flags")
    print(f"are false alarms. AUC {found['auc']:.3f}, {seconds:.0f} seconds.")

    page.parent.mkdir(parents=True, exist_ok=True)
    LabelQualityReport(detector, bookings, given, truth=purposes).write_html(page)
    print(f"Open the report in a browser: {page}")


# -- digits --------------------------------------------------------------------------------------


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


def load_task(noise_rate, random_state):
    """Hold out test rows of the digits, then make training labels wrong."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y_true, y_test = train_test_split(
        X.astype(np.float32), y, test_size=TEST_SHARE, stratify=y, random_state=random_state
    )
    y_given, flipped = flip_symmetric(y_true, noise_rate, random_state=random_state)
    return Task("Digits", X, y_true, y_given, flipped, X_test, y_test)


# -- the ways to train ---------------------------------------------------------------------------


def measure(task, model, fit, read_verdict, judged=None):
    """Fit a model; return its row of the table and itself. Detection is that of `judged` rows."""
    start = time.perf_counter()
    fit(model)
    seconds = time.perf_counter() - start
    noise_mask, label_quality = read_verdict(model)
    judged = np.ones(len(task.X), dtype=bool) if judged is None else judged
    found = noise_detection_report(task.flipped[judged], noise_mask[judged], label_quality[judged])
    accuracy = model.score(task.X_test, task.y_test)
    return [accuracy, found["fdr"], found["recall"], found["f1"], found["auc"], seconds], model


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


PICTURED = "wrong event"
WAYS = {
    "plain training": try_plain_training,
    "confident learning": try_confident_learning,
    PICTURED: try_wrong_event,
    "LSW, 10 % trusted *": try_lsw,
}


def run_all(task, ways, settings):
    """Return the figures of each way to train, by name, and the models."""
    figures, models = {}, {}
    for name in track(ways, "Digits", transient=True):
        figures[name], models[name] = ways[name](task, settings)
    return figures, models


# -- what is shown -------------------------------------------------------------------------------


def print_table(task, figures):
    print(f"\n{task.describe()}")
    print(f"{'':20}" + "".join(f"{heading:>10}" for heading in HEADINGS))
    for name, (*shares, seconds) in figures.items():
        cells = [*(f"{share:.3f}" for share in shares), f"{seconds:.1f}"]
        print(f"{name:20}" + "".join(f"{cell:>10}" for cell in cells))
    print(f"\n{LEGEND}")


def draw_picture(task, model, path, dpi):
    """Draw the label quality of all digits, and some of those that are judged wrong."""
    figure = pyplot.figure(figsize=(13.0, 7.2), layout="constrained")
    found = noise_detection_report(task.flipped, model.noise_mask_)
    figure.suptitle(
        f"RobustClassifier() on digits, {task.flipped.mean():.0%} of the labels wrong: it finds "
        f"{found['recall']:.0%} of these, and {found['fdr']:.0%} of its flags are false",
        fontsize=14,
        fontweight="bold",
    )
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1.0), wspace=0.06)
    left.suptitle("How likely each label is right", fontsize=12)
    LabelQualityDisplay.from_estimator(model, flipped=task.flipped, ax=left.subplots())
    right.suptitle("Judged wrong, from sure to doubtful (✓ it is, ✗ it isn't)", fontsize=12)
    draw_digits(right, task, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    pyplot.close(figure)


def draw_digits(figure, task, model):
    rows = from_sure_to_doubtful(model.label_quality_, np.flatnonzero(model.noise_mask_), N_SHOWN)
    plot_suspicious_images(
        1 - task.X[rows].reshape(-1, 8, 8) / 16,
        task.y_given[rows],
        model.suggested_labels_[rows],
        model.label_quality_[rows],
        wrong=task.flipped[rows],
        row_labels=rows,
        axes=figure.subplots(4, 4),
    )


def from_sure_to_doubtful(quality, rows, n_rows):
    """Return some rows whose qualities lie as evenly apart as can be."""
    left = list(rows)
    chosen = []
    for target in np.linspace(quality[rows].min(), quality[rows].max(), min(n_rows, len(rows))):
        nearest = left[np.abs(quality[left] - target).argmin()]
        left.remove(nearest)
        chosen.append(nearest)
    return np.array(chosen)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--output", type=Path, default=Path("demo"), help="folder for report and picture")
    add("--noise-rate", type=float, default=0.4, help="of the digits")
    add("--random-state", type=int, default=0)
    add("--dpi", type=int, default=130, help="of the picture")
    add("--quick", action="store_true", help="fewer rows and epochs")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # Nets this small train several times faster on one core than on cores that wait for each other.
    torch.set_num_threads(1)
    n_bookings = QUICK_BOOKINGS if arguments.quick else BOOKINGS
    judge_bookings(n_bookings, arguments.random_state, arguments.output / "report.html")

    settings = {"random_state": arguments.random_state, "device": "cpu"}
    if arguments.quick:
        settings["max_epochs"] = QUICK_EPOCHS
    task = load_task(arguments.noise_rate, arguments.random_state)
    ways = dict(WAYS)
    if find_spec("cleanlab") is None:
        print("cleanlab isn't installed, so confident learning is left out: pip install cleanlab")
        del ways["confident learning"]
    figures, models = run_all(task, ways, settings)
    print_table(task, figures)
    picture = arguments.output / "digits.png"
    draw_picture(task, models[PICTURED], picture, arguments.dpi)
    print(f"\nPicture of what '{PICTURED}' found: {picture}")


if __name__ == "__main__":
    main()
