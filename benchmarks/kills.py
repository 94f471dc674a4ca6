"""Kill fits at random moments, fit again, and see whether they end as if nothing had happened.

Each fit runs in a process of its own, which gets SIGKILL; each epoch is kept.

    OMP_NUM_THREADS=1 python benchmarks/kills.py --n-kills 30
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from checkpointed_fits import CASES, are_equal, fit_apart, fit_here


def killed_and_equal(case, n_kills, seed):
    """Return how many fits were killed before their end, and how many of these ended equal."""
    generator, wanted = random.Random(seed), fit_here(case)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        fit_apart(case, folder)
    longest = time.monotonic() - start
    n_killed = n_equal = 0
    while n_killed < n_kills:
        with tempfile.TemporaryDirectory() as folder:
            moment = generator.uniform(0, longest)
            if fit_apart(case, folder, kill_after=moment) is None:
                n_killed += 1
                n_equal += are_equal(fit_apart(case, folder), wanted)
            else:
                # It was faster than the first one.
                longest = max(0.9 * longest, 0.05)
    return n_killed, n_equal


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", choices=CASES, action="append")
    arguments = parser.parse_args()
    for case in arguments.case or CASES:
        n_killed, n_equal = killed_and_equal(case, arguments.n_kills, arguments.seed)
        print(f"{case}: {n_killed} killed, {n_equal} equal to the bit", flush=True)


if __name__ == "__main__":
    main()
