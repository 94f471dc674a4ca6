"""What the package costs on top of plain training, as ratios measured side by side.

Both sides of a ratio run by turns in one process, trainings epoch by epoch, so that a busy computer
slows both; the clock is the CPU time of one thread, of the process for the import, and the wall's
for threads that may wait for each other::

    python benchmarks/speed.py
    python benchmarks/speed.py --ratios wrapper grid --n-repeats 9
    python benchmarks/speed.py --quick
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from _common import FOLDER, RESULTS, environment, markdown_table, verdict, warm_up, write_section
from _image_ratios import cuda_ratios, image_ratios, memory_ratios
from _process_ratios import process_ratios
from _ratios import QUICK, Sizes
from _table_ratios import method_ratios, other_ratios, table_ratios
from _turns import by_turns

DOCUMENT = FOLDER.parent / "docs" / "benchmarks" / "performance.md"
PARTS = (
    table_ratios,
    method_ratios,
    image_ratios,
    memory_ratios,
    other_ratios,
    process_ratios,
    cuda_ratios,
)


def measure(ratio, n_repeats, n_unmeasured=1):
    """Run both sides by turns, after some runs for nothing; return the median of the ratios."""
    sides = ratio.measured, ratio.reference or (lambda: 1.0)
    run = one_after_the_other if ratio.wall_clock else by_turns
    for _ in range(n_unmeasured):
        run(*sides)
    # Who begins changes, since the first epoch of all is the slowest.
    pairs = [run(*sides[::order])[::order] for order in _orders(n_repeats)]
    measured, references = zip(*pairs, strict=True)
    paired = np.divide(measured, references)
    value = float(np.median(paired))
    return {
        "text": ratio.text,
        "ratio": value,
        "lowest": float(paired.min()),
        "highest": float(paired.max()),
        "limit": ratio.limit,
        "is_met": None if ratio.limit is None else value <= ratio.limit,
        "n_repeats": n_repeats,
        "unit": ratio.unit,
        "measured": list(measured),
        "reference": None if ratio.reference is None else list(references),
    }


def one_after_the_other(*functions):
    return [function() for function in functions]


def _orders(n_repeats):
    return [1 if repeat % 2 else -1 for repeat in range(n_repeats)]


def summarize(results):
    rows = [
        [
            figures["text"],
            _reference_text(figures),
            f"{figures['ratio']:.3f}",
            f"{figures['lowest']:.3f} to {figures['highest']:.3f}",
            "" if figures["limit"] is None else f"<= {figures['limit']:.3g}",
            "" if figures["limit"] is None else verdict(figures["is_met"]),
        ]
        for figures in results["ratios"].values()
    ]
    header = ["", "Reference", "Ratio", "Single pairs", "Limit", ""]
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    n_repeats = min((figures["n_repeats"] for figures in results["ratios"].values()), default=0)
    about = f"Medians of {n_repeats} or more pairs on one CPU thread. {shown}."
    return f"## Ratios\n\n{about}\n\n{markdown_table(header, rows)}"


def _reference_text(figures):
    if figures["reference"] is None:
        return ""
    value = np.median(figures["reference"])
    return f"{value / 1e6:.0f} MB" if figures["unit"] == "MB" else f"{value:.4f} s"


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratios", nargs="+", default=None, help="names; default: all")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: finds errors, not times")
    parser.add_argument("--n-repeats", type=int, default=None, help="default: 5")
    parser.add_argument("--output", default=None, help="default: in results/")
    parser.add_argument("--document", default=DOCUMENT, help="the table is written here")
    options = parser.parse_args(arguments)
    if options.output is None:
        options.output = RESULTS / ("speed_quick.json" if options.quick else "speed.json")
    return options


def save(measured, options):
    """Write the ratios next to those that earlier runs with these settings left."""
    output = Path(options.output)
    settings = {"versions": environment(), "quick": options.quick}
    known = json.loads(output.read_text()) if output.exists() else {}
    is_alike = all(known.get(name) == value for name, value in settings.items())
    results = settings | {"ratios": (known["ratios"] if is_alike else {}) | measured}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    return results


def measure_all(options):
    """Return the figures of the ratios asked for, by name."""
    sizes = QUICK if options.quick else Sizes()
    n_repeats = sizes.n_repeats if options.n_repeats is None else options.n_repeats
    n_threads_before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        warm_up()
        ratios = {name: ratio for part in PARTS for name, ratio in part(sizes).items()}
        measured = {}
        for name in options.ratios or ratios:
            measured[name] = measure(ratios[name], n_repeats, sizes.n_unmeasured)
            print(f"{name}: {measured[name]['ratio']:.3f}", flush=True)
        return measured
    finally:
        torch.set_num_threads(n_threads_before)


def main(arguments=None):
    options = parse_arguments(arguments)
    results = save(measure_all(options), options)
    if not options.quick:
        write_section(options.document, "speed", summarize(results))
    print(summarize(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
