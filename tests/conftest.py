"""What holds for all tests."""

import os

# Before torch is imported. One thread per process: small nets gain nothing from more, threads that
# wait for each other on a busy machine cost many times the work, and the last digits depend on
# their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
