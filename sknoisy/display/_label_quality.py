"""Histogram of label quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from ._shared import (
    GREY,
    INK,
    ORANGE_RED,
    PALE_BLUE,
    PALE_GREY,
    check_quality,
    check_threshold,
    import_pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Share of the height that is kept free for the legend, which must not hide bars.
HEADROOM = 0.24


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
    >>> display.plot().ax_.get_xlabel()  # doctest: +SKIP
    'Label quality'
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
        return display.plot(ax=ax, bins=bins)

    @classmethod
    def from_scores(
        cls,
        label_quality: ArrayLike,
        *,
        threshold: float | None = None,
        flipped: ArrayLike | None = None,
        ax: Axes | None = None,
        bins: int = 40,
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

        Returns
        -------
        LabelQualityDisplay
            The display, drawn.
        """
        return cls(label_quality, threshold=threshold, flipped=flipped).plot(ax=ax, bins=bins)

    def plot(self, ax: Axes | None = None, *, bins: int = 40) -> Self:
        """Draw the histogram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        bins : int, default=40
            Number of bars between 0 and 1.

        Returns
        -------
        LabelQualityDisplay
            The display itself.
        """
        if bins < 1:
            raise ValueError(f"bins must be at least 1, got {bins}.")
        pyplot = import_pyplot()
        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
        self._draw_bars(ax, bins)
        if self.threshold is not None:
            self._draw_threshold(ax, self.threshold)
        tidy_histogram(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_bars(self, ax: Axes, bins: int) -> None:
        edges = np.linspace(0.0, 1.0, bins + 1)
        groups, names, colors = [self.label_quality], ["labels"], [GREY]
        if self.flipped is not None:
            groups = [self.label_quality[self.flipped], self.label_quality[~self.flipped]]
            names, colors = ["wrong labels", "right labels"], [ORANGE_RED, PALE_BLUE]
        counted = [f"{name} ({len(group):,})" for name, group in zip(names, groups, strict=True)]
        style: dict[str, Any] = {"color": colors, "edgecolor": "white", "linewidth": 0.4}
        heights, _, _ = ax.hist(groups, edges.tolist(), stacked=True, label=counted, **style)
        ax.set_ylim(0.0, np.max(heights) / (1.0 - HEADROOM))

    def _draw_threshold(self, ax: Axes, threshold: float) -> None:
        share = np.mean(self.label_quality < threshold)
        label = f"threshold {threshold:.3g} ({share:.1%} below)"
        style: dict[str, Any] = {"color": INK, "linestyle": "--", "linewidth": 1.5, "label": label}
        ax.axvline(threshold, ymax=1.0 - HEADROOM, **style)


def tidy_histogram(ax: Axes) -> None:
    """Give a histogram of label quality its labels, limits and legend."""
    ax.set(xlabel="Label quality", ylabel="Rows", xlim=(0.0, 1.0))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.grid(True, color=PALE_GREY, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", framealpha=0.9, edgecolor="none")
