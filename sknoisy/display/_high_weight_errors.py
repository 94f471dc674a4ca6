"""Wrong labels that a method gives a high weight, and right ones with a low weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import FloatArray, IntArray
from ._detection_curves import by_method
from ._shared import check_choice, named
from ._style import (
    BLUE,
    GREY,
    ORANGE_RED,
    Keywords,
    add_legend,
    merged,
    new_axes,
    show_shares,
    size_in_points,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["wrong", "right"]
KINDS = ("wrong", "right")
LEVELS = {"wrong": (0.5, 0.7, 0.9), "right": (0.5, 0.3, 0.1)}
# The fuller the marker, the worse the error.
FILLINGS = ("none", "left", "full")
POINT_SIZE = 8.0
INCHES_PER_METHOD, LEAST_INCHES = 0.34, 0.9


class HighWeightErrorsDisplay:
    """Share of the wrong labels that a method gives a high weight, method by method.

    What a method leaves with a high weight, a classifier trained with its weights learns. With
    ``kind="right"`` the picture is of the right labels with a low weight, which are lost to it.
    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    flipped : array-like of bool of shape (n_samples,)
        True where the given label is known to be wrong.
    sample_weights : array-like of shape (n_samples,) or dict of these
        Weights of one method, or of several by name, in [0, 1]. NaN: the row is left out.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        The points of each level.
    ax_ : matplotlib.axes.Axes
        Where they were drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If lengths differ, or weights are outside [0, 1].

    Examples
    --------
    >>> from sknoisy.display import HighWeightErrorsDisplay
    >>> flipped = [True, True, True, False]
    >>> weights = {"LSW": [0.1, 0.2, 0.6, 0.9], "plain": [1.0, 1.0, 1.0, 1.0]}
    >>> display = HighWeightErrorsDisplay(flipped, weights)
    >>> display.frame(levels=[0.5]).round(2)
      method  level  n_rows  share
    0    LSW    0.5       1   0.33
    1  plain    0.5       3   1.00
    >>> display.rows("LSW", 2)
    array([2, 1])
    """

    def __init__(
        self, flipped: ArrayLike, sample_weights: ArrayLike | Mapping[str, ArrayLike]
    ) -> None:
        self.flipped = check_mask(flipped, "flipped")
        self.sample_weights = {
            name: check_weights(weights, len(self.flipped), name)
            for name, weights in named(sample_weights, "sample_weights").items()
        }

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        flipped: ArrayLike,
        *,
        kind: Kind = "wrong",
        levels: Sequence[float] | None = None,
        ax: Axes | None = None,
        marker_kw: Keywords = None,
    ) -> Self:
        """Draw the weights that fitted estimators gave the rows they were fitted on.

        Trusted rows are left out.

        Parameters
        ----------
        estimator : NoisyLabelDetector, RobustClassifier or dict of these
            One fitted estimator, or several by name, with ``sample_weights_``.
        flipped : array-like of bool of shape (n_samples,)
            True where the given label is known to be wrong.
        kind : {"wrong", "right"}, default="wrong"
            As in `plot`.
        levels : sequence of float or None, default=None
            As in `plot`.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        marker_kw : dict or None, default=None
            Keywords for the points.

        Returns
        -------
        HighWeightErrorsDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If an estimator has no ``sample_weights_``.
        """
        weights = {}
        for name, each in by_method(estimator).items():
            check_is_fitted(each, "sample_weights_")
            weights[name] = np.array(each.sample_weights_, dtype=float)
            trusted = getattr(each, "_trusted", None)
            if trusted is not None:
                weights[name][trusted] = np.nan
        display = cls(flipped, weights)
        return display.plot(ax, kind=kind, levels=levels, marker_kw=marker_kw)

    @classmethod
    def from_predictions(
        cls,
        flipped: ArrayLike,
        sample_weights: ArrayLike | Mapping[str, ArrayLike],
        *,
        kind: Kind = "wrong",
        levels: Sequence[float] | None = None,
        ax: Axes | None = None,
        marker_kw: Keywords = None,
    ) -> Self:
        """Draw weights that were got in any way.

        Parameters
        ----------
        flipped : array-like of bool of shape (n_samples,)
            True where the given label is known to be wrong.
        sample_weights : array-like of shape (n_samples,) or dict of these
            Weights of one method, or of several by name, in [0, 1].
        kind : {"wrong", "right"}, default="wrong"
            As in `plot`.
        levels : sequence of float or None, default=None
            As in `plot`.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        marker_kw : dict or None, default=None
            Keywords for the points.

        Returns
        -------
        HighWeightErrorsDisplay
            The display, drawn.
        """
        display = cls(flipped, sample_weights)
        return display.plot(ax, kind=kind, levels=levels, marker_kw=marker_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Kind = "wrong",
        levels: Sequence[float] | None = None,
        marker_kw: Keywords = None,
    ) -> Self:
        """Draw a line of points for each method.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        kind : {"wrong", "right"}, default="wrong"
            "wrong": wrong labels with a weight of at least each level. "right": right labels with
            a weight of at most each level.
        levels : sequence of float or None, default=None
            Up to three, the mildest first. None: 0.5, 0.7 and 0.9 of wrong labels; 0.5, 0.3 and
            0.1 of right ones.
        marker_kw : dict or None, default=None
            Keywords for the points.

        Returns
        -------
        HighWeightErrorsDisplay
            The display itself.
        """
        from ._class_ticks import name_classes

        frame = self.frame(kind=kind, levels=levels)
        names = list(self.sample_weights)
        if ax is None:
            height = 1.4 + max(INCHES_PER_METHOD * len(names), LEAST_INCHES)
            ax = new_axes(figsize=(6.4, height))
        places = np.arange(len(names))
        size = min(POINT_SIZE, 0.7 * size_in_points(ax)[1] / len(names))
        self.lines_: list[Any] = []
        drawn = frame["level"].unique().tolist()
        for level, filling in zip(drawn, FILLINGS[-len(drawn) :], strict=True):
            shares = frame.loc[frame["level"] == level, "share"]
            style: dict[str, Any] = {"color": ORANGE_RED if kind == "wrong" else BLUE}
            style |= {"marker": "o", "linestyle": "", "markersize": size, "fillstyle": filling}
            style |= {"markerfacecoloralt": "none", "clip_on": False, "zorder": 3}
            style["label"] = f"weight {'≥' if kind == 'wrong' else '≤'} {level:g}"
            self.lines_ += ax.plot(shares, places, **merged(style, marker_kw, "lines.Line2D"))
        largest = frame.groupby("method", sort=False)["share"].max()
        ax.hlines(places, 0, largest, color=GREY, alpha=0.35, linewidth=0.8, zorder=1)
        ax.set_xlabel(f"Share of the {kind} labels")
        ax.set_xlim(0.0, max(1.06 * float(frame["share"].max()), 0.01))
        ax.set_ylim(len(names) - 0.5, -0.5)
        show_shares(ax.xaxis)
        tidy_axes(ax, grid="x")
        name_classes(ax, names, axis="y")
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self, *, kind: Kind = "wrong", levels: Sequence[float] | None = None) -> pd.DataFrame:
        """Return what is drawn as a table.

        Parameters
        ----------
        kind : {"wrong", "right"}, default="wrong"
            As in `plot`.
        levels : sequence of float or None, default=None
            As in `plot`.

        Returns
        -------
        DataFrame
            For each method and level the number of such labels, `n_rows`, and their `share` among
            all wrong, or right, ones.
        """
        check_choice(kind, KINDS, name="kind")
        levels = check_levels(LEVELS[kind] if levels is None else levels)
        of_kind = self.flipped if kind == "wrong" else ~self.flipped
        records = []
        for name, weights in self.sample_weights.items():
            known = weights[of_kind & ~np.isnan(weights)]
            for level in levels:
                n_rows = int(np.sum(known >= level if kind == "wrong" else known <= level))
                records.append((name, level, n_rows, n_rows / max(len(known), 1)))
        return pd.DataFrame.from_records(records, columns=["method", "level", "n_rows", "share"])

    def rows(self, method: str, n: int, *, kind: Kind = "wrong") -> IntArray:
        """Return the rows to look at: the wrong labels of highest weight, for instance.

        Parameters
        ----------
        method : str
            Its name.
        n : int
            How many, at most.
        kind : {"wrong", "right"}, default="wrong"
            "wrong": wrong labels, the highest weight first. "right": right labels, the lowest
            weight first.

        Returns
        -------
        ndarray of int
            Positions of the rows, for `plot_suspicious_images` for instance.
        """
        check_choice(kind, KINDS, name="kind")
        check_choice(method, list(self.sample_weights), name="method")
        weights = self.sample_weights[method]
        of_kind = self.flipped if kind == "wrong" else ~self.flipped
        rows = np.flatnonzero(of_kind & ~np.isnan(weights))
        sign = -1 if kind == "wrong" else 1
        return rows[np.argsort(sign * weights[rows], kind="stable")][:n]


def check_levels(levels: Sequence[float]) -> list[float]:
    """Return levels as a list; raise unless they are up to three weights."""
    values = [float(level) for level in levels]
    if not 1 <= len(values) <= len(FILLINGS) or not all(0 <= value <= 1 for value in values):
        raise ValueError(f"levels must be one to three numbers in [0, 1], got {values}.")
    return values


def check_weights(weights: ArrayLike, n_rows: int, name: str) -> FloatArray:
    """Return weights as an array; raise unless there is one in [0, 1], or NaN, for each row."""
    values = np.asarray(weights, dtype=float)
    if values.shape != (n_rows,):
        raise ValueError(
            f"sample_weights of {name!r} must have shape ({n_rows},), got {values.shape}."
        )
    known = values[~np.isnan(values)]
    if not ((known >= 0) & (known <= 1)).all():
        raise ValueError(
            f"sample_weights of {name!r} must be in [0, 1], got {known.min():.3g} to "
            f"{known.max():.3g}."
        )
    return values
