"""Coordinates of the charts that a page draws as SVG, so that both themes colour them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._typing import BoolArray, FloatArray

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 22, 12, 34
N_BINS = 40
# Where there is anything, something is to be seen.
LEAST_BAR = 1.5
N_TICKS = 4


def histogram(
    quality: FloatArray, is_marked: BoolArray, threshold: float | None = None
) -> dict[str, Any]:
    """Return bars of label quality, of marked rows and others side by side.

    Most rows lie at the ends, and those between are what one wants to see: the heights are square
    roots.

    Parameters
    ----------
    quality : ndarray of shape (n_rows,)
    is_marked : ndarray of bool of shape (n_rows,)
    threshold : float, default=None
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    kinds = {
        "marked": np.histogram(quality[is_marked], edges)[0],
        "other": np.histogram(quality[~is_marked], edges)[0],
    }
    ticks = _root_ticks(max(1, *(int(heights.max()) for heights in kinds.values())))
    scale = _Scale(0, 1, 0, ticks[-1] ** 0.5)
    bars = []
    for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
        found = {kind: int(heights[number]) for kind, heights in kinds.items() if heights[number]}
        left, width = scale.x(start) + 0.5, scale.x(end) - scale.x(start) - 1
        for place, (kind, height) in enumerate(found.items()):
            tall = max(scale.y(0) - scale.y(height**0.5), LEAST_BAR)
            bars.append(
                {
                    "kind": kind,
                    "x": round(left + place * width / len(found), 1),
                    "y": round(scale.y(0) - tall, 1),
                    "width": round(width / len(found), 1),
                    "height": round(tall, 1),
                    "text": f"{height:,} rows with a quality from {start:.3g} to {end:.3g}",
                }
            )
    frame = _frame(
        scale,
        [{"at": tick**0.5, "text": f"{tick:,.0f}"} for tick in ticks],
        [{"at": tick, "text": f"{100 * tick:.0f} %"} for tick in (0, 0.25, 0.5, 0.75, 1)],
    )
    at = None if threshold is None else round(scale.x(threshold), 1)
    return frame | {"bars": bars, "threshold": at}


def line_chart(
    series: Sequence[dict[str, Any]],
    *,
    is_share: bool,
    level: float | None = None,
    stages: Sequence[int] = (),
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
    stages : sequence of int
        Steps at which a stage begins.
    """
    factor, unit = (100, " %") if is_share else (1, "")
    values = [factor * value for each in series for value in each["values"] if value is not None]
    if level is not None:
        values.append(factor * level)
    n_steps = max(len(each["values"]) for each in series)
    lowest, highest = min(values), max(values)
    if not is_share:
        lowest = min(lowest, 0)
    ticks = _ticks(lowest, highest if highest > lowest else lowest + 0.1)
    scale = _Scale(1, max(n_steps, 2), ticks[0] / factor, ticks[-1] / factor)
    lines = [
        {
            "name": each["name"],
            "number": number,
            "paths": _paths(each["values"], scale),
            "last": _last_point(each["values"], scale),
        }
        for number, each in enumerate(series)
    ]
    frame = _frame(
        scale,
        [{"at": tick / factor, "text": f"{tick:.6g}{unit}"} for tick in ticks],
        [{"at": step, "text": str(step)} for step in _steps(n_steps)],
    )
    return frame | {
        "lines": lines,
        "level": None if level is None else round(scale.y(level), 1),
        "stages": [round(scale.x(step), 1) for step in stages],
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
    scale: _Scale, y_ticks: Sequence[dict[str, Any]], x_ticks: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "x_ticks": [tick | {"at": round(scale.x(tick["at"]), 1)} for tick in x_ticks],
        "y_ticks": [tick | {"at": round(scale.y(tick["at"]), 1)} for tick in y_ticks],
    }


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers that span a range."""
    step = _round_up((high - low) / N_TICKS)
    first = np.floor(low / step + 1e-9) * step
    n_steps = int(np.ceil((high - first) / step - 1e-9))
    return [round(float(first + number * step), 9) for number in range(n_steps + 1)]


def _root_ticks(largest: int) -> list[float]:
    """Return 0 and numbers whose square roots are about evenly spread, up to the largest."""
    top = _round_up(largest)
    return [0.0, *sorted({_round_up(top * share) for share in (0.05, 0.25)} | {top})]


def _steps(n_steps: int) -> list[int]:
    """Return a few numbers of epochs, the first one among them."""
    step = max(1, int(_round_up(n_steps / 6)))
    return sorted({1, *range(step, n_steps + 1, step)} - ({2} if step == 2 else set()))


def _round_up(number: float) -> float:
    """Return the least number not below that is 1, 2, 2.5 or 5 times a power of ten."""
    magnitude = 10.0 ** np.floor(np.log10(number))
    return float(
        magnitude * next(each for each in (1, 2, 2.5, 5, 10) if each * magnitude >= number - 1e-12)
    )


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
