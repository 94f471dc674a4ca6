"""Coordinates of the charts that a page draws as SVG, so that both themes colour them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 34
N_BINS = 40
# Where there is anything, something is to be seen.
LEAST_BAR = 1.5
N_TICKS = 4


def histogram(
    quality: FloatArray, is_marked: BoolArray, threshold: float | None = None
) -> dict[str, Any]:
    """Return bars of label quality, the marked rows below the others.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
    is_marked : ndarray of bool of shape (n_rows,)
    threshold : float, default=None
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    marked = np.histogram(quality[is_marked], edges)[0]
    others = np.histogram(quality[~is_marked], edges)[0]
    ticks = _ticks(0, max(int((marked + others).max()), 1))
    scale = _Scale(0, 1, 0, ticks[-1])
    bars = []
    for kind, heights, bases in (
        ("marked", marked, np.zeros_like(marked)),
        ("other", others, marked),
    ):
        for start, end, base, height in zip(edges, edges[1:], bases, heights, strict=False):
            if not height:
                continue
            top, bottom = scale.y(base + height), scale.y(base)
            bars.append(
                {
                    "kind": kind,
                    "x": round(scale.x(start) + 0.5, 1),
                    "y": round(min(top, bottom - LEAST_BAR), 1),
                    "width": round(scale.x(end) - scale.x(start) - 1, 1),
                    "height": round(max(bottom - top, LEAST_BAR), 1),
                    "text": f"{height:,} rows with a quality from {start:.3g} to {end:.3g}",
                }
            )
    return _frame(scale, ticks, [0, 0.25, 0.5, 0.75, 1], "{:.0f} %", factor=100) | {
        "bars": bars,
        "threshold": None if threshold is None else round(scale.x(threshold), 1),
    }


def line_chart(
    series: Sequence[dict[str, Any]], *, is_share: bool, level: float | None = None
) -> dict[str, Any]:
    """Return lines over epochs or rounds.

    Parameters
    ----------
    series : sequence of dict
        With `name`, and `values`, where None is missing.
    is_share : bool
        Whether values are shown in per cent.
    level : float, default=None
        Of a line across.
    """
    values = [value for each in series for value in each["values"] if value is not None]
    n_steps = max(len(each["values"]) for each in series)
    lowest, highest = min(values), max(values)
    if level is not None:
        lowest, highest = min(lowest, level), max(highest, level)
    if not is_share:
        lowest = min(lowest, 0)
    ticks = _ticks(lowest, highest if highest > lowest else lowest + 1e-3)
    scale = _Scale(1, max(n_steps, 2), ticks[0], ticks[-1])
    lines = [
        {
            "name": each["name"],
            "number": number,
            "paths": _paths(each["values"], scale),
            "last": _last_point(each["values"], scale),
        }
        for number, each in enumerate(series)
    ]
    steps = np.unique(np.linspace(1, n_steps, min(n_steps, 6)).round().astype(int)).tolist()
    digits = max(0, int(np.ceil(-np.log10((ticks[1] - ticks[0]) * (100 if is_share else 1)))))
    form = f"{{:.{digits}f}}" + (" %" if is_share else "")
    frame = _frame(scale, ticks, steps, "{:.0f}", y_form=form, y_factor=100 if is_share else 1)
    return frame | {
        "lines": lines,
        "level": None if level is None else round(scale.y(level), 1),
    }


class _Scale:
    """Brings values to places in the picture."""

    def __init__(self, x_low: float, x_high: float, y_low: float, y_high: float) -> None:
        self._x = x_low, (WIDTH - LEFT - RIGHT) / (x_high - x_low)
        self._y = y_low, (HEIGHT - TOP - BOTTOM) / (y_high - y_low)

    def x(self, value: float) -> float:
        return float(LEFT + (value - self._x[0]) * self._x[1])

    def y(self, value: float) -> float:
        return float(HEIGHT - BOTTOM - (value - self._y[0]) * self._y[1])


def _frame(
    scale: _Scale,
    ticks: Sequence[float],
    x_ticks: Sequence[float],
    x_form: str,
    *,
    factor: float = 1,
    y_form: str = "{:,.0f}",
    y_factor: float = 1,
) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "x_ticks": [
            {"at": round(scale.x(each), 1), "text": x_form.format(each * factor)}
            for each in x_ticks
        ],
        "y_ticks": [
            {"at": round(scale.y(each), 1), "text": y_form.format(each * y_factor)}
            for each in ticks
        ],
    }


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers that span a range."""
    step = (high - low) / N_TICKS
    magnitude = 10.0 ** np.floor(np.log10(step))
    step = magnitude * next(each for each in (1, 2, 2.5, 5, 10) if each * magnitude >= step - 1e-12)
    first = np.floor(low / step + 1e-9) * step
    n_steps = int(np.ceil((high - first) / step - 1e-9))
    return [float(first + number * step) for number in range(n_steps + 1)]


def _paths(values: Sequence[float | None], scale: _Scale) -> list[str]:
    """Return the parts of a line between missing values."""
    parts: list[list[str]] = [[]]
    for step, value in enumerate(values, start=1):
        if value is None:
            parts.append([])
        else:
            parts[-1].append(f"{scale.x(step):.1f},{scale.y(value):.1f}")
    return [" ".join(part) for part in parts if part]


def _last_point(values: Sequence[float | None], scale: _Scale) -> tuple[float, float]:
    step = max(number for number, value in enumerate(values, start=1) if value is not None)
    value = values[step - 1]
    return round(scale.x(step), 1), round(scale.y(0.0 if value is None else value), 1)
