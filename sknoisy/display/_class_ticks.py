"""Ticks for classes: as many names as there is room for, and as much of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.ticker import Formatter, Locator

from ._style import LETTER_WIDTH, font_sizes, picture_size, plain_text, shortened, size_in_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lines of names are so many font sizes apart, at least.
LINE_HEIGHT = 1.25
# Names take no more of the picture than this.
LARGEST_SHARE = 0.34
# A word of four letters and its gap fit side by side.
GAP = 1.2


class ClassLocator(Locator):
    """Ticks at every class, or at every second, third, ... where their names would touch."""

    axis: Any

    def __init__(self, n_classes: int, room: float) -> None:
        self._n_classes = n_classes
        # Points along the axis that a name needs.
        self._room = room

    def __call__(self) -> Any:
        return self.tick_values(0, self._n_classes)

    def tick_values(self, vmin: float, vmax: float) -> Any:
        width, height = size_in_points(self.axis.axes)
        length = width if self.axis.axis_name == "x" else height
        low, high = sorted(self.axis.get_view_interval())
        n_shown = min(high - low, self._n_classes)
        step = max(1, math.ceil(n_shown * self._room / max(length, 1.0)))
        return np.arange(0, self._n_classes, step)


class ClassFormatter(Formatter):
    """Names of classes, the middle of long ones left out."""

    axis: Any

    def __init__(self, names: Sequence[str], font_size: float, *, vertical: bool) -> None:
        self._names = names
        self._letter = LETTER_WIDTH * font_size
        self._vertical = vertical

    def __call__(self, x: float, pos: int | None = None) -> str:
        number = round(x)
        if abs(x - number) > 1e-6 or not 0 <= number < len(self._names):
            return ""
        width, height = picture_size(self.axis.axes)
        room = LARGEST_SHARE * (height if self._vertical else width)
        return plain_text(shortened(self._names[number], int(room / self._letter)))


def name_classes(
    ax: Axes, names: Iterable[Any], *, axis: Literal["x", "y"], rotation: Any = "auto"
) -> None:
    """Put the names of classes on an axis, class i at i.

    Parameters
    ----------
    ax : Axes
    names : iterable
    axis : {"x", "y"}
    rotation : "auto", "vertical", "horizontal" or float, default="auto"
        Of names on the x-axis. "auto": vertical if they don't fit side by side.
    """
    texts = [" ".join(str(name).split()) for name in names]
    size = font_sizes(ax)[1]
    longest = max(map(len, texts))
    lying = (longest * LETTER_WIDTH + GAP) * size
    if axis == "y":
        room, vertical = LINE_HEIGHT * size, False
    else:
        if rotation == "auto":
            fits = len(texts) * lying <= size_in_points(ax)[0]
            # Numbers are read by what is left of them.
            rotation = "horizontal" if fits or longest <= 3 else "vertical"
        vertical = rotation != "horizontal"
        room = LINE_HEIGHT * size if vertical else lying
        ax.tick_params(axis="x", labelrotation=90 if rotation == "vertical" else 0)
        if rotation not in ("vertical", "horizontal"):
            ax.tick_params(axis="x", labelrotation=rotation)
    chosen = ax.xaxis if axis == "x" else ax.yaxis
    chosen.set_major_locator(ClassLocator(len(texts), room))
    chosen.set_major_formatter(ClassFormatter(texts, size, vertical=vertical))
    ax.tick_params(axis=axis, labelsize=size, length=2)
