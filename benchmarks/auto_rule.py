"""Could a rule that looks at the data choose a better method than the default?

From results that are there, without training: of each of the 15 tables, the rule is chosen on the
other 14 and then used on it. A rule is one method for all tables, or two with a limit on one
property of the data, the best of all on the tables that it is chosen on. Printed is what it gains
over always taking wrong event, beside a rule that knows the best method of each table::

    python benchmarks/auto_rule.py
"""

import sys

import numpy as np
import pandas as pd
from _common import RESULTS, load_cell, markdown_table, read_results
from all_methods import KEY, WITH_TRUSTED
from tables import KEY as TABLES_KEY

DEFAULT = "wrong_event"
MIN_TABLES = 3
FIGURES = ("accuracy", "auc")
# Not methods to choose from: no training in spite of wrong labels, or judges of another kind.
LEFT_OUT = ("cross_entropy", "cleanlab", "lsw_self_trusted", "wrong_event_detector")


def properties(tables, max_rows):
    """Return what a rule may look at, one row per table; nothing that right labels tell."""
    rows = {}
    for table in tables:
        cell = load_cell(table, "symmetric", 0, max_rows=max_rows)
        sizes = np.bincount(cell.y_noisy)
        rows[table] = {
            "rows": len(cell.y_noisy),
            "columns": cell.X.shape[1],
            "classes": len(sizes),
            "rows of a class": len(cell.y_noisy) / len(sizes),
            "smallest class": sizes.min() / len(cell.y_noisy),
            "largest class": sizes.max() / len(cell.y_noisy),
        }
    return pd.DataFrame(rows).T


def gains_of_rules(figures, seen):
    """Return what each kind of rule gains on the table that it wasn't chosen on.

    Parameters
    ----------
    figures : DataFrame
        One row per table, one column per method.
    seen : DataFrame
        The properties of these tables.

    Returns
    -------
    dict of str to Series
        By table, the figure of the method that the rule takes less that of the default.
    """
    kinds = {"one method": [], "two methods": [], "the best of each table": []}
    for table in figures.index:
        others = figures.drop(index=table)
        own = figures.loc[table]
        kinds["one method"].append(own[others.mean().idxmax()])
        kinds["two methods"].append(own[choose_by_one_property(others, seen, table)])
        kinds["the best of each table"].append(own.max())
    return {
        kind: pd.Series(values, figures.index) - figures[DEFAULT] for kind, values in kinds.items()
    }


def choose_by_one_property(others, seen, table):
    """Return the method of a table, by the limit that serves the other tables best."""
    best, method = -np.inf, DEFAULT
    for name in seen.columns:
        values = np.unique(seen.loc[others.index, name])
        for limit in (values[1:] + values[:-1]) / 2:
            is_above = seen.loc[others.index, name] > limit
            if min(is_above.sum(), (~is_above).sum()) < MIN_TABLES:
                continue
            sides = {side: others[is_above == side] for side in (False, True)}
            total = sum(part.sum().max() for part in sides.values())
            if total > best:
                side = bool(seen.loc[table, name] > limit)
                best, method = total, sides[side].mean().idxmax()
    return method


def read_frames():
    """Yield a name, the cap of rows, and the figures of methods without trusted rows."""
    newest = read_results(RESULTS / "all_methods.jsonl", KEY).values()
    older = [
        record | {"data": record["table"]}
        for record in read_results(RESULTS / "tables.jsonl", TABLES_KEY).values()
        if record["max_epochs"] is None
    ]
    for records, noises in ((newest, ("symmetric",)), (older, ("symmetric", "pair", "instance"))):
        frame = pd.DataFrame([record | record["figures"] for record in records])
        frame = frame[~frame["method"].isin((*LEFT_OUT, *WITH_TRUSTED))]
        for noise in noises:
            rows = frame[frame["noise"] == noise]
            yield noise, rows["max_rows"].max(), rows


def summarize():
    lines = []
    for noise, max_rows, rows in read_frames():
        n_tables = rows.groupby("method")["data"].nunique()
        complete = n_tables.index[n_tables == n_tables[DEFAULT]]
        seen = properties(sorted(rows["data"].unique()), max_rows)
        for figure in FIGURES:
            wide = rows[rows["method"].isin(complete)].pivot_table(
                index="data", columns="method", values=figure
            )
            for kind, gain in gains_of_rules(wide, seen).items():
                lines.append(
                    [
                        f"{noise}, {max_rows:,} rows, {len(complete)} methods",
                        figure,
                        kind,
                        f"{gain.mean():+.4f}",
                        f"{(gain > 0).sum()} / {(gain < 0).sum()}",
                        f"{gain.min():+.3f} {gain.idxmin()}",
                    ]
                )
    header = ["noise", "figure", "rule", "gain", "tables above / below", "worst"]
    return markdown_table(header, lines)


if __name__ == "__main__":
    print(summarize())
    sys.exit(0)
