"""Kill fits at random moments, fit again, and see whether they end as if nothing had happened.

Each fit runs in a process of its own, which gets SIGKILL; each epoch is kept. A run that was
stopped itself goes on with the kills that it hasn't made yet.

    OMP_NUM_THREADS=1 python benchmarks/kills.py --n-kills 30
    OMP_NUM_THREADS=1 python benchmarks/kills.py --case LSW --case DivideMix
    python benchmarks/kills.py --summary
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from _common import DOCUMENTS, FOLDER, RESULTS, environment, markdown_table, write_section

sys.path.insert(0, str(FOLDER.parent / "tests"))

from checkpointed_fits import CASES, are_equal, fit_apart, fit_here
from script_runner import CONTEXT, LIBRARIES

from sknoisy import _checkpoints

DOCUMENT = DOCUMENTS / "reliability.md"
# So that the time of a fit is that of its trainings.
IMPORTED = (
    "sknoisy._checkpoints",
    "sknoisy._classifier",
    "sknoisy._detector",
    "sknoisy.datasets",
    "sknoisy.metrics",
    "sknoisy.noise",
    "safetensors.numpy",
    "filelock",
    "torch._dynamo",
)


def kills_of_case(case, n_kills, seed, counts):
    """Yield how many fits were killed, how many of them had kept something, and ended equal.

    `counts` are those of an earlier run.
    """
    if counts["killed"] >= n_kills:
        return
    generator, wanted = random.Random(f"{seed} {counts['killed']}"), fit_here(case)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        fit_apart(case, folder)
    longest = time.monotonic() - start
    while counts["killed"] < n_kills:
        with tempfile.TemporaryDirectory() as folder:
            moment = generator.uniform(0, longest)
            if fit_apart(case, folder, kill_after=moment) is None:
                counts["killed"] += 1
                counts["gone_on"] += any(Path(folder).glob(f"*{_checkpoints.SUFFIX}"))
                counts["equal"] += are_equal(fit_apart(case, folder), wanted)
                yield counts
            else:
                # It was faster than the first one.
                longest = max(0.9 * longest, 0.05)


def summarize(results):
    rows = [
        [case, *(str(counts[name]) for name in ("killed", "gone_on", "equal"))]
        for case, counts in results["cases"].items()
    ]
    total = ["all", *(str(sum(int(row[column]) for row in rows)) for column in (1, 2, 3))]
    header = ["", "Killed", "Had a checkpoint", "Then equal to the bit"]
    shown = ", ".join(f"{name} {value}" for name, value in results["versions"].items() if value)
    about = (
        "Fits in processes of their own that got SIGKILL at a random moment and were then fitted "
        f"again, on one CPU thread. {shown}."
    )
    return f"## Kills\n\n{about}\n\n{markdown_table(header, [*rows, total])}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument(
        "--summary", action="store_true", help="write the document and nothing else"
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "kills.json")
    parser.add_argument("--document", default=DOCUMENT, help="the table is written here")
    options = parser.parse_args(arguments)
    CONTEXT.set_forkserver_preload([*LIBRARIES, *IMPORTED])
    known = json.loads(options.output.read_text())["cases"] if options.output.exists() else {}
    for case in () if options.summary else options.case or CASES:
        earlier = known.get(case, {"killed": 0, "gone_on": 0, "equal": 0})
        for counts in kills_of_case(case, options.n_kills, options.seed, earlier):
            known[case] = counts
            print(case, counts, flush=True)
            results = {"versions": environment(), "cases": known}
            options.output.write_text(json.dumps(results, indent=1) + "\n")
    write_section(options.document, "kills", summarize(json.loads(options.output.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
