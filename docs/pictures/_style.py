"""What the pictures share: colours that suit light and dark pages, and small SVG files."""

import re
from io import StringIO

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

matplotlib.use("Agg")

RIGHT, WRONG, OTHER = "#2f7ec2", "#e0702b", "#7f8791"
# Stands for the colour of the page's text until the picture is written.
TEXT = "#010203"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sknoisy",
    "font.size": 9.5,
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
}


def new_figure(n_columns=1, *, height=2.5, width=6.6, **options):
    """Return a figure without background, and its axes in an array."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(1, n_columns, squeeze=False, **options)[0]
    for each in axes:
        each.patch.set_alpha(0)
    return figure, axes


def svg_of(figure):
    """Return the figure as SVG whose text has the page's colour and font."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(TEXT, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1; font-family: inherit", text)
    return re.sub(r"\s*\n(?!<)\s*", " ", re.sub(r"\n\s+", "\n", text))


def two_histograms(axes, values, is_wrong, bins, *, legend=None):
    """Draw how values are spread among right and among wrong labels."""
    style = {"bins": bins, "edgecolor": TEXT, "linewidth": 0.3}
    axes.hist(values[~is_wrong], color=RIGHT, alpha=0.75, label="right labels", **style)
    axes.hist(values[is_wrong], color=WRONG, alpha=0.75, label="wrong labels", hatch="//", **style)
    axes.set_ylabel("rows")
    if legend is not None:
        axes.legend(loc=legend)


def threshold_line(axes, value, words, *, side="left"):
    """Mark the threshold, and say what happens below it."""
    axes.axvline(value, color=TEXT, linestyle="--", linewidth=1)
    axes.annotate(
        words,
        (value, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if side == "left" else 4, -2),
        textcoords="offset points",
        ha="right" if side == "left" else "left",
        va="top",
        fontsize=9,
    )


def matrix(axes, values, title, *, digits=None, color=RIGHT, negative=WRONG):
    """Draw a matrix as squares, the stronger the larger the entry."""
    size = len(values)
    limit = np.abs(values).max()
    for row in range(size):
        for column in range(size):
            value = values[row, column]
            if digits is None and abs(value) / limit < 0.02:
                continue
            fill = color if value >= 0 else negative
            axes.add_patch(
                Rectangle(
                    (column, row), 1, 1, facecolor=fill, alpha=min(1, abs(value) / limit) * 0.85
                )
            )
            if digits is not None:
                number = f"{value:.{digits}f}".replace("-", "−")
                axes.text(column + 0.5, row + 0.5, number, ha="center", va="center", fontsize=8.5)
    axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal", title=title, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
