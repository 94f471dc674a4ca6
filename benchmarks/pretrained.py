"""Detection and accuracy on features of images and texts, against cleanlab with a linear model.

CIFAR-10 as features of a pretrained net, with labels of people and made ones; the VGG features of
LabelMe, with labels of people; and short messages as weighted counts of words. The opponent is
cleanlab with logistic regression, whose C is chosen by cross-validation. Features are kept in a
folder, and results are appended to a file as they come; neither is computed again::

    python benchmarks/pretrained.py --n-jobs 2
    python benchmarks/pretrained.py --data cifar10 --labels worse --n-rows 5000 --seeds 0
    python benchmarks/pretrained.py --folder
    python benchmarks/pretrained.py --summary
"""

import argparse
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from _common import (
    DOCUMENTS,
    FOLDER,
    RESULTS,
    TEST_SHARE,
    Cell,
    Stopwatch,
    append_record,
    detection_figures,
    environment,
    markdown_table,
    mean_and_spread,
    read_results,
    run_missing,
    verdict,
    write_section,
)
from held_out import load_labelme
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from tables import keep_pairs

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import fetch_cifar10, fetch_cifar10n, fetch_sms_spam, load_image_folder
from sknoisy.features import PretrainedFeatures
from sknoisy.noise import flip_pair, flip_symmetric

KEY = ("data", "labels", "seed", "method", "n_rows", "image_size")
LABELS = {
    "cifar10": ("worse", "random1", "aggregate", "pair", "symmetric", "none"),
    "labelme": ("human",),
    "sms_spam": ("symmetric", "symmetric_0.2", "none"),
}
"""Which labels each set of data is judged with."""

FLIPS = {
    "pair": lambda y, seed: flip_pair(y, 0.4, random_state=seed)[0],
    "symmetric": lambda y, seed: flip_symmetric(y, 0.4, random_state=seed)[0],
    "symmetric_0.2": lambda y, seed: flip_symmetric(y, 0.2, random_state=seed)[0],
    "none": lambda y, seed: y.copy(),
}
# Not in the repository.
CACHE = FOLDER.parent / "build" / "features"
N_HELD_OUT, N_TEST = 2000, 1000
FIRST_HELD_OUT = 45_000
USUAL_SIZE = 224
N_COMPONENTS = 100
N_FOLDS = 5
INVERSE_PENALTIES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
FIGURES = {"auc": "AUC", "average_precision": "AP", "f1": "F1", "accuracy": "Accuracy"}


# -- data ------------------------------------------------------------------------------------


def load_cell(data, labels, seed, n_rows, image_size, cache):
    """Return features with given and right labels, and clean rows for the test."""
    if data == "cifar10":
        return load_cifar10(labels, seed, n_rows, image_size, cache)
    if data == "labelme":
        return load_labelme(seed, n_rows)
    return load_sms_spam(labels, seed, n_rows)


def load_cifar10(labels, seed, n_rows, image_size, cache):
    """The first training images; tested on some of the last ones and on official test images."""
    cifar = fetch_cifar10()
    held_out = slice(FIRST_HELD_OUT, FIRST_HELD_OUT + N_HELD_OUT)
    features = make_features(image_size, memory=str(cache))
    X, X_held_out, X_test = (
        features.fit_transform(images)
        for images in (cifar.data[:n_rows], cifar.data[held_out], cifar.test_data[:N_TEST])
    )
    y = cifar.target[:n_rows]
    given = FLIPS[labels](y, seed) if labels in FLIPS else fetch_cifar10n(label=labels)[:n_rows]
    return Cell(
        X,
        y,
        given,
        given != y,
        np.concatenate([X_held_out, X_test]),
        np.concatenate([cifar.target[held_out], cifar.test_target[:N_TEST]]),
        seed,
    )


def make_features(image_size, **settings):
    return PretrainedFeatures("efficientnet_lite0", image_size=image_size, **settings)


def load_sms_spam(labels, seed, n_rows):
    """Weighted counts of words, brought to few columns by the training rows."""
    texts, names = fetch_sms_spam(return_X_y=True)
    y = (names == "spam").to_numpy().astype(int)
    X, X_test, y, y_test = train_test_split(
        texts.to_numpy(), y, test_size=TEST_SHARE, stratify=y, random_state=seed
    )
    X, y = X[:n_rows], y[:n_rows]
    words = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)),
        TruncatedSVD(N_COMPONENTS, random_state=seed),
    )
    X = words.fit_transform(X).astype(np.float32)
    given = FLIPS[labels](y, seed)
    return Cell(X, y, given, given != y, words.transform(X_test), y_test, seed)


# -- one function per method: cell -> figures ------------------------------------------------


def detector(cell):
    model = NoisyLabelDetector(device="cpu", random_state=cell.seed)
    with Stopwatch() as watch:
        model.fit(cell.X, cell.y_noisy)
    return judged(cell, model.noise_mask_, model.label_quality_) | times(watch)


