"""The forms of LSW's weight gradient: error, detection and time, side by side.

The error is that of the derivatives of a batch's rows, centred as the weights see them, against
the exact ones at the same parameters, over a whole training. Results are appended to a file as
they come, and what is there isn't computed again::

    python benchmarks/gradients.py --n-jobs 2
    python benchmarks/gradients.py --summary
"""

import argparse
import sys
from itertools import product

import numpy as np
from _common import (
    FOLDER,
    MAX_TRAIN_ROWS,
    RESULTS,
    Stopwatch,
    detection_figures,
    environment,
    load_cell,
    markdown_table,
    read_results,
    run_missing,
    write_section,
)
from tables import draw_trusted

from sknoisy import NoisyLabelDetector
from sknoisy.methods import LSW
from sknoisy.methods.lsw._weight_learning import WeightLearningStep, weight_gradient
from sknoisy.training import RunningGradient, Trainer, TrainingData, probe_step

DOCUMENT = FOLDER.parent / "docs" / "benchmarks" / "performance.md"
KEY = ("part", "table", "noise", "seed", "form", "max_rows", "max_epochs")
TABLES = (
    "optdigits",
    "phoneme",
    "spambase",
    "splice",
    "texture",
    "vehicle",
    "waveform_40",
    "yeast",
)
NOISE_NAMES = ("symmetric", "pair", "instance")
SEED = 3
EXACT = "forward"
FORMS = {
    "forward": {},
    "double_backward": {"gradient": "double_backward"},
    "finite_difference": {"gradient": "finite_difference"},
    "last_layer": {"gradient": "last_layer"},
    "finite_difference, interval=2": {"gradient": "finite_difference", "epoch_interval": 2},
    "finite_difference, trusted_interval=1": {
        "gradient": "finite_difference",
        "step_interval": 1,
    },
    "finite_difference, trusted_interval=4": {
        "gradient": "finite_difference",
        "step_interval": 4,
    },
    "finite_difference, trusted_momentum=0": {
        "gradient": "finite_difference",
        "trusted_momentum": 0.0,
    },
    "finite_difference, trusted_batch_size=64": {
        "gradient": "finite_difference",
        "trusted_batch_size": 64,
    },
    "plain": None,
}
ERROR_FORMS = ("finite_difference", "last_layer")


# -- evaluation ------------------------------------------------------------------------------


def evaluate_detection(cell, form, max_epochs):
    """AUC, F1 and CPU seconds of a detector; of plain training for comparison."""
    trusted = draw_trusted(cell.y_clean, 0.1, cell.seed)
    y = np.where(trusted, cell.y_clean, cell.y_noisy)
    settings = FORMS[form]
    method = "cross_entropy" if settings is None else LSW(**{"gradient": EXACT} | settings)
    model = NoisyLabelDetector(method, max_epochs=max_epochs, device="cpu", random_state=cell.seed)
    with Stopwatch() as watch:
        model.fit(cell.X, y, trusted=trusted)
    figures = detection_figures(
        cell.flipped[~trusted], model.noise_mask_[~trusted], model.label_quality_[~trusted]
    )
    return figures | {"cpu_seconds": watch.cpu_seconds}


class ComparingStep(WeightLearningStep):
    """Trains by the exact derivative, and notes how far the others are from it."""

    def __init__(self, run, trusted_rows, method):
        super().__init__(run, trusted_rows, method)
        names = (EXACT, *ERROR_FORMS)
        self._averages = {name: RunningGradient(method.trusted_momentum) for name in names}
        self.errors = {name: [] for name in ERROR_FORMS}

    def train_batch(self, batch):
        weights = self.weights(batch.rows).clone()
        probes = {
            name: probe_step(self.run, batch.X, batch.y, name, average)
            for name, average in self._averages.items()
        }
        result, losses = self._weighted_step(batch, batch.X)
        trusted = next(self._trusted_batches)
        # The last layer's probe goes first: it watches every forward pass until it is asked.
        found = {
            name: probes[name].derivatives(iter([trusted]), losses)
            for name in reversed(list(probes))
        }
        centered = {name: weight_gradient(value, weights) for name, value in found.items()}
        for name in ERROR_FORMS:
            difference = centered[name] - centered[EXACT]
            self.errors[name].append(float(difference.norm() / centered[EXACT].norm()))
        self._learn(batch.rows, found[EXACT])
        return result


