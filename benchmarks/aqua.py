"""Detection by the protocol of AQuA (Goswami et al., NeurIPS 2023), on tables as people have them.

Labels are flipped at rates of 0.1 and 0.4 in four ways, and the verdict is scored by the F1 of both
classes, wrong and right, weighted by their sizes. That score is high for a verdict that flags
nothing, which is given beside the others::

    python benchmarks/aqua.py --n-jobs 2
    python benchmarks/aqua.py --summary
"""

import argparse
import sys
from itertools import product

import pandas as pd
from _common import (
    DOCUMENTS,
    RESULTS,
    environment,
    markdown_table,
    read_results,
    run_missing,
    write_section,
)
from _raw_tables import AQUA_NOISES, RAW_TABLES
from judges import KEY, METHODS, evaluate_cell

JUDGES = ("default", "trees", "net", "cleanlab_trees", "area_under_margin", "flag_nothing")
MAX_ROWS = 2000


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(RAW_TABLES))
    parser.add_argument("--noises", nargs="+", choices=AQUA_NOISES, default=list(AQUA_NOISES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(JUDGES))
    parser.add_argument("--max-rows", type=int, default=MAX_ROWS)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--output", default=RESULTS / "aqua.jsonl")
    parser.add_argument("--summary", action="store_true", help="print and write, run nothing")
    parser.add_argument(
        "--document", default=DOCUMENTS / "practice.md", help="where the summary is written"
    )
    options = parser.parse_args(arguments)
    if options.summary:
        return write_summary(options)
    cells = product(options.seeds, options.tables, options.noises, options.methods)
    jobs = [
        dict(zip(KEY, (table, noise, seed, method, options.max_rows), strict=True))
        for seed, table, noise, method in cells
    ]
    n_failed = run_missing(evaluate_cell, jobs, options.output, n_jobs=options.n_jobs)
    return int(n_failed > 0)


def write_summary(options):
    records = [
        record["figures"] | {name: record[name] for name in KEY}
        for record in read_results(options.output, KEY).values()
    ]
    if not records:
        print(f"{options.output} has no results", file=sys.stderr)
        return 1
    text = summarize(pd.DataFrame(records))
    write_section(options.document, "aqua", text)
    print(text)
    return 0


def summarize(frame):
    """Return the weighted F1 of each judge by noise, and its worst cell beside flagging nothing."""
    frame["cell"] = frame[["table", "noise", "seed"]].astype(str).agg(" ".join, axis=1)
    wide = frame.pivot(index="cell", columns="method", values="weighted_f1").dropna()
    frame = frame[frame["cell"].isin(wide.index)]
    noises = [noise for noise in AQUA_NOISES if noise in set(frame["noise"])]
    lines = []
    for name in [name for name in JUDGES if name in wide]:
        own = frame[frame["method"] == name]
        gain = wide[name] - wide["flag_nothing"]
        means = [own.loc[own["noise"] == noise, "weighted_f1"].mean() for noise in noises]
        worst = "" if name == "flag_nothing" else f"{gain.min():+.3f} {gain.idxmin()}"
        lines.append([name, *(f"{each:.3f}" for each in means), f"{wide[name].mean():.3f}", worst])
    seeds = ", ".join(map(str, sorted(frame["seed"].unique())))
    packages = ", ".join(f"{name} {each}" for name, each in environment().items() if each)
    head = (
        f"Tables {', '.join(sorted(frame['table'].unique()))}; seeds {seeds}. Packages: {packages}."
    )
    header = ["weighted F1", *noises, "mean", "worst beside flagging nothing"]
    return head + "\n\n" + markdown_table(header, lines)


if __name__ == "__main__":
    sys.exit(main())
