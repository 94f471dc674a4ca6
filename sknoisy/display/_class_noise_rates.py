"""Share of wrong labels in each class, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import FloatArray, IntArray, Labels
from ..noise_rates import share_intervals
from ._shared import check_length, check_names
from ._style import (
    BLUE,
    GREY,
    ORANGE_RED,
    Keywords,
    add_legend,
    new_axes,
    settings,
    show_shares,
    size_in_points,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A new figure has so many inches a class, within limits.
INCHES_PER_CLASS, LEAST_INCHES, MOST_INCHES = 0.24, 1.2, 11.0
POINT_SIZE = 5.0


class ClassNoiseRatesDisplay:
    """Share of wrong labels among the rows given each class, with intervals.

    A class whose interval lies to the right of the line of all rows has more wrong labels than
    others. Classes with few rows have wide intervals. Use `from_estimator` or `from_predictions`
    to make one.

    Parameters
    ----------
    class_noise_rates : array-like of shape (n_classes,)
        Share of wrong labels among the rows given each class, in [0, 1].
    intervals : array-like of shape (n_classes, 2) or None, default=None
        Lower and upper bounds of these.
    noise_rate : float or None, default=None
        Share of wrong labels among all rows.
    true_rates : array-like of shape (n_classes,) or None, default=None
        What the shares are in truth, where it is known.
    display_labels : array-like of shape (n_classes,) or None, default=None
        Names of the classes. None: 0, 1, ...

    Attributes
    ----------
    errorbar_ : matplotlib.container.ErrorbarContainer
        Points and intervals.
    ax_ : matplotlib.axes.Axes
        Where they were drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If shares are outside [0, 1], or lengths differ.

    Examples
    --------
    >>> from sknoisy.display import ClassNoiseRatesDisplay
    >>> display = ClassNoiseRatesDisplay.from_predictions(
    ...     ["cat"] * 50 + ["dog"] * 40, ["cat"] * 45 + ["dog"] * 45
    ... )
    >>> display.frame().round(2)
           noise_rate   low  high
    class
    cat          0.00  0.00  0.04
    dog          0.11  0.05  0.21
    """

    def __init__(
        self,
        class_noise_rates: ArrayLike,
        *,
        intervals: ArrayLike | None = None,
        noise_rate: float | None = None,
        true_rates: ArrayLike | None = None,
        display_labels: ArrayLike | None = None,
    ) -> None:
        self.class_noise_rates = check_rates(class_noise_rates, "class_noise_rates")
        n_classes = len(self.class_noise_rates)
        self.intervals = None if intervals is None else check_intervals(intervals, n_classes)
        self.noise_rate = noise_rate
        self.true_rates = None
        if true_rates is not None:
            self.true_rates = check_rates(true_rates, "true_rates", n_classes)
        self.display_labels = check_names(display_labels, n_classes)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        flipped: ArrayLike | None = None,
        display_labels: ArrayLike | None = None,
        sort: bool = True,
        ax: Axes | None = None,
        errorbar_kw: Keywords = None,
    ) -> Self:
        """Draw the rates that a fitted estimator has estimated.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``class_noise_rates_`` and ``class_noise_rate_intervals_``.
        flipped : array-like of bool of shape (n_samples,) or None, default=None
            True where the given label is known to be wrong. What the shares are in truth is then
            shown beside the estimates.
        display_labels : array-like of shape (n_classes,) or None, default=None
            Names of the classes, in the order of ``classes_``. None: the classes themselves.
        sort : bool, default=True
            Whether the class with the most wrong labels comes first.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        errorbar_kw : dict or None, default=None
            Keywords for points and intervals.

        Returns
        -------
        ClassNoiseRatesDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` has no ``class_noise_rates_``.
        """
        check_is_fitted(estimator, "class_noise_rates_")
        true_rates = None
        if flipped is not None:
            given = estimator.get_label_issues()["given_label"].to_numpy()
            codes = np.searchsorted(estimator.classes_, given)
            is_wrong = check_mask(flipped, "flipped", len(codes))
            true_rates = np.bincount(codes, is_wrong) / np.bincount(codes)
        display = cls(
            estimator.class_noise_rates_,
            intervals=getattr(estimator, "class_noise_rate_intervals_", None),
            noise_rate=getattr(estimator, "noise_rate_", None),
            true_rates=true_rates,
            display_labels=estimator.classes_ if display_labels is None else display_labels,
        )
        return display.plot(ax, sort=sort, errorbar_kw=errorbar_kw)

    @classmethod
    def from_predictions(
        cls,
        y_true: Labels,
        y_given: Labels,
        *,
        display_labels: ArrayLike | None = None,
        sort: bool = True,
        ax: Axes | None = None,
        errorbar_kw: Keywords = None,
    ) -> Self:
        """Draw the rates of rows whose true labels are known, a checked sample for one.

        Parameters
        ----------
        y_true, y_given : array-like of shape (n_samples,)
            True and given labels.
        display_labels : array-like of shape (n_classes,) or None, default=None
            Names of the given classes, in their order. None: the classes themselves.
        sort : bool, default=True
            Whether the class with the most wrong labels comes first.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        errorbar_kw : dict or None, default=None
            Keywords for points and intervals.

        Returns
        -------
        ClassNoiseRatesDisplay
            The display, drawn, with intervals that hold with 90 % for the rows that the sample
            was drawn from (Jeffreys' intervals).
        """
        classes, codes = np.unique(np.asarray(y_given), return_inverse=True)
        is_wrong = check_length(y_true, len(codes), name="y_true") != classes[codes]
        n_wrong, n_rows = np.bincount(codes, is_wrong), np.bincount(codes)
        display = cls(
            n_wrong / n_rows,
            intervals=share_intervals(n_wrong, n_rows),
            noise_rate=float(is_wrong.mean()),
            display_labels=classes if display_labels is None else display_labels,
        )
        return display.plot(ax, sort=sort, errorbar_kw=errorbar_kw)

    def plot(
        self, ax: Axes | None = None, *, sort: bool = True, errorbar_kw: Keywords = None
    ) -> Self:
        """Draw a point and an interval for each class.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        sort : bool, default=True
            Whether the class with the most wrong labels comes first.
        errorbar_kw : dict or None, default=None
            Keywords for points and intervals.

        Returns
        -------
        ClassNoiseRatesDisplay
            The display itself.
        """
        from ._class_ticks import name_classes

        n_classes = len(self.class_noise_rates)
        if ax is None:
            height = 1.3 + float(np.clip(n_classes * INCHES_PER_CLASS, LEAST_INCHES, MOST_INCHES))
            ax = new_axes(figsize=(6.4, height))
        order = self._order(sort)
        # Points of neighbouring classes mustn't touch.
        point_size = min(POINT_SIZE, 0.7 * size_in_points(ax)[1] / n_classes)
        self._draw_intervals(ax, order, point_size, errorbar_kw)
        handles: list[Any] = [self.errorbar_]
        if self.true_rates is not None:
            truth: dict[str, Any] = {"color": ORANGE_RED, "linestyle": "", "marker": "D"}
            truth |= {"markersize": 1.2 * point_size, "fillstyle": "none", "label": "truth"}
            handles += ax.plot(self.true_rates[order], np.arange(n_classes), **truth)
        if self.noise_rate is not None:
            line: dict[str, Any] = {"color": settings("text.color"), "linestyle": "--"}
            line |= {"linewidth": 1.1, "label": f"all rows ({self.noise_rate:.1%})"}
            handles.append(ax.axvline(self.noise_rate, **line))
        ax.set_xlabel("Share of wrong labels")
        ax.set_xlim(0.0, self._right_end())
        ax.set_ylim(n_classes - 0.4, -0.6)
        show_shares(ax.xaxis)
        tidy_axes(ax, grid="x")
        name_classes(ax, self.display_labels[order], axis="y")
        add_legend(ax, handles)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return what is drawn as a table.

        Returns
        -------
        DataFrame
            A row for each class, in their own order, with the columns `noise_rate` and, where
            they are known, `low`, `high` and `true_rate`.
        """
        columns = {"noise_rate": self.class_noise_rates}
        if self.intervals is not None:
            columns |= {"low": self.intervals[:, 0], "high": self.intervals[:, 1]}
        if self.true_rates is not None:
            columns["true_rate"] = self.true_rates
        return pd.DataFrame(columns, index=pd.Index(self.display_labels, name="class"))

    def _order(self, sort: bool) -> IntArray:
        if not sort:
            return np.arange(len(self.class_noise_rates))
        return np.argsort(-self.class_noise_rates, kind="stable")

    def _draw_intervals(
        self, ax: Axes, order: IntArray, point_size: float, errorbar_kw: Keywords
    ) -> None:
        rates = self.class_noise_rates[order]
        style: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": point_size}
        style |= {"elinewidth": 0.35 * point_size, "zorder": 2.5, "label": "estimate"}
        if self.intervals is not None:
            low, high = self.intervals[order].T
            style["xerr"] = np.maximum([rates - low, high - rates], 0.0)
            style["label"] = "estimate, 90% interval"
        style = {**style, **(errorbar_kw or {})}
        self.errorbar_ = ax.errorbar(rates, np.arange(len(rates)), **style)
        ends = rates if self.intervals is None else self.intervals[order, 0]
        # Leads the eye from a name to its point.
        ax.hlines(np.arange(len(rates)), 0, ends, color=GREY, alpha=0.35, linewidth=0.7, zorder=1)

    def _right_end(self) -> float:
        ends = [self.class_noise_rates, self.true_rates]
        ends.append(None if self.intervals is None else self.intervals[:, 1])
        largest = max(float(np.max(end)) for end in ends if end is not None)
        return min(1.0, max(1.06 * largest, 1.06 * (self.noise_rate or 0.0), 0.02)) + 1e-3


def check_rates(values: ArrayLike, name: str, n_classes: int | None = None) -> FloatArray:
    """Return shares as an array; raise unless there is one in [0, 1] for each class."""
    rates = np.asarray(values, dtype=float)
    wanted = "n_classes" if n_classes is None else n_classes
    if rates.ndim != 1 or not len(rates) or (n_classes is not None and len(rates) != n_classes):
        raise ValueError(f"{name} must have shape ({wanted},), got {rates.shape}.")
    if not ((rates >= 0.0) & (rates <= 1.0)).all():
        raise ValueError(f"{name} must be in [0, 1], got {rates.min():.3g} to {rates.max():.3g}.")
    return rates


def check_intervals(values: ArrayLike, n_classes: int) -> FloatArray:
    """Return intervals as an array; raise unless there is one for each class."""
    intervals = np.asarray(values, dtype=float)
    if intervals.shape != (n_classes, 2):
        raise ValueError(f"intervals must have shape ({n_classes}, 2), got {intervals.shape}.")
    return intervals
