"""skrub's report on the columns of X, to be shown in a frame of its own."""

import re
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._arrays import as_array
from .._features import is_table, take_rows
from ..tables._reading import as_frame

# More rows tell a person no more, and cost time.
MAX_ROWS = 10_000
MAX_COLUMNS = 60
_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


class TableReportPage(NamedTuple):
    """skrub's page, or a sentence on why there is none.

    Parameters
    ----------
    html : str or None
    scripts : tuple of str
        What its script elements hold; nothing else may run.
    note : str
    """

    html: str | None
    scripts: tuple[str, ...]
    note: str


def table_report_page(X: Any) -> TableReportPage:
    """Return skrub's report on X, where X is a table and skrub is installed."""
    frame = _as_frame(X)
    if frame is None:
        return _without("X isn't a table, so there are no columns to describe.")
    if frame.shape[1] > MAX_COLUMNS:
        return _without(
            f"The table has {frame.shape[1]:,} columns. Up to {MAX_COLUMNS} are described here."
        )
    if find_spec("skrub") is None:
        return _without(
            "With skrub installed (pip install skrub), its report on the columns stands here: "
            "distributions, missing values and associations."
        )
    note = ""
    if len(frame) > MAX_ROWS:
        rows = np.sort(np.random.RandomState(0).permutation(len(frame))[:MAX_ROWS])
        note = f"By {MAX_ROWS:,} of {len(frame):,} rows, drawn by chance."
        frame = take_rows(frame, rows)
    from skrub import TableReport

    html = TableReport(frame, verbose=0, title="Columns of X").html()
    return TableReportPage(html, tuple(_SCRIPT.findall(html)), note)


def _without(note: str) -> TableReportPage:
    return TableReportPage(None, (), note)


def _as_frame(X: Any) -> pd.DataFrame | None:
    """Return a table as a DataFrame with names of columns that are texts; None for other rows."""
    X = as_frame(as_array(X, "X")) if X is not None else None
    if isinstance(X, pd.DataFrame):
        return X.set_axis([str(name) for name in X.columns], axis=1)
    if isinstance(X, np.ndarray) and X.ndim == 2 and is_table(X):
        return pd.DataFrame(X, columns=[f"column {number}" for number in range(X.shape[1])])
    return None
