"""Every method beside plain training and wrong event: accuracy, detection and cost.

The 15 tables with made noise, and CIFAR-10 as features of a pretrained net with labels of people.
Methods that need trusted rows get a tenth of them, and so do plain training and wrong event under
the names `cross_entropy_trusted` and `wrong_event_trusted`. Results are appended to a file as they
come, and what is there is not computed again::

    python benchmarks/all_methods.py
    python benchmarks/all_methods.py --data cifar10 --seeds 0 1 2 --methods elr wrong_event
    python benchmarks/all_methods.py --summary
"""

import argparse
import sys
from itertools import product

import numpy as np
from _all_methods_summary import summarize
from _common import (
    DOCUMENTS,
    RESULTS,
    Stopwatch,
    environment,
    load_cell,
    read_results,
    run_missing,
    write_section,
)
from pretrained import CACHE, load_cifar10
from tables import TRUSTED_SHARE, draw_trusted, figures_of_untrusted, times

from sknoisy import RobustClassifier
from sknoisy.datasets import TABLE_NAMES
from sknoisy.methods import ELR, PES, MentorNet
from sknoisy.methods import METHODS as KINDS
from sknoisy.nets import TabularNet

KEY = ("data", "noise", "seed", "method", "max_rows")
IMAGES = "cifar10"
HUMAN = "worse"
TABLE_NOISES = ("symmetric", "pair")
MAX_ROWS = 1500
N_IMAGES = 10_000
PLAIN, RIVAL = "cross_entropy", "wrong_event"

VARIANTS = {
    "elr_plus": ELR(plus=True),
    "pes_semi": PES(semi=True),
}
WITH_TRUSTED = {
    **{name: name for name, kind in KINDS.items() if kind.needs_trusted},
    "mentornet_trusted": MentorNet(curriculum="learned"),
    f"{PLAIN}_trusted": PLAIN,
    f"{RIVAL}_trusted": RIVAL,
}
METHODS = {name: name for name in KINDS} | VARIANTS | WITH_TRUSTED
"""Names in the results, and what `RobustClassifier` is given."""

NEWEST = (
    "elr pes aum co_teaching gjs m_correction disc distillation mentornet mentornet_trusted ieg "
    "fsr vahdat"
).split()
BASELINES = (PLAIN, RIVAL, f"{PLAIN}_trusted", f"{RIVAL}_trusted")


def evaluate_cell(data, noise, seed, method, max_rows, cache=CACHE):
    """Return the figures of one method on one set of data."""
    if data == IMAGES:
        return evaluate(load_cifar10(noise, seed, max_rows, None, cache), method, None)
    # One net for all methods, and no trees beside it.
    return evaluate(load_cell(data, noise, seed, max_rows=max_rows), method, TabularNet())


def evaluate(cell, method, net):
    """Return accuracy on right test labels, detection on rows that aren't trusted, and cost."""
    trusted = np.zeros(len(cell.y_noisy), dtype=bool)
    if method in WITH_TRUSTED:
        trusted = draw_trusted(cell.y_clean, TRUSTED_SHARE, cell.seed)
    y_given = np.where(trusted, cell.y_clean, cell.y_noisy)
    model = RobustClassifier(METHODS[method], net=net, device="cpu", random_state=cell.seed)
    with Stopwatch() as watch:
        model.fit(cell.X, y_given, trusted=trusted if trusted.any() else None)
    return {
        "accuracy": model.score(cell.X_test, cell.y_test),
        **figures_of_untrusted(cell, model, trusted),
        "right_flagged": float(model.noise_mask_[~trusted & ~cell.flipped].mean()),
        **times(watch),
        "n_rows": len(cell.y_noisy),
        "noise_rate": float(cell.flipped[~trusted].mean()),
    }


# -- the program -----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = (*TABLE_NAMES, IMAGES)
    noises = (*TABLE_NOISES, HUMAN)
    parser.add_argument("--data", nargs="+", choices=data, default=data)
    parser.add_argument("--noises", nargs="+", choices=noises, default=noises)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*BASELINES, *NEWEST])
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS, help="of a table")
    parser.add_argument("--n-images", type=int, default=N_IMAGES)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--output", default=RESULTS / "all_methods.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "all_methods.md", help="where the summary is written"
    )
    return parser.parse_args(arguments)


def jobs_of(options):
    max_rows = options.max_rows, options.n_images
    return [
        dict(zip(KEY, (data, noise, seed, method, max_rows[data == IMAGES]), strict=True))
        for noise, seed, data, method in product(
            options.noises, options.seeds, options.data, options.methods
        )
        if (noise == HUMAN) == (data == IMAGES)
    ]


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.summary:
        return write_summary(options)
    n_failed = run_missing(
        evaluate_cell, jobs_of(options), options.output, n_jobs=options.n_jobs, force=options.force
    )
    return int(n_failed > 0)


def write_summary(options):
    records = [
        record | {"uses_trusted": record["method"] in WITH_TRUSTED}
        for record in read_results(options.output, KEY).values()
        if record["max_rows"] in (options.max_rows, options.n_images)
    ]
    if not records:
        print(f"{options.output} has no results of these settings", file=sys.stderr)
        return 1
    stated = {name: KINDS[name].cost for name in KINDS}
    text = summarize(records, list(METHODS), stated, environment())
    write_section(options.document, "all_methods", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
