"""Histogram of label quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from ._shared import check_quality, check_threshold
from ._style import (
    GREY,
    ORANGE_RED,
    PALE_BLUE,
    Keywords,
    add_legend,
    merged,
    new_axes,
    settings,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Share of the height that is kept free for a legend within the axes, which must not hide bars, or
# else above the highest bar.
HEADROOM, LITTLE_ROOM = 0.24, 0.04


class LabelQualityDisplay:
    """Histogram of label quality, with the threshold that separates suspicious rows.

    A detector works where the histogram has two hills with the threshold in the valley between
    them. One hill means that right and wrong labels could not be told apart, or that hardly any
    label is wrong. Use `from_estimator` or `from_scores` to make one.

    Parameters
    ----------
    label_quality : array-like of shape (n_samples,)
        How likely each given label is right, in [0, 1].
    threshold : float or None, default=None
        Rows below it are flagged.
    flipped : array-like of bool of shape (n_samples,) or None, default=None
        True where the given label is known to be wrong. Right and wrong labels then get a colour
        each, one stacked on the other.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the histogram was drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If `label_quality` or `threshold` is outside [0, 1], or `flipped` has another length.

    Examples
    --------
    >>> from sknoisy.display import LabelQualityDisplay
    >>> display = LabelQualityDisplay([0.1, 0.2, 0.9, 1.0], threshold=0.5)
    >>> display.plot().ax_.get_xlabel()
    'Label quality'
    >>> display.frame()
       label_quality  below_threshold
    0            0.1             True
    1            0.2             True
    2            0.9            False
    3            1.0            False
    """

    def __init__(
        self,
        label_quality: ArrayLike,
        *,
        threshold: float | None = None,
        flipped: ArrayLike | None = None,
    ) -> None:
        self.label_quality = check_quality(label_quality)
        self.threshold = check_threshold(threshold)
        self.flipped = None
        if flipped is not None:
            self.flipped = check_mask(flipped, "flipped", len(self.label_quality))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        flipped: ArrayLike | None = None,
        ax: Axes | None = None,
        bins: int = 40,
        bar_kw: Keywords = None,
    ) -> Self:
        """Draw the label quality that a fitted estimator found for its training rows.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``label_quality_`` and ``threshold_``.
        flipped : array-like of bool of shape (n_samples,) or None, default=None
            True where the given label is known to be wrong.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        bins : int, default=40
            Number of bars between 0 and 1.
        bar_kw : dict or None, default=None
            Keywords for the bars.

        Returns
        -------
        LabelQualityDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` has no ``label_quality_``.
        """
        check_is_fitted(estimator, "label_quality_")
        threshold = getattr(estimator, "threshold_", None)
        display = cls(estimator.label_quality_, threshold=threshold, flipped=flipped)
        return display.plot(ax, bins=bins, bar_kw=bar_kw)

    @classmethod
    def from_scores(
        cls,
        label_quality: ArrayLike,
        *,
        threshold: float | None = None,
        flipped: ArrayLike | None = None,
        ax: Axes | None = None,
        bins: int = 40,
        bar_kw: Keywords = None,
    ) -> Self:
        """Draw label quality that was got in any way.

        Parameters
        ----------
        label_quality : array-like of shape (n_samples,)
            How likely each given label is right, in [0, 1].
        threshold : float or None, default=None
            Rows below it are flagged.
        flipped : array-like of bool of shape (n_samples,) or None, default=None
            True where the given label is known to be wrong.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        bins : int, default=40
            Number of bars between 0 and 1.
        bar_kw : dict or None, default=None
            Keywords for the bars.

        Returns
        -------
        LabelQualityDisplay
            The display, drawn.
        """
        display = cls(label_quality, threshold=threshold, flipped=flipped)
        return display.plot(ax, bins=bins, bar_kw=bar_kw)

    def plot(self, ax: Axes | None = None, *, bins: int = 40, bar_kw: Keywords = None) -> Self:
        """Draw the histogram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        bins : int, default=40
            Number of bars between 0 and 1.
        bar_kw : dict or None, default=None
            Keywords for the bars.

        Returns
        -------
        LabelQualityDisplay
            The display itself.
        """
        if bins < 1:
            raise ValueError(f"bins must be at least 1, got {bins}.")
        ax = new_axes() if ax is None else ax
        # Within the axes a legend needs some height of its own.
        headroom = HEADROOM if ax.figure.get_layout_engine() is None else LITTLE_ROOM
        self._draw_bars(ax, bins, headroom, bar_kw)
        if self.threshold is not None:
            self._draw_threshold(ax, self.threshold, headroom)
        ax.set(xlabel="Label quality", ylabel="Rows", xlim=(0.0, 1.0))
        ax.yaxis.set_major_formatter("{x:,.0f}")
        tidy_axes(ax)
        add_legend(ax, given=None if headroom == LITTLE_ROOM else {"loc": "upper center"})
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return what is drawn as a table.

        Returns
        -------
        DataFrame
            A row for each label, with the columns `label_quality` and, where they are known,
            `below_threshold` and `flipped`.
        """
        columns: dict[str, Any] = {"label_quality": self.label_quality}
        if self.threshold is not None:
            columns["below_threshold"] = self.label_quality < self.threshold
        if self.flipped is not None:
            columns["flipped"] = self.flipped
        return pd.DataFrame(columns)

    def _draw_bars(self, ax: Axes, bins: int, headroom: float, bar_kw: Keywords) -> None:
        edges = np.linspace(0.0, 1.0, bins + 1)
        groups, names, colors = [self.label_quality], ["labels"], [GREY]
        if self.flipped is not None:
            groups = [self.label_quality[self.flipped], self.label_quality[~self.flipped]]
            names, colors = ["wrong labels", "right labels"], [ORANGE_RED, PALE_BLUE]
        counted = [f"{name} ({len(group):,})" for name, group in zip(names, groups, strict=True)]
        style: dict[str, Any] = {"edgecolor": settings("axes.facecolor"), "linewidth": 0.4}
        style = {"color": colors, **merged(style, bar_kw, "patches.Rectangle")}
        heights, _, _ = ax.hist(groups, edges.tolist(), stacked=True, label=counted, **style)
        ax.set_ylim(0.0, np.max(heights) / (1.0 - headroom))

    def _draw_threshold(self, ax: Axes, threshold: float, headroom: float) -> None:
        share = np.mean(self.label_quality < threshold)
        label = f"threshold {threshold:.3g} ({share:.1%} below)"
        style: dict[str, Any] = {"color": settings("text.color"), "linestyle": "--"}
        ax.axvline(threshold, ymax=1.0 - headroom, linewidth=1.5, label=label, **style)
