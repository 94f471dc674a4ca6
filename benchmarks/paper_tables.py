"""Tables 1 and 3 of the paper of LSW: detection and accuracy of every method on images.

Two forms, each of whose settings can be given by itself. `small` is for a CPU: 10,000 images of
Fashion-MNIST and a net of two layers. `full` is for CUDA: CIFAR-10 and a ResNet-34 by the protocol
of the paper. Results are appended to a file as they come, and what is there is not computed again,
so runs add up over days::

    python benchmarks/paper_tables.py --n-jobs 2
    python benchmarks/paper_tables.py --form full --cells symmetric:0.4 pair:0.4 instance:0.4
    python benchmarks/paper_tables.py --summary
"""

import argparse
import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
from _common import (
    FOLDER,
    RESULTS,
    Stopwatch,
    detection_figures,
    environment,
    markdown_table,
    mean_and_spread,
    read_results,
    run_missing,
    write_section,
)
from _paper_figures import COLUMNS, printed_figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import LRScheduler
from tables import draw_trusted
from torch.optim.lr_scheduler import CosineAnnealingLR

from sknoisy import RobustClassifier
from sknoisy.datasets import fetch_cifar10, fetch_cifar10n, fetch_fashion_mnist
from sknoisy.methods import BHN, SimiFeat
from sknoisy.methods import METHODS as KINDS
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.noise import flip_instance_dependent, flip_pair, flip_symmetric

DOCUMENT = FOLDER.parent / "docs" / "benchmarks" / "paper_tables.md"
SETTINGS = ("dataset", "net", "max_rows", "max_epochs")
KEY = (*SETTINGS, "noise", "rate", "seed", "method")
TRUSTED_SHARE = 0.1
HELD_OUT_IMAGES = 5_000
HUMAN = ("worse", None)

OF_THE_PAPER = {
    "cross_entropy": {"method": "cross_entropy"},
    "meta_weight_net": {"method": "meta_weight_net", "final": "filter"},
    "cores": {"method": "cores", "final": "filter"},
    "nlnl": {"method": "nlnl", "final": "filter"},
    "simifeat": {"method": SimiFeat(features="net"), "final": "filter"},
    "simifeat_trusted": {"method": SimiFeat(features="trusted_net"), "final": "filter"},
    "bhn": {"method": BHN(alpha=0.25), "final": "filter"},
    "lsw": {"method": "lsw", "final": "filter"},
}
METHODS = OF_THE_PAPER | {
    name: {"method": name} for name in ("wrong_event", *KINDS) if name not in OF_THE_PAPER
}
"""Settings of RobustClassifier; rows of the paper first, with its final training on kept rows."""

NEEDS_RATE = ("meta_weight_net",)
"""Methods without a verdict of their own, to which the paper tells the noise rate."""


# -- data ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Images:
    """Training images and test images with right labels."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def load_cifar10():
    """Return CIFAR-10; where only a part of its test images is at hand, hold some others out."""
    bunch = fetch_cifar10()
    if len(bunch.test_target) >= HELD_OUT_IMAGES:
        return from_bunch(bunch)
    kept, held_out = slice(None, -HELD_OUT_IMAGES), slice(-HELD_OUT_IMAGES, None)
    return Images(
        bunch.data[kept],
        bunch.target[kept],
        np.concatenate([bunch.data[held_out], bunch.test_data]),
        np.concatenate([bunch.target[held_out], bunch.test_target]),
    )


def load_digit_images():
    bunch = load_digits()
    images = np.rint(bunch.images * 255 / 16).astype(np.uint8)
    parts = train_test_split(images, bunch.target, test_size=0.3, random_state=0)
    return Images(parts[0], parts[2], parts[1], parts[3])


def from_bunch(bunch):
    return Images(bunch.data, bunch.target, bunch.test_data, bunch.test_target)


DATASETS = {
    "cifar10": load_cifar10,
    "fashion_mnist": lambda: from_bunch(fetch_fashion_mnist()),
    "digits": load_digit_images,
}


def noisy_labels(images, dataset, noise, rate, seed):
    """Return labels, a part of them wrong."""
    if (noise, rate) == HUMAN:
        if dataset != "cifar10":
            raise ValueError(f"Human labels are those of cifar10. Got {dataset!r}.")
        return fetch_cifar10n(label="worse")[: len(images.y)]
    if noise == "instance":
        X = images.X.astype(np.float32) / 255
        return flip_instance_dependent(X, images.y, rate, random_state=seed)[0]
    flip = {"symmetric": flip_symmetric, "pair": flip_pair}[noise]
    return flip(images.y, rate, random_state=seed)[0]


# -- nets ------------------------------------------------------------------------------------


def residual_net(max_epochs, *, depth, width):
    """A ResNet with the paper's schedule: SGD from 0.1 down by a cosine, batches of 125."""
    schedule = LRScheduler(CosineAnnealingLR, T_max=max_epochs, eta_min=1e-8)
    return VisionNet(
        module__depth=depth,
        module__width=width,
        lr=0.1,
        batch_size=125,
        max_epochs=max_epochs,
        callbacks=[("schedule", schedule)],
    )


