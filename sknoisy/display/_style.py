"""How all pictures look: axes, lines that grey print keeps apart, legends, texts.

Colours of text, axes and background are matplotlib's own settings, so that its style sheets,
``dark_background`` for one, apply here too. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What users pass to an artist.
Keywords: TypeAlias = Mapping[str, Any] | None

# Of the palette of Okabe and Ito, whose colours stay apart in every common colour blindness, the
# darker ones: each has a contrast of 3 and more to white and to a nearly black background.
BLUE, ORANGE_RED, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
BROWN, PURPLE, GREY = "#B07A00", "#7A6FC9", "#888888"
# For areas beside an orange-red one, from which it differs in brightness too.
PALE_BLUE = "#56B4E9"

LINE_COLORS = (BLUE, ORANGE_RED, GREEN, PINK, BROWN, PURPLE, GREY)
LINE_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
LINE_MARKERS = ("o", "s", "^", "D", "v", "P")
MAX_MARKERS = 10

# Inches round what a new figure holds.
PADDING = 0.08
# Points. Pictures that are narrower get smaller letters.
NARROW = 290.0
# Mean width of a letter, as a part of the font size.
LETTER_WIDTH = 0.56
# Shorter names tell nothing.
LEAST_LETTERS = 3


def new_axes(
    *, figsize: tuple[float, float] = (6.4, 4.0), layout: str = "constrained", **keywords: Any
) -> Any:
    """Return the axes of a new figure; those of fixed proportions want the layout "compressed"."""
    import matplotlib.pyplot as pyplot

    figure, axes = pyplot.subplots(figsize=figsize, layout=layout, **keywords)
    figure.get_layout_engine().set(w_pad=PADDING, h_pad=PADDING)
    return axes


def check_axes(
    axes: Any,
    n_wanted: int,
    *,
    max_columns: int = 4,
    panel: tuple[float, float] = (2.0, 2.2),
    sharey: bool = False,
) -> Any:
    """Return axes as an array, those of a new figure if there are none; raise if they are few."""
    if axes is None:
        n_columns = min(n_wanted, max_columns)
        n_rows = -(-n_wanted // n_columns)
        size = (2.1 + panel[0] * n_columns, 0.6 + panel[1] * n_rows)
        grid: dict[str, Any] = {"nrows": n_rows, "ncols": n_columns, "sharey": sharey}
        axes = new_axes(figsize=size, squeeze=False, **grid)
    axes = np.ravel(np.asarray(axes))
    if len(axes) < n_wanted:
        raise ValueError(f"ax must be at least {n_wanted} axes, got {len(axes)}.")
    return axes


def settings(name: str) -> Any:
    """Return a setting of matplotlib's, such as "text.color"."""
    import matplotlib

    known: Any = matplotlib.rcParams
    return known[name]


def merged(defaults: Mapping[str, Any], given: Keywords, artist: str) -> dict[str, Any]:
    """Return keywords for an artist, those of the user over ours, whatever alias they have.

    Parameters
    ----------
    defaults : dict
    given : dict or None
    artist : str
        Name of its class, for instance "lines.Line2D".
    """
    from importlib import import_module

    from matplotlib.cbook import normalize_kwargs

    module, name = artist.split(".")
    kind = getattr(import_module(f"matplotlib.{module}"), name)
    return {**normalize_kwargs(dict(defaults), kind), **normalize_kwargs(dict(given or {}), kind)}


def line_style(number: int, n_points: int = 0) -> dict[str, Any]:
    """Return how the line of this number looks; colour, dashes and markers all tell it apart.

    Parameters
    ----------
    number : int
    n_points : int, default=0
        With as many points the line has some markers. 0: none.
    """
    style: dict[str, Any] = {
        "color": LINE_COLORS[number % len(LINE_COLORS)],
        "linestyle": LINE_STYLES[number % len(LINE_STYLES)],
        "linewidth": 1.7,
    }
    if n_points:
        every = math.ceil(n_points / MAX_MARKERS)
        style["marker"] = LINE_MARKERS[number % len(LINE_MARKERS)]
        style["markersize"] = 4.5
        # Lines begin their markers apart, so that those of equal values don't hide one another.
        style["markevery"] = (number % every, every)
    return style


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Return width and height of axes, as they are before the layout is settled."""
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    return box.width * points, box.height * points


def picture_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the figure, or part of one, that holds the axes, in points."""
    points = 72 / ax.figure.dpi
    return ax.figure.bbox.width * points, ax.figure.bbox.height * points


