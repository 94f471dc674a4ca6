"""The picture of the benchmarks' first page, drawn from the results in `benchmarks/results`."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ._style import OTHER, RIGHT, TEXT, WRONG, new_figure

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
NOISES = {"none": "none", "pair_0.1": "pair, 10 %", "symmetric_0.4": "random, 40 %"}
MARKERS = {
    "pair_0.05": "o",
    "pair_0.1": "s",
    "instance_0.2": "D",
    "symmetric_0.4": "^",
    "human": "*",
}
WORDS = {
    "pair_0.05": "pair, 5 %",
    "pair_0.1": "pair, 10 %",
    "instance_0.2": "by row, 20 %",
    "symmetric_0.4": "random, 40 %",
    "human": "of people",
}


def results():
    """Return the figures of judges on the tables that no rule was chosen on."""
    sys.path.insert(0, str(BENCHMARKS))
    from judges import CHOSEN_ON

    lines = (BENCHMARKS / "results" / "judges.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    frame = pd.DataFrame([{**record, **record.pop("figures", {})} for record in records])
    frame = frame.drop_duplicates(["table", "noise", "seed", "method"], keep="last")
    return frame[~frame["table"].isin(CHOSEN_ON)]


def benchmarks():
    frame = results()
    figure, (left, right) = new_figure(2, height=3.1, width=7.4)
    wide = frame.pivot(index=["table", "noise", "seed"], columns="method", values="auc")
    wide = wide[["cleanlab_trees", "default"]].dropna()
    low = np.floor(wide.to_numpy().min() * 20) / 20
    left.plot([low, 1], [low, 1], color=TEXT, linewidth=0.8, linestyle="--")
    for noise, marker in MARKERS.items():
        rows = wide[wide.index.get_level_values("noise") == noise]
        left.scatter(
            rows["cleanlab_trees"],
            rows["default"],
            s=26,
            marker=marker,
            color=RIGHT,
            alpha=0.75,
            linewidth=0,
            label=WORDS[noise],
        )
    left.set(xlabel="AUC, cleanlab with boosted trees", ylabel="AUC, NoisyLabelDetector()")
    left.set(
        xlim=(low, 1.005), ylim=(low, 1.005), title="Finding wrong labels: above the line is better"
    )
    left.legend(title="wrong labels", loc="lower right", fontsize=8.5)
    accuracy_panel(right, frame)
    return figure


def accuracy_panel(axes, frame):
    lines = (
        ("robust_default", RIGHT, "o-", "RobustClassifier()"),
        ("cleanlab_trees", OTHER, "s--", "cleanlab, boosted trees"),
        ("boosted_all_rows", WRONG, "^:", "boosted trees, all rows"),
    )
    frame = frame[frame["accuracy"].notna() & frame["noise"].isin(NOISES)]
    frame = frame[frame["method"].isin([name for name, *_ in lines])]
    cells = frame.groupby(["table", "noise", "seed"])["method"].transform("nunique")
    frame = frame[cells == len(lines)]
    for name, color, style, words in lines:
        means = frame[frame["method"] == name].groupby("noise")["accuracy"].mean()
        axes.plot(range(len(NOISES)), means[list(NOISES)], style, color=color, label=words)
    axes.set_xticks(range(len(NOISES)), NOISES.values())
    axes.set(xlabel="wrong labels", ylabel="accuracy on right test labels", ylim=(0.7, 1))
    axes.set_title("Learning in spite of them")
    axes.legend(loc="lower left", fontsize=8.5)
