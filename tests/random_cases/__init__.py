"""Random cases for both estimators: each ends in a clear error or in a valid result.

`cases` is a Hypothesis strategy of cases, and `examine` fits one. Parameters of methods come from
the signatures of their classes, so methods that are added later take part.

    python -m tests.random_cases --cases 5000
"""

import os

# Before torch is imported: small nets gain nothing from more threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from .running import cases_by_judge, check_cases, count_cases

__all__ = ["cases_by_judge", "check_cases", "count_cases"]