def font_sizes(ax: Axes) -> tuple[float, float]:
    """Return the sizes of titles of axes and of tick labels, in points."""
    base = float(settings("font.size"))
    shrunk = 0.8 if is_narrow(ax) else 1.0
    return base * shrunk, 0.9 * base * shrunk


def tidy_axes(ax: Axes, *, grid: Literal["both", "x", "y"] | None = "y") -> None:
    """Leave of the frame what is needed, and fit the letters to the size."""
    title_size, tick_size = font_sizes(ax)
    ax.spines[["top", "right"]].set_visible(False)
    ax.xaxis.label.set_fontsize(title_size)
    ax.yaxis.label.set_fontsize(title_size)
    ax.tick_params(labelsize=tick_size)
    if grid is not None:
        ax.grid(True, axis=grid, color=GREY, alpha=0.25, linewidth=0.7)
        ax.set_axisbelow(True)


def is_narrow(ax: Axes) -> bool:
    """Return whether there is little room for words."""
    return size_in_points(ax)[0] < NARROW


def show_shares(axis: Any) -> None:
    """Write the numbers of an axis as percentages."""
    axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")


def add_legend(ax: Axes, handles: Sequence[Any] | None = None, given: Keywords = None) -> Any:
    """Explain lines and areas: below the axes if the figure makes room for it, or within them."""
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    if not handles:
        return None
    size = font_sizes(ax)[1]
    keywords: dict[str, Any] = {"handles": handles, "fontsize": size, "title_fontsize": size}
    if ax.figure.get_layout_engine() is None:
        keywords |= {"loc": "best", "framealpha": 0.8, "edgecolor": "none"}
    else:
        keywords |= _below(ax, [str(each.get_label()) for each in handles], size)
    return ax.legend(**{**keywords, **(given or {})})


def add_common_legend(axes: Any) -> Any:
    """Explain what all of some axes show: below them, or, without room for it, in the first."""
    ax = axes[0]
    handles = ax.get_legend_handles_labels()[0]
    if len(axes) == 1 or ax.figure.get_layout_engine() is None:
        return add_legend(ax, handles)
    size = font_sizes(ax)[1]
    columns = _columns(ax, [str(each.get_label()) for each in handles], size)
    place: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "fontsize": size}
    return ax.figure.legend(handles=handles, **place, **columns)


def _columns(ax: Axes, names: Sequence[str], size: float) -> dict[str, Any]:
    # Font sizes that line and gaps of an entry take.
    handle, gap = (1.5, 0.8) if is_narrow(ax) else (2.0, 1.4)
    column = (max(map(len, names)) * 0.95 * LETTER_WIDTH + handle + 1.0 + gap) * size
    n_columns = max(1, min(len(names), int(picture_size(ax)[0] / column)))
    # As evenly filled as can be.
    n_columns = math.ceil(len(names) / math.ceil(len(names) / n_columns))
    return {"ncols": n_columns, "handlelength": handle, "columnspacing": gap}


def _below(ax: Axes, names: Sequence[str], size: float) -> dict[str, Any]:
    from matplotlib.transforms import ScaledTranslation

    title_size, tick_size = font_sizes(ax)
    has_ticks = 1.3 * tick_size + settings("xtick.major.size") + settings("xtick.major.pad")
    has_title = 1.3 * title_size + settings("axes.labelpad") if ax.get_xlabel() else 0.0
    shift = ScaledTranslation(0, -(has_ticks + has_title) / 72, ax.figure.dpi_scale_trans)
    return {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, 0.0),
        "bbox_transform": ax.transAxes + shift,
        "frameon": False,
        "borderaxespad": 0.2,
        **_columns(ax, names, size),
    }


def plain_text(value: Any) -> str:
    """Return a name as matplotlib shows it letter by letter: on one line, and not as a formula."""
    text = " ".join(str(value).split()).replace("$", r"\$")
    # Names that begin so are left out of legends.
    return f" {text}" if text.startswith("_") else text


def text_width(text: str, size: float) -> float:
    """Return the width of a text of a font size, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]


def fitted(text: str, width: float, size: float) -> str:
    """Shorten a text of a font size to a width, both in points."""
    n_letters = len(text)
    while n_letters > LEAST_LETTERS and text_width(shortened(text, n_letters), size) > width:
        n_letters -= 1
    return shortened(text, n_letters)


def shortened(text: str, n_letters: int) -> str:
    """Leave out the middle of a text that is too long, since names often differ at their ends."""
    n_letters = max(n_letters, LEAST_LETTERS)
    if len(text) <= n_letters:
        return text
    head = n_letters // 2
    return f"{text[:head].rstrip()}…{text[len(text) - (n_letters - 1 - head) :].lstrip()}"