def evaluate_errors(cell, form, max_epochs):
    """Median relative error of the derivatives over all steps of one training."""
    trusted = draw_trusted(cell.y_clean, 0.1, cell.seed)
    y = np.where(trusted, cell.y_clean, cell.y_noisy).astype(np.int64)
    data = TrainingData(np.array(cell.X, dtype=np.float32), y, int(y.max()) + 1, trusted)
    trainer = Trainer(None, data, device="cpu", seed=cell.seed, max_epochs=max_epochs)
    run = trainer.new_run()
    learner = ComparingStep(run, np.flatnonzero(trusted), LSW())
    run.fit(learner, rows=np.flatnonzero(~trusted))
    return {name: float(np.median(errors)) for name, errors in learner.errors.items()}


PARTS = {"detection": evaluate_detection, "errors": evaluate_errors}


def evaluate(part, table, noise, seed, form, max_rows, max_epochs):
    cell = load_cell(table, noise, seed, max_rows=max_rows)
    return PARTS[part](cell, form, max_epochs)


# -- summary ---------------------------------------------------------------------------------


def summarize(records, versions):
    cells = {}
    errors = []
    for record in records:
        if record["part"] == "errors":
            errors.append(record["figures"])
        else:
            cell = cells.setdefault((record["table"], record["noise"], record["seed"]), {})
            cell[record["form"]] = record["figures"]
    cells = [cell for cell in cells.values() if set(FORMS) <= set(cell)]
    rows = [_row(form, cells, errors) for form in FORMS if form != "plain"]
    header = ["Form", "Relative error", "AUC", "against exact", "worst", "F1", "CPU time / plain"]
    shown = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    about = (
        f"Means of {len(cells)} runs with 10 % trusted rows in batches of 250; plain training has "
        f"batches of 128. {shown}."
    )
    return f"## Forms of the weight gradient\n\n{about}\n\n{markdown_table(header, rows)}"


def _row(form, cells, errors):
    figures = {
        name: np.array([cell[form][name] for cell in cells])
        for name in ("auc", "f1", "cpu_seconds")
    }
    exact = np.array([cell[EXACT]["auc"] for cell in cells])
    plain = np.array([cell["plain"]["cpu_seconds"] for cell in cells])
    error = "0" if form in ("forward", "double_backward") else ""
    if form in ERROR_FORMS and errors:
        error = f"{np.mean([error[form] for error in errors]):.3f}"
    difference = figures["auc"] - exact
    return [
        f"`{form}`",
        error,
        f"{figures['auc'].mean():.3f}",
        f"{difference.mean():+.4f}",
        f"{difference.min():+.3f}",
        f"{figures['f1'].mean():.3f}",
        f"{figures['cpu_seconds'].sum() / plain.sum():.2f}",
    ]


# -- the program -----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--noises", nargs="+", choices=NOISE_NAMES, default=NOISE_NAMES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[SEED])
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--force", action="store_true", help="compute known results again")
    parser.add_argument("--max-rows", type=int, default=MAX_TRAIN_ROWS)
    parser.add_argument("--max-epochs", type=int, default=None, help="default: the net's own")
    parser.add_argument("--output", default=RESULTS / "gradients.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument("--document", default=DOCUMENT, help="where the summary is written")
    return parser.parse_args(arguments)


def jobs_of(options):
    runs = [("detection", form) for form in FORMS] + [("errors", EXACT)]
    chosen = product(options.tables, options.noises, options.seeds, runs)
    for table, noise, seed, (part, form) in chosen:
        values = (part, table, noise, seed, form, options.max_rows, options.max_epochs)
        yield dict(zip(KEY, values, strict=True))


def main(arguments=None):
    options = parse_arguments(arguments)
    jobs = list(jobs_of(options))
    n_failed = 0
    if not options.summary:
        n_failed = run_missing(
            evaluate, jobs, options.output, n_jobs=options.n_jobs, force=options.force
        )
    records = list(read_results(options.output, KEY).values())
    text = summarize(records, environment())
    print(text)
    if options.summary:
        write_section(options.document, "gradients", text)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
