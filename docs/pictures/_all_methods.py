"""The picture of what every method reaches at which cost, drawn from the results of a benchmark."""

import sys

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ._benchmarks import BENCHMARKS
from ._style import OTHER, RIGHT, TEXT, WRONG

PANELS = {
    "few": "Tables of 1,500 rows, 40 % random",
    "many": "Tables of 10,000 rows, 40 % random",
    "people": "Embeddings, labels of people",
}
ROWS = {"gain": "accuracy above plain training", "auc": "AUC of the verdict"}
TICKS = (0.5, 1, 2, 4, 8)
PLAIN, RIVAL = "cross_entropy", "wrong_event"
# Where a name may lie beside its point, in points; the first that is free is taken.
PLACES = [
    (x, y, side)
    for radius in (5, 11, 18, 26)
    for x, y, side in (
        (radius, 0, "left"),
        (-radius, 0, "right"),
        (radius * 0.7, radius * 0.7, "left"),
        (radius * 0.7, -radius * 0.7, "left"),
        (-radius * 0.7, radius * 0.7, "right"),
        (-radius * 0.7, -radius * 0.7, "right"),
        (0, radius + 2, "center"),
        (0, -radius - 2, "center"),
    )
]


def results():
    """Return the figures of each panel, beside those of plain training on the same data."""
    sys.path.insert(0, str(BENCHMARKS))
    import tables
    from _all_methods_summary import figures_frame
    from _common import RESULTS, read_results
    from all_methods import KEY, WITH_TRUSTED

    records = read_results(RESULTS / "all_methods.jsonl", KEY).values()
    frame = figures_frame(
        record | {"uses_trusted": record["method"] in WITH_TRUSTED} for record in records
    )
    older = [
        # Nobody has measured plain training with trusted rows there.
        record | {"data": record["table"], "uses_trusted": False}
        for record in read_results(RESULTS / "tables.jsonl", tables.KEY).values()
        if (record["noise"], record["seed"], record["max_epochs"]) == ("symmetric", 0, None)
        and "accuracy" in record["figures"]
    ]
    older = figures_frame(older)
    older["uses_trusted"] = older["method"].isin(WITH_TRUSTED)
    return {
        "few": frame[frame["noise"] == "symmetric"],
        "many": older[older["max_rows"] == tables.MAX_TRAIN_ROWS],
        "people": frame[frame["noise"] == "worse"],
    }


def means(frame):
    """Return the means over data and seeds of each method, and its cost."""
    from _all_methods_summary import costs

    wide = frame.groupby("method").agg(
        gain=("gain", "mean"), auc=("auc", "mean"), uses_trusted=("uses_trusted", "first")
    )
    return wide.assign(cost=costs(frame)).drop(index=f"{PLAIN}_trusted", errors="ignore")


def all_methods():
    panels = {name: means(frame) for name, frame in results().items()}
    figure = Figure(figsize=(8.6, 7.2), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(len(ROWS), len(PANELS), sharex=True)
    for column, (panel, title) in enumerate(PANELS.items()):
        for row, (name, words) in enumerate(ROWS.items()):
            draw_panel(axes[row, column], panels[panel], name)
            axes[row, column].patch.set_alpha(0)
            if not column:
                axes[row, column].set_ylabel(words)
        axes[0, column].set_title(title)
    # Tables have one scale; features are learnt well by all, and need a finer one.
    for few, many, _ in axes:
        low, high = zip(few.get_ylim(), many.get_ylim(), strict=True)
        for each in (few, many):
            each.set_ylim(min(low), max(high))
    for column in range(len(PANELS)):
        axes[-1, column].set_xlabel("cost, in plain trainings")
    figure.legend(handles=legend(), loc="outside lower center", ncols=4, fontsize=8.5)
    figure.canvas.draw()
    for row, name in enumerate(ROWS):
        for column, panel in enumerate(PANELS):
            put_names(figure, axes[row, column], panels[panel], name)
    return figure


def draw_panel(axes, wide, name):
    for method, point in wide.iterrows():
        axes.scatter(point["cost"], point[name], **style_of(method, point["uses_trusted"]))
    axes.axhline(wide.loc[RIVAL, name], color=RIGHT, linewidth=0.7, linestyle="--")
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    axes.grid(color=TEXT, alpha=0.12, linewidth=0.5)


def style_of(method, uses_trusted):
    base = method.removesuffix("_trusted")
    color = {RIVAL: RIGHT, PLAIN: OTHER}.get(base, WRONG)
    return {
        "color": color,
        "marker": "^" if uses_trusted else "o",
        "s": 34 if base == RIVAL else 20,
        "linewidth": 0,
        "zorder": 3,
    }


def put_names(figure, axes, wide, name):
    """Write each method's name beside its point, where nothing is written yet."""
    dots = axes.transData.transform(wide[["cost", name]].to_numpy())
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in dots]
    frame = axes.get_window_extent()
    line = axes.transData.transform((1, wide.loc[RIVAL, name]))[1]
    taken.append((frame.x0, line - 1, frame.x1, line + 1))
    for number in np.argsort(-dots[:, 1]):
        x, y = dots[number]
        words = wide.index[number].removesuffix("_trusted").replace("_", " ")
        wide_box, high_box = 3.9 * len(words) * figure.dpi / 100, 8.5
        for dx, dy, side in PLACES:
            shift = {"left": 0, "right": -1, "center": -0.5}[side]
            left, low = x + dx + shift * wide_box, y + dy - high_box / 2
            box = (left, low, left + wide_box, low + high_box)
            inside = frame.x0 <= box[0] and box[2] <= frame.x1 + 4
            if inside and not any(overlap(box, other) for other in taken):
                break
        taken.append(box)
        scale = 72 / figure.dpi
        axes.annotate(
            words,
            (wide["cost"].iloc[number], wide[name].iloc[number]),
            xytext=(dx * scale, dy * scale),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": TEXT, "alpha": 0.5},
        )


def overlap(box, other):
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def legend():
    return [
        Line2D([], [], linestyle="", marker=marker, color=color, label=words, markersize=5)
        for marker, color, words in (
            ("o", RIGHT, "wrong event"),
            ("o", WRONG, "other methods"),
            ("o", OTHER, "plain training"),
            ("^", TEXT, "given a tenth of trusted rows"),
        )
    ]
