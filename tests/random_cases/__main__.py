"""Count how cases of all methods end."""

import argparse
import sys

from .running import Tally, cases_by_judge, count_cases

numbers = cases_by_judge(300)
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cases", type=int, default=300, help="in all; those of each judge follow")
parser.add_argument("--judges", nargs="+", default=list(numbers), choices=list(numbers))
options = parser.parse_args()
total = Tally()
for judge, n_cases in cases_by_judge(options.cases).items():
    if judge in options.judges:
        found = count_cases(judge, n_cases)
        print(f"{judge}: {found}", flush=True)
        total.add(found)
print(f"\nall: {total.counts()}")
sys.exit(bool(total.wrong))
