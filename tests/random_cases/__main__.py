"""Count how cases of all methods end."""

import argparse
import sys

from sknoisy.methods import METHODS

from .running import Tally, count_cases

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cases", type=int, default=300, help="in all")
parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
options = parser.parse_args()
total = Tally()
for position, method in enumerate(options.methods):
    n_cases = options.cases // len(options.methods)
    n_cases += position < options.cases % len(options.methods)
    found = count_cases(method, n_cases)
    print(f"{method}: {found}", flush=True)
    total.add(found)
print(f"\nall: {total.counts()}")
sys.exit(bool(total.wrong))
