"""Weight or quality of the rows by epoch, right and wrong labels apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import BoolArray
from ._shared import check_choice
from ._style import (
    BLUE,
    GREY,
    ORANGE_RED,
    Keywords,
    add_common_legend,
    add_legend,
    check_axes,
    font_sizes,
    merged,
    new_axes,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["quantiles", "histograms"]
KINDS = ("quantiles", "histograms")

QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
# Colour, line style, marker and hatch of each group.
STYLES = {
    "wrong labels": (ORANGE_RED, "--", "s", "///"),
    "right labels": (BLUE, "-", "o", ""),
    "labels": (GREY, "-", "o", ""),
}
# Histograms are drawn of so many epochs unless told otherwise.
N_HISTOGRAMS = 4


class WeightHistoryDisplay:
    """Weight or quality of the rows by epoch, split by whether their labels are right.

    A method that learns to tell labels apart draws the two groups asunder. Use `from_estimator`
    to make one from an estimator whose method has recorded its epochs, or the constructor for
    arrays.

    Parameters
    ----------
    by_epoch : array-like of shape (n_epochs, n_samples)
        Weight or quality of each row at the end of each epoch. NaN: not known.
    flipped : array-like of bool of shape (n_samples,) or None, default=None
        True where the given label is known to be wrong. None: all rows are one group.
    epochs : array-like of int of shape (n_epochs,) or None, default=None
        Numbers of the epochs. None: 1, 2, ...
    name : str, default="Weight"
        What it is that is shown.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Where it was drawn last; several with histograms.
    ax_ : matplotlib.axes.Axes
        The first of these.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Raises
    ------
    ValueError
        If shapes don't fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.display import WeightHistoryDisplay
    >>> by_epoch = np.array([[0.5, 0.5, 0.5, 0.5], [0.7, 0.6, 0.4, 0.2]])
    >>> display = WeightHistoryDisplay(by_epoch, flipped=[False, False, True, True])
    >>> display.frame()[["epoch", "group", "median"]]
       epoch         group  median
    0      1  wrong labels    0.50
    1      1  right labels    0.50
    2      2  wrong labels    0.30
    3      2  right labels    0.65
    """

    def __init__(
        self,
        by_epoch: ArrayLike,
        *,
        flipped: ArrayLike | None = None,
        epochs: ArrayLike | None = None,
        name: str = "Weight",
    ) -> None:
        self.by_epoch = np.asarray(by_epoch)
        if self.by_epoch.ndim != 2 or not self.by_epoch.size:
            raise ValueError(
                f"by_epoch must have shape (n_epochs, n_samples), got {self.by_epoch.shape}."
            )
        n_epochs, n_rows = self.by_epoch.shape
        self.flipped = None if flipped is None else check_mask(flipped, "flipped", n_rows)
        self.epochs = np.arange(1, n_epochs + 1) if epochs is None else np.asarray(epochs)
        if self.epochs.shape != (n_epochs,):
            raise ValueError(f"epochs must have shape ({n_epochs},), got {self.epochs.shape}.")
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        flipped: ArrayLike | None = None,
        name: str = "Weight",
        kind: Kind = "quantiles",
        epochs: Iterable[int] | None = None,
        ax: Any = None,
        artist_kw: Keywords = None,
    ) -> Self:
        """Draw what the method of a fitted estimator has recorded.

        Trusted rows, about which there was nothing to find out, are left out.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``by_epoch`` in its ``evidence_``, which methods with
            ``record_epochs=True`` leave there.
        flipped : array-like of bool of shape (n_samples,) or None, default=None
            True where the given label is known to be wrong.
        name : str, default="Weight"
            What it is that is shown.
        kind : {"quantiles", "histograms"}, default="quantiles"
            As in `plot`.
        epochs : iterable of int or None, default=None
            As in `plot`.
        ax : matplotlib.axes.Axes, array-like of these or None, default=None
            As in `plot`.
        artist_kw : dict or None, default=None
            As in `plot`.

        Returns
        -------
        WeightHistoryDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` has no ``evidence_``.
        ValueError
            If its method has recorded nothing.
        """
        check_is_fitted(estimator, "evidence_")
        by_epoch = estimator.evidence_.get("by_epoch")
        if by_epoch is None:
            raise ValueError(
                "estimator must have by_epoch in its evidence_, which is there after a fit with a "
                "method that records its epochs, for instance method=LSW(record_epochs=True). "
                f"Got evidence_ with {sorted(estimator.evidence_)}."
            )
        by_epoch = np.array(by_epoch, dtype=float)
        trusted = getattr(estimator, "_trusted", None)
        if trusted is not None:
            by_epoch[:, trusted] = np.nan
        display = cls(by_epoch, flipped=flipped, name=name)
        return display.plot(ax, kind=kind, epochs=epochs, artist_kw=artist_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        kind: Kind = "quantiles",
        epochs: Iterable[int] | None = None,
        bins: int = 30,
        artist_kw: Keywords = None,
    ) -> Self:
        """Draw both groups by epoch.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of these or None, default=None
            Where to draw. None: a new figure. Histograms take as many axes as epochs, or more.
        kind : {"quantiles", "histograms"}, default="quantiles"
            "quantiles": the median, with bands that hold half and nine tenths of the rows, over
            all epochs. "histograms": one for each of some epochs.
        epochs : iterable of int or None, default=None
            Whose histograms to draw. None: of four epochs, evenly apart, with the last.
        bins : int, default=30
            Number of bars of a histogram.
        artist_kw : dict or None, default=None
            Keywords for the lines of the medians, or the areas of the histograms.

        Returns
        -------
        WeightHistoryDisplay
            The display itself.
        """
        check_choice(kind, KINDS, name="kind")
        if kind == "quantiles":
            ax = new_axes() if ax is None else ax
            self._draw_quantiles(ax, artist_kw)
            self.axes_ = np.array([ax])
        else:
            places = self._places(epochs)
            self.axes_ = check_axes(ax, len(places))
            self._draw_histograms(places, bins, artist_kw)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return quantiles of both groups by epoch as a table.

        Returns
        -------
        DataFrame
            A row for each epoch and group, with the columns `epoch`, `group`, `n_rows`, `mean`,
            `q05`, `q25`, `median`, `q75` and `q95`.
        """
        records = []
        for epoch, values in zip(self.epochs.tolist(), self.by_epoch, strict=True):
            for group, rows in self._groups().items():
                known = values[rows][~np.isnan(values[rows])]
                record = {"epoch": epoch, "group": group, "n_rows": len(known)}
                if len(known):
                    record["mean"] = float(known.mean())
                    quantiles = np.quantile(known, list(QUANTILES.values()))
                    record |= dict(zip(QUANTILES, quantiles.tolist(), strict=True))
                records.append(record)
        columns = ["epoch", "group", "n_rows", "mean", *QUANTILES]
        return pd.DataFrame.from_records(records, columns=columns)

    def _groups(self) -> dict[str, BoolArray]:
        if self.flipped is None:
            return {"labels": np.ones(self.by_epoch.shape[1], dtype=bool)}
        return {"wrong labels": self.flipped, "right labels": ~self.flipped}

    def _draw_quantiles(self, ax: Axes, artist_kw: Keywords) -> None:
        from matplotlib.ticker import MaxNLocator

        frame = self.frame()
        for group in self._groups():
            part = frame[frame["group"] == group]
            color, linestyle, marker, _ = STYLES[group]
            for low, high, alpha in (("q05", "q95", 0.13), ("q25", "q75", 0.25)):
                band: dict[str, Any] = {"color": color, "alpha": alpha, "linewidth": 0}
                ax.fill_between(part["epoch"], part[low], part[high], **band)
            every = max(1, len(part) // 8)
            style: dict[str, Any] = {"color": color, "linestyle": linestyle, "marker": marker}
            style |= {"markersize": 4.5, "markevery": every, "linewidth": 1.8}
            style["label"] = f"{group} (median, 50% and 90%)"
            ax.plot(part["epoch"], part["median"], **merged(style, artist_kw, "lines.Line2D"))
        ax.set(xlabel="Epoch", ylabel=self.name)
        ax.margins(x=0.02)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        tidy_axes(ax)
        add_legend(ax)

    def _places(self, epochs: Iterable[int] | None) -> list[int]:
        n_epochs = len(self.epochs)
        if epochs is None:
            n_drawn = min(N_HISTOGRAMS, n_epochs)
            return [round(n_epochs * (each + 1) / n_drawn) - 1 for each in range(n_drawn)]
        known = self.epochs.tolist()
        wanted = list(epochs)
        if not wanted or not set(wanted) <= set(known):
            raise ValueError(f"epochs must be among {known[0]} to {known[-1]}, got {wanted}.")
        return [known.index(each) for each in wanted]

    def _draw_histograms(self, places: list[int], bins: int, artist_kw: Keywords) -> None:
        edges = np.linspace(*self._limits(places), bins + 1)
        counts = {
            group: [np.histogram(self.by_epoch[place][rows], edges)[0] for place in places]
            for group, rows in self._groups().items()
        }
        highest = max(int(np.max(each)) for each in counts.values())
        for number, (ax, place) in enumerate(zip(self.axes_, places, strict=False)):
            for group, heights in counts.items():
                color, linestyle, _, hatch = STYLES[group]
                style: dict[str, Any] = {"facecolor": color, "edgecolor": color, "alpha": 0.5}
                style |= {"fill": True, "hatch": hatch, "label": group, "linewidth": 1.2}
                ax.stairs(heights[number], edges, **merged(style, artist_kw, "patches.Patch"))
            ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.05 * max(highest, 1)))
            ax.set_title(f"Epoch {self.epochs[place]}", fontsize=font_sizes(ax)[0])
            ax.set_xlabel(self.name)
            if number == 0:
                ax.set_ylabel("Rows")
            ax.yaxis.set_major_formatter("{x:,.0f}")
            tidy_axes(ax)
        for ax in self.axes_[len(places) :]:
            ax.set_axis_off()
        add_common_legend(list(self.axes_))

    def _limits(self, places: list[int]) -> tuple[float, float]:
        values = self.by_epoch[places]
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if 0.0 <= low and high <= 1.0:
            return 0.0, 1.0
        return low, max(high, low + 1e-9)