NETS = {
    "mlp": lambda max_epochs: TabularNet(max_epochs=max_epochs),
    "resnet10": partial(residual_net, depth=10, width=16),
    "resnet34": partial(residual_net, depth=34, width=64),
}


def features_for(net, X):
    """Return images as the net takes them."""
    return X.reshape(len(X), -1) / np.float32(255) if net == "mlp" else X


# -- evaluation ------------------------------------------------------------------------------


def evaluate(dataset, net, max_rows, max_epochs, noise, rate, seed, method, device="auto"):
    images = DATASETS[dataset]()
    y_noisy = noisy_labels(images, dataset, noise, rate, seed)
    rows = np.random.RandomState(seed).permutation(len(images.y))[:max_rows]
    X, y, y_noisy = features_for(net, images.X[rows]), images.y[rows], y_noisy[rows]
    trusted = draw_trusted(y, TRUSTED_SHARE, seed)
    y_given = np.where(trusted, y, y_noisy)
    flipped = (y_given != y)[~trusted]
    settings = dict(METHODS[method])
    if method in NEEDS_RATE:
        settings["contamination"] = float(flipped.mean())
    model = RobustClassifier(
        net=NETS[net](max_epochs), device=device, random_state=seed, **settings
    )
    with Stopwatch() as watch:
        model.fit(X, y_given, trusted=trusted)
    return {
        "accuracy": model.score(features_for(net, images.X_test), images.y_test),
        **detection_figures(flipped, model.noise_mask_[~trusted], model.label_quality_[~trusted]),
        "seconds": watch.seconds,
        "cpu_seconds": watch.cpu_seconds,
        "n_rows": len(y),
        "noise_rate": float(flipped.mean()),
    }


# -- summary ---------------------------------------------------------------------------------

TABLES = {
    "Table 1, detection: F1": "f1",
    "Table 1, detection: FDR": "fdr",
    "Table 1, detection: recall": "recall",
    "Detection: AUC": "auc",
    "Table 3: accuracy on right test labels": "accuracy",
}


def summarize(records, versions):
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    parts = [f"Our figures in per cent, the paper's in brackets. {shown}."]
    groups = {}
    for record in records:
        groups.setdefault(tuple(record[name] for name in SETTINGS), []).append(record)
    for settings, group in groups.items():
        parts.append(_section(dict(zip(SETTINGS, settings, strict=True)), group))
    return "\n\n".join(parts)


def _section(settings, records):
    columns = [column for column in (*COLUMNS, HUMAN) if _of_column(records, column)]
    seeds = sorted({record["seed"] for record in records})
    rows = records[0]["figures"]["n_rows"]
    title = (
        f"## {settings['dataset']}, {settings['net']}, {rows:,} training images, "
        f"{settings['max_epochs']} epochs\n\nSeeds {', '.join(map(str, seeds))}; a cell with "
        "several has the mean ± the standard deviation."
    )
    tables = [
        f"### {name}\n\n{_table(records, columns, figure, settings['dataset'] == 'cifar10')}"
        for name, figure in TABLES.items()
    ]
    return "\n\n".join([title, *tables, f"### Seconds\n\n{_costs(records, columns)}"])


