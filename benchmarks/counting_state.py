"""What counting costs where rows are many: constants of the package, and its state in a file.

The second part needs no net. Predictions are made up, and what counting keeps of each row lies in
a file of 24 bytes a row, which epochs update in random order or block by block. The verdict then
streams over the file. Each step runs in a process of its own::

    python benchmarks/counting_state.py
    python benchmarks/counting_state.py --rows 1e8
    python benchmarks/counting_state.py --rows 2e4 --quick

The file lies in a temporary folder, and goes at the end. Needs Linux, which counts bytes written.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _common import DOCUMENTS, RESULTS, environment, markdown_table, write_section
from _kept_per_row import N_FEATURES, N_LEVELS, QUICK_SIZES, SIZES, measure_package
from _memory import MemoryWatch, call_apart
from _streamed_counts import (
    BATCH_SIZE,
    BLOCK_ROWS,
    BLOCKS_TOGETHER,
    RECORD,
    count_in_blocks,
    count_in_random_order,
    create_state,
    made_predictions,
)
from _streamed_verdict import judge_in_passes

DOCUMENT = DOCUMENTS / "counting_state.md"
# The file is so many times larger than what of it may stay in memory; and so often it is written.
MEMORY_SHARE = 16
N_FLUSHES = 8
PARTS = "package", "file"
IMPORTED = ("sknoisy", "_streamed_verdict")


# -- the steps -----------------------------------------------------------------------------------


def measured(step, *arguments):
    """Return time, memory and traffic of a step, and what it returned."""
    with MemoryWatch() as memory:
        before, start, cpu_start = traffic(), time.perf_counter(), time.process_time()
        result = step(*arguments)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        read, written = (after - b for after, b in zip(traffic(), before, strict=True))
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "own_bytes": memory.peak - memory.before,
        "read": read,
        "written": written,
        "result": result,
    }


def traffic():
    """Return the bytes that this process has had read from disks, and has had written to them."""
    lines = Path("/proc/self/io").read_text().splitlines()
    counters = dict(line.split(": ") for line in lines)
    return int(counters["read_bytes"]), int(counters["write_bytes"])


def with_little_memory(path, n_classes):
    memory = os.path.getsize(path) // MEMORY_SHARE
    n_rows = max(BATCH_SIZE, N_FLUSHES * memory // 4096)
    return count_in_random_order(path, 0, n_classes, seed=0, memory=memory, max_rows=n_rows)


def in_random_order(path, n_classes):
    return count_in_random_order(path, 0, n_classes, seed=1)


def in_blocks(path, n_classes, epochs):
    return sum(count_in_blocks(path, epoch, n_classes, seed=0) for epoch in epochs)


def predictions_alone(n_rows, n_classes):
    for start in range(0, n_rows, BATCH_SIZE):
        rows = np.arange(start, min(start + BATCH_SIZE, n_rows))
        made_predictions(rows, rows.astype(np.uint64) % np.uint64(n_classes), 0, n_classes)
    return n_rows


def streamed_verdict(path, n_classes, n_epochs):
    verdict = judge_in_passes(path, path.parent, n_classes, n_epochs)
    return {
        "n_flagged": int(verdict.n_flagged),
        "threshold": verdict.threshold,
        "n_to_review": len(verdict.suspicious) + len(verdict.sample),
    }


def simulate(n_rows, n_classes, n_epochs, folder):
    """Return what each step took."""
    path = Path(folder) / "counts.state"

    def call(step, *arguments):
        found = call_apart(measured, step, *arguments, imported=IMPORTED)
        print(step.__name__, found, flush=True)
        return found

    steps = {"predictions": call(predictions_alone, min(n_rows, 10**6), n_classes)}
    call(create_state, path, n_rows, n_classes)
    steps["little_memory"] = call(with_little_memory, path, n_classes)
    # Anew, since some rows have been counted once more than others.
    steps["create"] = call(create_state, path, n_rows, n_classes)
    steps["random"] = call(in_random_order, path, n_classes)
    steps["blocks"] = call(in_blocks, path, n_classes, range(1, n_epochs))
    steps["verdict"] = call(streamed_verdict, path, n_classes, n_epochs)
    return steps


# -- the document --------------------------------------------------------------------------------


def summarize(results):
    texts = []
    if "package" in results:
        versions = results["versions"].items()
        shown = ", ".join(f"{name} {value}" for name, value in versions if value)
        texts += ["## Constants of the package", f"CPU time of one thread. {shown}."]
        texts.append(constants_table(results["package"]))
    if "steps" in results:
        texts += [
            f"## {results['n_rows']:,} rows in a file",
            f"{results['n_classes']:,} classes, {results['n_epochs']} epochs, batches of "
            f"{BATCH_SIZE:,} rows, {RECORD.itemsize} bytes a row. Blocks have {BLOCK_ROWS:,} rows; "
            f"{BLOCKS_TOGETHER} are in memory at a time.",
            state_table(results),
            verdict_sentence(results),
        ]
    return "\n\n".join(texts)


def constants_table(package):
    fitted, neighbors, mixtures = (package[name] for name in ("fitted", "neighbors", "mixtures"))
    rows = [
        [f"Counting, {each['n_classes']:,} classes", "row and epoch"]
        + [
            f"{each['microseconds']:.2f}",
            f"{each['fixed_bytes']:.0f} a row, {each['bytes_per_epoch']:.0f} more per epoch",
        ]
        for each in package["recorder"]
    ]
    rows += [
        [f"Verdict: {name}", "row", f"{step['microseconds']:.2f}", f"{step['bytes']:.0f}"]
        for name, step in package["verdict"].items()
    ]
    kept = (
        ("Fitted detector", "row", "bytes_per_row"),
        ("Its held-out probabilities", "row and class", "bytes_per_row_and_class"),
        ("`record_epochs=True`", "row and epoch", "bytes_per_row_and_recorded_epoch"),
        ("`get_label_issues()`", "row", "bytes_per_row_of_issues"),
    )
    rows += [[name, unit, "", f"{fitted[key]:.1f}"] for name, unit, key in kept]
    rows += [
        [f"Mixtures of {mixtures['n_classes']:,} classes, {N_LEVELS} counts", "class"]
        + [f"{mixtures['microseconds']:.1f}", f"{mixtures['bytes']:,.0f}"],
        ["Noise rate", "pair of classes", "", f"{package['noise_rate']['bytes']:.0f}"],
        [f"Neighbours, {N_FEATURES} features", "pair of rows"]
        + [f"{neighbors['nanoseconds'] / 1000:.4f}", ""],
    ]
    return markdown_table(["", "Per", "Microseconds", "Bytes"], rows)


def state_table(results):
    names = {
        "predictions": "made-up predictions alone",
        "create": "writing the labels",
        "little_memory": f"random order, 1/{MEMORY_SHARE} of the file in memory",
        "random": "random order, all of the file in memory if the system likes",
        "blocks": "block by block",
        "verdict": "verdict, three passes",
    }
    rows = []
    for key, name in names.items():
        step = results["steps"][key]
        n_rows = step["result"] if isinstance(step["result"], int) else results["n_rows"]
        n_bytes = n_rows * RECORD.itemsize
        counts_rows = key in ("little_memory", "random", "blocks")
        rows.append(
            [
                name,
                f"{n_rows:,}",
                f"{n_rows / step['seconds'] / 1e6:.3f}",
                f"{1e6 * step['cpu_seconds'] / n_rows:.3f}",
                f"{step['own_bytes'] / 1e6:,.0f} MB",
                f"{step['read'] / 1e9:.2f} GB",
                f"{step['written'] / 1e9:.2f} GB",
                f"{step['written'] / n_bytes:.1f}" if counts_rows else "",
            ]
        )
    header = [
        "",
        "Rows",
        "Million rows per second",
        "CPU microseconds per row",
        "Own memory, peak",
        "Read",
        "Written",
        "Written / changed",
    ]
    return markdown_table(header, rows)


def verdict_sentence(results):
    found = results["steps"]["verdict"]["result"]
    return (
        f"The verdict flagged {found['n_flagged']:,} rows below {found['threshold']:.3f}, and "
        f"chose {found['n_to_review']} rows to look at. Memory is the process's own; pages of the "
        "mapped file aren't counted in it."
    )


# -- the program ---------------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--folder", help="where the file lies meanwhile")
    parser.add_argument("--quick", action="store_true", help="finds errors, writes no document")
    parser.add_argument("--output", default=RESULTS / "counting_state.json")
    parser.add_argument("--document", default=DOCUMENT, help="the tables are written here")
    return parser.parse_args(arguments)


def known_results(options):
    """Return what an earlier run left of the part that isn't measured now."""
    output = Path(options.output)
    return json.loads(output.read_text()) if output.exists() and not options.quick else {}


def main(arguments=None):
    options = parse_arguments(arguments)
    n_rows = int(options.rows)
    torch.set_num_threads(1)
    results = known_results(options)
    if "package" in options.parts:
        results |= {
            "versions": environment(),
            "package": measure_package(QUICK_SIZES if options.quick else SIZES),
        }
    if "file" in options.parts:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            steps = simulate(n_rows, options.classes, options.epochs, folder)
        results |= {
            "n_rows": n_rows,
            "n_classes": options.classes,
            "n_epochs": options.epochs,
            "steps": steps,
        }
    if not options.quick:
        Path(options.output).write_text(json.dumps(results, indent=1) + "\n")
        write_section(options.document, "counting_state", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
