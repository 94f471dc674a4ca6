"""How well wrong labels are found as there are more of them, by method and kind of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._detection_curves import DetectionCurvesDisplay, by_method, judged_quality
from ._shared import check_choice
from ._style import (
    GREY,
    Keywords,
    add_common_legend,
    check_axes,
    fitted,
    font_sizes,
    line_style,
    merged,
    new_axes,
    plain_text,
    show_shares,
    size_in_points,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Score: TypeAlias = Literal["auc", "average_precision"]
SCORES = {"auc": "AUC", "average_precision": "Average precision"}
SETTING = ["noise", "noise_rate", "method"]
# With more shares than these, matplotlib chooses the ticks.
MAX_TICKS = 6
BY_CHANCE = 0.5


class NoiseRobustnessDisplay:
    """How well methods find wrong labels as there are more of them.

    Each method has a line over the share of wrong labels, and each kind of noise has axes of its
    own. Use `from_estimator` or `from_predictions` to make one from several runs, or the
    constructor for scores that are known.

    Parameters
    ----------
    scores : DataFrame or list of dict
        A row for each method in each run, with `method`, `noise_rate`, which is in [0, 1], and
        `auc`, `average_precision` or both. `noise` may name the kind of noise. Rows that agree in
        these names and the rate are repetitions: their mean is drawn, and a band from the lowest to
        the highest.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        The lines, by kind of noise and then by method.
    axes_ : ndarray of matplotlib.axes.Axes
        Where they were drawn last, by kind of noise.
    ax_ : matplotlib.axes.Axes
        The first of these.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Raises
    ------
    ValueError
        If columns are missing, or a rate or score isn't in [0, 1].

    Examples
    --------
    >>> from sknoisy.display import NoiseRobustnessDisplay
    >>> scores = [
    ...     {"method": "LSW", "noise_rate": 0.2, "auc": 0.9},
    ...     {"method": "LSW", "noise_rate": 0.2, "auc": 0.8},
    ...     {"method": "LSW", "noise_rate": 0.4, "auc": 0.7},
    ... ]
    >>> NoiseRobustnessDisplay(scores).frame()[["noise_rate", "method", "n_runs", "mean"]]
       noise_rate method  n_runs  mean
    0         0.2    LSW       2  0.85
    1         0.4    LSW       1  0.70
    """

    def __init__(self, scores: pd.DataFrame | Sequence[Mapping[str, Any]]) -> None:
        self.scores = check_scores(scores)

    @classmethod
    def from_estimator(
        cls,
        estimators: Sequence[Any],
        flipped: Sequence[ArrayLike],
        *,
        noise: Sequence[str] | None = None,
        noise_rates: ArrayLike | None = None,
        score: Score = "auc",
        ax: Any = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw how well fitted estimators have found the wrong labels of their runs.

        Trusted rows, about which there was nothing to find out, are left out.

        Parameters
        ----------
        estimators : sequence of NoisyLabelDetector, RobustClassifier or dict of these
            For each run the fitted estimator, or several by name.
        flipped : sequence of array-like of bool of shape (n_samples,)
            For each run which labels are known to be wrong.
        noise : sequence of str or None, default=None
            For each run the kind of its noise. None: there is but one.
        noise_rates : array-like of float or None, default=None
            For each run the share of wrong labels that is aimed at. None: the share there is.
        score : {"auc", "average_precision"}, default="auc"
            As in `plot`.
        ax : matplotlib.axes.Axes, array-like of these or None, default=None
            As in `plot`.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        NoiseRobustnessDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If an estimator has no ``label_quality_``.
        """
        runs = [by_method(estimator) for estimator in estimators]
        for each in (each for run in runs for each in run.values()):
            check_is_fitted(each, "label_quality_")
        return cls.from_predictions(
            flipped,
            [{name: judged_quality(each) for name, each in run.items()} for run in runs],
            noise=noise,
            noise_rates=noise_rates,
            score=score,
            ax=ax,
            line_kw=line_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        flipped: Sequence[ArrayLike],
        label_quality: Sequence[ArrayLike | Mapping[str, ArrayLike]],
        *,
        noise: Sequence[str] | None = None,
        noise_rates: ArrayLike | None = None,
        score: Score = "auc",
        ax: Any = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw how well label qualities that were got in any way tell the wrong labels.

        Parameters
        ----------
        flipped : sequence of array-like of bool of shape (n_samples,)
            For each run which labels are known to be wrong.
        label_quality : sequence of array-like of shape (n_samples,) or dict of these
            For each run how likely each given label is right, of one method or of several by name.
            NaN: the method hasn't judged this row, which is left out.
        noise : sequence of str or None, default=None
            For each run the kind of its noise. None: there is but one.
        noise_rates : array-like of float or None, default=None
            For each run the share of wrong labels that is aimed at. None: the share there is.
        score : {"auc", "average_precision"}, default="auc"
            As in `plot`.
        ax : matplotlib.axes.Axes, array-like of these or None, default=None
            As in `plot`.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        NoiseRobustnessDisplay
            The display, drawn.
        """
        n_runs = len(flipped)
        if noise_rates is None:
            noise_rates = [float(np.mean(np.asarray(each))) for each in flipped]
        settings = {
            "label_quality": label_quality,
            "noise": [""] * n_runs if noise is None else noise,
            "noise_rates": np.asarray(noise_rates, dtype=float).tolist(),
        }
        for name, values in settings.items():
            if len(values) != n_runs:
                raise ValueError(
                    f"{name} must have an entry for each of the {n_runs} runs, got {len(values)}."
                )
        parts = []
        for wrong, quality, kind, rate in zip(flipped, *settings.values(), strict=True):
            part = DetectionCurvesDisplay(wrong, quality).scores().reset_index()
            parts.append(part.assign(noise=str(kind), noise_rate=rate))
        if not parts:
            raise ValueError("flipped must hold at least one run, got none.")
        return cls(pd.concat(parts)).plot(ax, score=score, line_kw=line_kw)

    def plot(self, ax: Any = None, *, score: Score = "auc", line_kw: Keywords = None) -> Self:
        """Draw a line for each method, on axes for each kind of noise.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of these or None, default=None
            Where to draw: as many axes as kinds of noise, or more. None: a new figure.
        score : {"auc", "average_precision"}, default="auc"
            "auc": how often a wrong label is ranked below a right one; 0.5 by chance.
            "average_precision": the mean share of wrong labels among the flagged ones, over all
            thresholds; the share of wrong labels by chance.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        NoiseRobustnessDisplay
            The display itself.
        """
        frame = self.frame(score=score)
        kinds = frame["noise"].unique().tolist()
        if ax is None and len(kinds) == 1:
            ax = new_axes()
        self.axes_ = check_axes(ax, len(kinds), max_columns=3, panel=(2.1, 2.6), sharey=True)
        self.lines_: list[Any] = []
        chance = frame["noise_rate"] if score == "average_precision" else BY_CHANCE
        lowest = np.nanmin([frame["lowest"].min(), np.min(chance)])
        for place, kind in zip(self.axes_, kinds, strict=False):
            self._draw_kind(place, frame[frame["noise"] == kind], score, line_kw)
            name_kind(place, kind)
            place.set(xlabel="Wrong labels", ylim=(lowest - 0.03, 1.02))
            subplot = place.get_subplotspec()
            if subplot is None or subplot.is_first_col():
                place.set_ylabel(SCORES[score])
            tidy_axes(place)
        for place in self.axes_[len(kinds) :]:
            place.set_axis_off()
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        add_common_legend(self.axes_)
        return self

    def frame(self, *, score: Score = "auc") -> pd.DataFrame:
        """Return what is drawn as a table.

        Parameters
        ----------
        score : {"auc", "average_precision"}, default="auc"
            As in `plot`.

        Returns
        -------
        DataFrame
            A row for each kind of noise, rate and method, with the columns `noise`, `noise_rate`,
            `method`, `n_runs`, and `mean`, `lowest` and `highest` of the score.
        """
        known = [name for name in SCORES if name in self.scores]
        check_choice(score, known, name="score")
        groups = self.scores.groupby(SETTING, observed=True)[score]
        frame = groups.agg(n_runs="count", mean="mean", lowest="min", highest="max").reset_index()
        return frame.astype({"noise": str, "method": str})

    def _draw_kind(self, ax: Axes, part: pd.DataFrame, score: Score, line_kw: Keywords) -> None:
        for number, name in enumerate(self.scores["method"].cat.categories):
            line = part[part["method"] == name]
            rates = line["noise_rate"].to_numpy()
            style = {"label": plain_text(name), **line_style(number, 1), "markevery": 1}
            self.lines_ += ax.plot(rates, line["mean"], **merged(style, line_kw, "lines.Line2D"))
            if (line["n_runs"] > 1).any():
                band = {"color": self.lines_[-1].get_color(), "alpha": 0.18, "linewidth": 0}
                ax.fill_between(rates, line["lowest"], line["highest"], **band)
        rates = np.unique(part["noise_rate"])
        chance = rates if score == "average_precision" else np.full(len(rates), BY_CHANCE)
        dotted: dict[str, Any] = {"color": GREY, "linewidth": 1.0, "linestyle": (0, (1, 2))}
        ax.plot(rates, chance, label="by chance", **dotted)
        show_shares(ax.xaxis)
        if len(rates) <= MAX_TICKS:
            ax.set_xticks(rates)
        ax.margins(x=0.06)


def name_kind(ax: Axes, kind: str) -> None:
    """Write the kind of noise above its axes, as much of it as there is room for."""
    if kind:
        size = font_sizes(ax)[0]
        ax.set_title(plain_text(fitted(kind, size_in_points(ax)[0], size)), fontsize=size)


def check_scores(scores: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return scores as a table of one's own, with a kind of noise in each row."""
    table = pd.DataFrame(scores).copy()
    missing = [name for name in ("method", "noise_rate") if name not in table]
    known = [name for name in SCORES if name in table]
    if missing or not known or not len(table):
        raise ValueError(
            "scores must have the columns method, noise_rate, and auc or average_precision, and "
            f"at least one row; got {list(table.columns)} and {len(table)} rows."
        )
    for name in ("noise_rate", *known):
        values = table[name].dropna()
        if not values.between(0, 1).all():
            raise ValueError(
                f"{name} in scores must be in [0, 1], got {values.min():.3g} to {values.max():.3g}."
            )
    if "noise" not in table:
        table["noise"] = ""
    for name in ("noise", "method"):
        # Groups of these stay in the order in which they came.
        names = table[name].astype(str)
        table[name] = pd.Categorical(names, categories=names.unique())
    return table