def _of_column(records, column):
    return [record for record in records if (record["noise"], record["rate"]) == column]


def _of_method(records, method):
    return [record["figures"] for record in records if record["method"] == method]


def _table(records, columns, figure, is_of_paper):
    header = ["Method", *(_name(column) for column in columns)]
    rows = []
    for method in filter(partial(_of_method, records), METHODS):
        cells = []
        for column in columns:
            values = [
                100 * figures[figure] for figures in _of_method(_of_column(records, column), method)
            ]
            printed = printed_figure(figure, method, *column) if is_of_paper else None
            paper = "" if printed is None else f" ({100 * printed:.2f})"
            cells.append(mean_and_spread(values, digits=2) + paper)
        rows.append([method, *cells])
    return markdown_table(header, rows)


def _costs(records, columns):
    """Seconds of a whole fit, and in multiples of plain training."""
    rows = []
    for method in METHODS:
        spent = [figures["cpu_seconds"] for figures in _of_method(records, method)]
        plain = [figures["cpu_seconds"] for figures in _of_method(records, "cross_entropy")]
        if spent:
            ratio = f"{np.mean(spent) / np.mean(plain):.2f}" if plain else ""
            rows.append([method, f"{np.mean(spent):.1f}", ratio])
    return markdown_table(["Method", "CPU seconds", "/ plain training"], rows)


def _name(column):
    noise, rate = column
    return "human, worse" if column == HUMAN else f"{noise} {rate}"


# -- the program -----------------------------------------------------------------------------

CELLS_AT_04 = (("symmetric", 0.4), ("pair", 0.4), ("instance", 0.4))
FORMS = {
    "small": {
        "dataset": "fashion_mnist",
        "net": "mlp",
        "max_rows": 10_000,
        "max_epochs": 30,
        "cells": CELLS_AT_04,
    },
    "full": {
        "dataset": "cifar10",
        "net": "resnet34",
        "max_rows": None,
        "max_epochs": 100,
        "cells": (*COLUMNS, HUMAN),
    },
}


def parse_cell(text):
    noise, _, rate = text.partition(":")
    cell = (noise, float(rate) if rate else None)
    if cell != HUMAN and (noise not in ("symmetric", "pair", "instance") or cell[1] is None):
        raise argparse.ArgumentTypeError(f"a cell is like pair:0.4, or 'worse'. Got {text!r}")
    return cell


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--form", choices=FORMS, default="small")
    add("--dataset", choices=DATASETS, help="default: the form's, as for all of these:")
    add("--net", choices=NETS)
    add("--max-rows", type=int)
    add("--max-epochs", type=int)
    add("--cells", nargs="+", type=parse_cell, help="such as pair:0.4; 'worse': human labels")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    add("--seeds", nargs="+", type=int, default=[0])
    add("--device", default="auto")
    add("--n-jobs", type=int, default=1, help="processes of one thread each")
    add("--force", action="store_true", help="compute known results again")
    add("--output", default=RESULTS / "paper_tables.jsonl")
    add("--summary", action="store_true", help="print and write, run nothing")
    add("--document", default=DOCUMENT, help="where the summary is written")
    options = parser.parse_args(arguments)
    for name, value in FORMS[options.form].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def jobs_of(options):
    settings = {name: getattr(options, name) for name in SETTINGS}
    for noise, rate in options.cells:
        for seed in options.seeds:
            for method in options.methods:
                cell = {"noise": noise, "rate": rate, "seed": seed, "method": method}
                yield settings | cell


def main(arguments=None):
    options = parse_arguments(arguments)
    n_failed = 0
    if not options.summary:
        n_failed = run_missing(
            partial(evaluate, device=options.device),
            list(jobs_of(options)),
            options.output,
            n_jobs=options.n_jobs,
            force=options.force,
        )
    records = list(read_results(options.output, KEY).values())
    if not records:
        print(f"{options.output} has no results", file=sys.stderr)
        return 1
    text = summarize(records, environment())
    write_section(options.document, "paper_tables", text)
    print(text)
    return int(n_failed > 0)


if __name__ == "__main__":
    sys.exit(main())
