"""Many cases by Hypothesis: checked one by one, or counted."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from hypothesis import HealthCheck, Phase, given, seed, settings

from sknoisy.methods import METHODS

from .cases import ESTIMATORS, cases
from .examination import examine

# Of all cases: no net is as cheap as they are, and they have as many kinds of input to take.
SHARE_OF_ESTIMATORS = 0.3


def cases_by_judge(n_cases):
    """Return how many of the cases go to each method that trains nets, and to estimators."""
    numbers = {ESTIMATORS: round(SHARE_OF_ESTIMATORS * n_cases)}
    n_left = n_cases - numbers[ESTIMATORS]
    for position, method in enumerate(METHODS):
        numbers[method] = n_left // len(METHODS) + (position < n_left % len(METHODS))
    return numbers


def check_cases(judge, n_cases):
    """Try cases, the same ones in each run; an error tells the smallest one that is wrong.

    Parameters
    ----------
    judge : str
        Of `cases_by_judge`.
    n_cases : int

    Returns
    -------
    int
        How many cases were tried.
    """
    n_tried = 0

    def check(case):
        nonlocal n_tried
        n_tried += 1
        for finding in examine(case).findings:
            raise _breach(finding.cause())(f"{finding.headline()}\n{finding.report}")

    _run(check, judge, n_cases, (Phase.generate, Phase.shrink))
    return n_tried


@cache
def _breach(cause):
    # Hypothesis tells failures apart by class: each is then shrunk without turning into another.
    return type("BrokenContract", (AssertionError,), {"__doc__": str(cause)})


def _run(check, judge, n_cases, phases):
    run = given(case=cases(judge))(check)
    settled = settings(
        max_examples=n_cases,
        derandomize=True,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    seed(judge)(settled(run))()


@dataclass
class Tally:
    """How many cases ended in which way, and the first case of each cause of a wrong one."""

    endings: Counter = field(default_factory=Counter)
    wrong: dict = field(default_factory=dict)

    def add(self, other):
        self.endings += other.endings
        for cause, (finding, case, times) in other.wrong.items():
            found = self.wrong.setdefault(cause, [finding, case, 0])
            found[2] += times

    def counts(self):
        ways = ", ".join(f"{n} {way}" for way, n in self.endings.most_common())
        return f"{sum(self.endings.values())} cases: {ways}"

    def __str__(self):
        lines = [self.counts()]
        for finding, case, times in self.wrong.values():
            lines += [f"\n{times} x: {finding.headline()}", f"{case}", finding.report]
        return "\n".join(lines)


def count_cases(judge, n_cases):
    """Return a tally of cases; wrong ones don't end it.

    Parameters
    ----------
    judge : str
        Of `cases_by_judge`.
    n_cases : int

    Returns
    -------
    Tally
    """
    tally = Tally()

    def count(case):
        examination = examine(case)
        for finding in examination.findings:
            tally.wrong.setdefault(finding.cause(), [finding, case, 0])[2] += 1
        tally.endings[_ending(examination)] += 1

    _run(count, judge, n_cases, (Phase.generate,))
    return tally


def _ending(examination):
    if examination.findings:
        return "wrong"
    if examination.error is None:
        return "valid"
    return f"refused {'after' if examination.n_steps else 'before'} the first training step"
