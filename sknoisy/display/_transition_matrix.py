"""Which classes are given for which: a transition matrix in colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix
from sklearn.utils.validation import check_is_fitted

from .._typing import FloatArray, Labels
from ._shared import check_names
from ._style import (
    GREY,
    LETTER_WIDTH,
    NARROW,
    Keywords,
    font_sizes,
    merged,
    new_axes,
    picture_size,
    settings,
    size_in_points,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A new figure has so many inches a class, within limits.
INCHES_PER_CLASS, LEAST_INCHES, MOST_INCHES = 0.3, 4.2, 11.0
# Smaller shares have no number in their cell.
LEAST_WRITTEN = 0.005
# Letters of "100", and a gap.
LETTERS_PER_CELL = 4
SMALLEST_LETTERS = 5.0
COLORBAR_TICKS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)


class TransitionMatrixDisplay:
    """How often each class is given for each true class, as a matrix in colours.

    Rows are true classes, columns given ones, and each row sums to 1. Without wrong labels only
    the diagonal has values. Colours follow the root of the share, so that rare confusions can be
    seen beside the diagonal. Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is P(given class j | true class i).
    display_labels : array-like of shape (n_classes,) or None, default=None
        Names of the classes. None: 0, 1, ...

    Attributes
    ----------
    im_ : matplotlib.image.AxesImage
        The matrix in colours.
    text_ : ndarray of matplotlib.text.Text or None
        Numbers in the cells; None where there is no room for them.
    ax_ : matplotlib.axes.Axes
        Where the matrix was drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If `transition_matrix` isn't square or has values outside [0, 1].

    Examples
    --------
    >>> from sknoisy.display import TransitionMatrixDisplay
    >>> display = TransitionMatrixDisplay.from_predictions(
    ...     ["cat", "cat", "cat", "dog"], ["cat", "cat", "dog", "dog"]
    ... )
    >>> display.frame().round(2)
    given   cat   dog
    true
    cat    0.67  0.33
    dog    0.00  1.00
    """

    def __init__(
        self, transition_matrix: ArrayLike, *, display_labels: ArrayLike | None = None
    ) -> None:
        self.transition_matrix = check_matrix(transition_matrix)
        self.display_labels = check_names(display_labels, len(self.transition_matrix))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        display_labels: ArrayLike | None = None,
        ax: Axes | None = None,
        cmap: Any = "cividis",
        im_kw: Keywords = None,
        text_kw: Keywords = None,
    ) -> Self:
        """Draw the transition matrix that a fitted estimator has estimated.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``transition_matrix_`` and ``classes_``.
        display_labels : array-like of shape (n_classes,) or None, default=None
            Names of the classes, in the order of ``classes_``. None: the classes themselves.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            Colours.
        im_kw, text_kw : dict or None, default=None
            Keywords for the matrix, and for the numbers in it.

        Returns
        -------
        TransitionMatrixDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` has no ``transition_matrix_``.
        """
        check_is_fitted(estimator, "transition_matrix_")
        names = estimator.classes_ if display_labels is None else display_labels
        display = cls(estimator.transition_matrix_, display_labels=names)
        return display.plot(ax, cmap=cmap, im_kw=im_kw, text_kw=text_kw)

    @classmethod
    def from_predictions(
        cls,
        y_true: Labels,
        y_given: Labels,
        *,
        labels: ArrayLike | None = None,
        display_labels: ArrayLike | None = None,
        ax: Axes | None = None,
        cmap: Any = "cividis",
        im_kw: Keywords = None,
        text_kw: Keywords = None,
    ) -> Self:
        """Draw how often each class was given, where true labels are known.

        Parameters
        ----------
        y_true, y_given : array-like of shape (n_samples,)
            True and given labels.
        labels : array-like of shape (n_classes,) or None, default=None
            The classes to show, in their order. None: all that occur.
        display_labels : array-like of shape (n_classes,) or None, default=None
            Their names. None: the classes themselves.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            Colours.
        im_kw, text_kw : dict or None, default=None
            Keywords for the matrix, and for the numbers in it.

        Returns
        -------
        TransitionMatrixDisplay
            The display, drawn.
        """
        y_true, y_given = np.asarray(y_true), np.asarray(y_given)
        if labels is None:
            labels = np.union1d(y_true, y_given)
        matrix = confusion_matrix(y_true, y_given, labels=labels, normalize="true")
        names = labels if display_labels is None else display_labels
        return cls(matrix, display_labels=names).plot(ax, cmap=cmap, im_kw=im_kw, text_kw=text_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        include_values: bool | None = None,
        cmap: Any = "cividis",
        xticks_rotation: Any = "auto",
        colorbar: bool | None = None,
        im_kw: Keywords = None,
        text_kw: Keywords = None,
    ) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        include_values : bool or None, default=None
            Whether cells hold their share in percent. None: if there is room. Shares below half a
            percent aren't written.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            Colours.
        xticks_rotation : "auto", "vertical", "horizontal" or float, default="auto"
            How names below the matrix are turned. "auto": vertical if they don't fit side by side.
        colorbar : bool or None, default=None
            Whether a bar explains the colours. None: unless the picture is narrow and the cells
            hold their share.
        im_kw, text_kw : dict or None, default=None
            Keywords for the matrix, and for the numbers in it.

        Returns
        -------
        TransitionMatrixDisplay
            The display itself.
        """
        from matplotlib.colors import PowerNorm

        from ._class_ticks import name_classes

        if ax is None:
            width = float(np.clip(self._n_classes * INCHES_PER_CLASS, LEAST_INCHES, MOST_INCHES))
            ax = new_axes(figsize=(width + 1.6, width + 0.6), layout="compressed")
        style: dict[str, Any] = {"cmap": cmap, "interpolation": "nearest"}
        if not {"norm", "vmin", "vmax"} & set(im_kw or {}):
            style["norm"] = PowerNorm(0.5, 0.0, 1.0)
        style = merged(style, im_kw, "image.AxesImage")
        self.im_ = ax.imshow(self.transition_matrix, **style)
        ax.set(xlabel="Given class", ylabel="True class")
        tidy_axes(ax, grid=None)
        name_classes(ax, self.display_labels, axis="x", rotation=xticks_rotation)
        name_classes(ax, self.display_labels, axis="y")
        size = self._letter_size(ax)
        if include_values is None:
            include_values = size >= SMALLEST_LETTERS
        self.text_: Any = None
        if include_values:
            self._write_values(ax, max(size, SMALLEST_LETTERS), text_kw)
        is_small = picture_size(ax)[0] < NARROW
        if colorbar is None:
            colorbar = not (is_small and include_values)
        if colorbar:
            self._add_colorbar(ax, "" if is_small else "Share of the true class")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return the matrix as a table.

        Returns
        -------
        DataFrame
            True classes as index, given classes as columns.
        """
        return pd.DataFrame(
            self.transition_matrix,
            index=pd.Index(self.display_labels, name="true"),
            columns=pd.Index(self.display_labels, name="given"),
        )

    @property
    def _n_classes(self) -> int:
        return len(self.transition_matrix)

    def _letter_size(self, ax: Axes) -> float:
        """Return the size, in points, at which numbers fit into the cells."""
        # Names, and the bar of colours, take a part.
        cell = 0.85 * min(size_in_points(ax)) / self._n_classes
        return min(cell / (LETTERS_PER_CELL * LETTER_WIDTH), font_sizes(ax)[1])

    def _write_values(self, ax: Axes, size: float, text_kw: Keywords) -> None:
        self.text_ = np.full(self.transition_matrix.shape, None, dtype=object)
        for (true, given), share in np.ndenumerate(self.transition_matrix):
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
            style["color"] = self._color_on(float(share))
            text = f"{100 * share:.0f}" if share >= LEAST_WRITTEN else ""
            style = merged(style, text_kw, "text.Text")
            self.text_[true, given] = ax.text(given, true, text, **style)

    def _color_on(self, share: float) -> str:
        """Return black or white, whichever differs more from the colour of the cell."""
        norm: Any = self.im_.norm
        red, green, blue, _ = self.im_.cmap(norm(share))
        return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"

    def _add_colorbar(self, ax: Axes, title: str) -> None:
        # As high as the matrix, and at the cost of no other axes.
        beside = ax.inset_axes((1.03, 0.0, 0.045, 1.0))
        bar = ax.figure.colorbar(self.im_, cax=beside, label=title)
        if type(self.im_.norm).__name__ == "PowerNorm" and self.im_.norm.vmax == 1.0:
            bar.set_ticks(COLORBAR_TICKS, labels=[f"{each:.0%}" for each in COLORBAR_TICKS])
        title_size, tick_size = font_sizes(ax)
        bar.ax.tick_params(labelsize=tick_size)
        bar.ax.yaxis.label.set_fontsize(title_size)
        bar.outline.set(edgecolor=GREY, linewidth=settings("axes.linewidth"))


def check_matrix(matrix: ArrayLike) -> FloatArray:
    """Return a transition matrix as an array; raise unless it is a square of shares."""
    values = np.asarray(matrix, dtype=float)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise ValueError(
            f"transition_matrix must have shape (n_classes, n_classes), got {values.shape}."
        )
    if not ((values >= -1e-9) & (values <= 1 + 1e-9)).all():
        raise ValueError(
            f"transition_matrix must be in [0, 1], got {values.min():.3g} to {values.max():.3g}."
        )
    return np.clip(values, 0.0, 1.0)