def classifier(cell):
    model = RobustClassifier(device="cpu", random_state=cell.seed)
    with Stopwatch() as watch:
        model.fit(cell.X, cell.y_noisy)
    figures = judged(cell, model.noise_mask_, model.label_quality_)
    return figures | {"accuracy": model.score(cell.X_test, cell.y_test)} | times(watch)


def cleanlab(cell):
    """Confident learning on cross-validated probabilities, then a fit without what it flags."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with Stopwatch() as selection:
        model = choose_linear_model(cell.X, cell.y_noisy, cell.seed)
    with Stopwatch() as watch, few_rows_of_a_class():
        probabilities = cross_val_predict(
            model, cell.X, cell.y_noisy, cv=folds(cell.seed), method="predict_proba"
        )
        flagged = find_label_issues(cell.y_noisy, probabilities, n_jobs=1)
        quality = get_label_quality_scores(cell.y_noisy, probabilities)
    kept = ~keep_pairs(flagged, quality, cell.y_noisy)
    model.fit(cell.X[kept], cell.y_noisy[kept])
    return {
        **judged(cell, flagged, quality),
        "accuracy": model.score(cell.X_test, cell.y_test),
        **times(watch),
        "selection_seconds": selection.cpu_seconds,
        "C": model.C,
    }


def flag_nothing(cell):
    """Nothing is flagged, and the linear model is trained on all rows."""
    model = choose_linear_model(cell.X, cell.y_noisy, cell.seed)
    nothing = np.zeros(len(cell.y_noisy), dtype=bool)
    figures = judged(cell, nothing, np.ones(len(nothing)))
    return figures | {"accuracy": model.score(cell.X_test, cell.y_test)}


def right_labels(cell):
    """The linear model, trained on the right labels: what could be reached."""
    model = choose_linear_model(cell.X, cell.y_clean, cell.seed)
    return {"accuracy": model.score(cell.X_test, cell.y_test)}


def right_labels_net(cell):
    """The default net, trained on the right labels."""
    model = RobustClassifier("cross_entropy", device="cpu", random_state=cell.seed)
    return {"accuracy": model.fit(cell.X, cell.y_clean).score(cell.X_test, cell.y_test)}


METHODS = {
    "detector": detector,
    "classifier": classifier,
    "cleanlab": cleanlab,
    "flag_nothing": flag_nothing,
    "right_labels": right_labels,
    "right_labels_net": right_labels_net,
}


def choose_linear_model(X, y, seed):
    """Return logistic regression on all rows, with the C of the best cross-validated log-loss."""
    search = GridSearchCV(
        LogisticRegression(max_iter=200),
        {"C": INVERSE_PENALTIES},
        scoring="neg_log_loss",
        cv=folds(seed),
    )
    with few_rows_of_a_class():
        return search.fit(X, y).best_estimator_


def folds(seed):
    return StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)


class few_rows_of_a_class(warnings.catch_warnings):
    """Leave out what warns of small classes, and of weak penalties that need many steps."""

    def __enter__(self):
        super().__enter__()
        warnings.filterwarnings("ignore", message="The least populated class")
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")


def judged(cell, flagged, quality):
    figures = detection_figures(cell.flipped, flagged, quality)
    has_both = cell.flipped.any() and not cell.flipped.all()
    precision = average_precision_score(cell.flipped, -quality) if has_both else np.nan
    return figures | {"average_precision": float(precision)}


def times(watch):
    return {"seconds": watch.seconds, "cpu_seconds": watch.cpu_seconds}


def evaluate(data, labels, seed, method, n_rows, image_size, *, cache):
    cell = load_cell(data, labels, seed, n_rows, image_size, cache)
    about = {"n_rows": len(cell.y_noisy), "noise_rate": float(cell.flipped.mean())}
    return METHODS[method](cell) | about


# -- from a folder to a report ---------------------------------------------------------------


def time_folder(n_rows, image_size):
    """Return the seconds from a folder of files to a table of the verdict, in a file."""
    from PIL import Image

    cifar, given = fetch_cifar10(), fetch_cifar10n()
    with tempfile.TemporaryDirectory() as folder:
        for row in range(n_rows):
            place = Path(folder, cifar.target_names[given[row]], f"{row:05}.png")
            place.parent.mkdir(exist_ok=True)
            Image.fromarray(cifar.data[row]).save(place)
        model = make_pipeline(
            make_features(image_size, verbose=1), NoisyLabelDetector(random_state=0)
        )
        with Stopwatch() as watch:
            model.fit(*load_image_folder(folder))
            model[-1].get_label_issues().to_csv(Path(folder, "report.csv"))
    return times(watch)


# -- summary ---------------------------------------------------------------------------------


def summarize(records, versions):
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    cells = dict.fromkeys(
        (record["data"], record["labels"], record["n_rows"], record["image_size"])
        for record in records
    )
    parts = [
        "## Features of pretrained nets, and texts",
        "CIFAR-10 as features of EfficientNet-Lite0, LabelMe as those of VGG, messages as weighted "
        f"counts of words brought to {N_COMPONENTS} columns. cleanlab: logistic regression, C by "
        "cross-validation. `right_labels`: the same model without wrong labels; `flag_nothing`: "
        f"with all rows as they are. {shown}.",
    ]
    rows = [row for cell in cells for row in rows_of_cell(records, cell)]
    parts.append(markdown_table(["Data, labels, rows, pixels", "Method", *FIGURES.values()], rows))
    goals = [row for cell in cells for row in goals_of_cell(records, cell)]
    if goals:
        parts.append(markdown_table(["Data, labels, rows, pixels", "Goal", "Found", ""], goals))
    folders = [record for record in records if record["method"] == "folder"]
    parts += [
        f"From a folder of {record['n_rows']:,} images to the verdict, at "
        f"{record['image_size'] or USUAL_SIZE} pixels: "
        f"{record['figures']['seconds'] / 60:.1f} minutes."
        for record in folders
    ]
    return "\n\n".join(parts)


def values_of(records, cell, method, figure):
    found = [
        record["figures"].get(figure)
        for record in records
        if record["method"] == method
        and (record["data"], record["labels"], record["n_rows"], record["image_size"]) == cell
    ]
    return [value for value in found if value is not None]


def name_of(cell):
    data, labels, n_rows, image_size = cell
    if data != "cifar10":
        return f"{data}, {labels}"
    return f"{data}, {labels}, {n_rows:,}, {image_size or USUAL_SIZE}"


def rows_of_cell(records, cell):
    for method in METHODS:
        figures = [mean_and_spread(values_of(records, cell, method, name)) for name in FIGURES]
        if any(figures):
            yield [name_of(cell), method, *figures]


def goals_of_cell(records, cell):
    """Compare with the opponent in each cell, and with fixed goals where there are some."""

    def mean(method, figure):
        values = values_of(records, cell, method, figure)
        return np.mean(values) if values else np.nan

    goals = [
        ("AUC of the detector above cleanlab's", mean("detector", "auc"), mean("cleanlab", "auc")),
        (
            "accuracy above cleanlab's",
            mean("classifier", "accuracy"),
            mean("cleanlab", "accuracy"),
        ),
    ]
    if cell[:2] == ("cifar10", "worse"):
        goals += [
            ("AUC of the detector", mean("detector", "auc"), 0.95),
            ("F1 of the classifier", mean("classifier", "f1"), 0.88),
            (
                "accuracy 3 points above cleanlab's",
                mean("classifier", "accuracy"),
                mean("cleanlab", "accuracy") + 0.03,
            ),
            (
                "accuracy within 4 points of right labels",
                mean("classifier", "accuracy"),
                mean("right_labels", "accuracy") - 0.04,
            ),
        ]
    for name, found, goal in goals:
        if np.isfinite(found) and np.isfinite(goal):
            yield [name_of(cell), f"{name}: {goal:.3f}", f"{found:.3f}", verdict(found >= goal)]


# -- the program -----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = sorted({label for labels in LABELS.values() for label in labels})
    parser.add_argument("--data", nargs="+", choices=LABELS, default=list(LABELS))
    parser.add_argument("--labels", nargs="+", choices=known, default=known)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--n-rows", type=int, default=10_000)
    parser.add_argument("--image-size", type=int, default=None, help="default: the backbone's own")
    parser.add_argument("--cache", default=CACHE, help="folder in which features are kept")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--folder", action="store_true", help="only time a folder of images")
    parser.add_argument("--output", default=RESULTS / "pretrained.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "pretrained.md", help="where the summary is written"
    )
    return parser.parse_args(arguments)


def jobs_of(options):
    return [
        dict(
            zip(KEY, (data, labels, seed, method, options.n_rows, options.image_size), strict=True)
        )
        for data in options.data
        for labels in LABELS[data]
        if labels in options.labels
        for seed in options.seeds
        for method in options.methods
    ]


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.summary:
        return write_summary(options)
    if options.folder:
        key = ("cifar10", "worse", 0, "folder", options.n_rows, options.image_size)
        figures = time_folder(options.n_rows, options.image_size)
        append_record(options.output, dict(zip(KEY, key, strict=True)) | {"figures": figures})
        print(figures)
        return 0
    n_failed = run_missing(
        partial(evaluate, cache=options.cache),
        jobs_of(options),
        options.output,
        n_jobs=options.n_jobs,
        force=options.force,
    )
    return int(n_failed > 0)


def write_summary(options):
    records = list(read_results(options.output, KEY).values())
    if not records:
        print(f"{options.output} has no results", file=sys.stderr)
        return 1
    text = summarize(records, environment())
    print(text)
    write_section(options.document, "pretrained", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
