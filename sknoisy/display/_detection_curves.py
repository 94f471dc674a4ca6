"""How well wrong labels are ranked: curves of several methods in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_curve
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import BoolArray, FloatArray
from ..metrics import noise_detection_report
from ._shared import check_choice, check_quality, named
from ._style import (
    GREY,
    Keywords,
    add_legend,
    is_narrow,
    line_style,
    merged,
    new_axes,
    plain_text,
    show_shares,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["roc", "precision_recall"]
KINDS = ("roc", "precision_recall")
MEANINGS = {
    "False positive rate": "right labels flagged",
    "Recall": "wrong labels found",
    "Precision": "wrong among flagged",
}


class DetectionCurvesDisplay:
    """Receiver operating characteristic or precision and recall of detection, by method.

    Wrong labels are the positives: the curve of a method tells, for every threshold of its label
    quality, which share of the wrong labels lies below it, and what comes with them. A point marks
    the threshold of the method's own verdict. Use `from_estimator` or `from_predictions` to make
    one.

    Parameters
    ----------
    flipped : array-like of bool of shape (n_samples,)
        True where the given label is known to be wrong.
    label_quality : array-like of shape (n_samples,) or dict of these
        How likely each given label is right, in [0, 1], of one method or of several by name. NaN:
        the method hasn't judged this row, which is left out of its curve.
    noise_mask : array-like of bool of shape (n_samples,) or dict of these, default=None
        The verdicts, of one method or by name. None: no points are marked.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        The curves, in the order of the methods.
    ax_ : matplotlib.axes.Axes
        Where they were drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If lengths differ, or a method has judged no right, or no wrong label.

    Examples
    --------
    >>> from sknoisy.display import DetectionCurvesDisplay
    >>> flipped = [True, False, False, True]
    >>> quality = {"sure": [0.1, 0.9, 0.8, 0.2], "unsure": [0.4, 0.5, 0.3, 0.2]}
    >>> display = DetectionCurvesDisplay.from_predictions(flipped, quality)
    >>> display.scores()
             auc  average_precision
    method
    sure    1.00           1.000000
    unsure  0.75           0.833333
    """

    def __init__(
        self,
        flipped: ArrayLike,
        label_quality: ArrayLike | Mapping[str, ArrayLike],
        *,
        noise_mask: ArrayLike | Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.flipped = check_mask(flipped, "flipped")
        n_rows = len(self.flipped)
        self.label_quality = {
            name: check_judged(quality, self.flipped, name)
            for name, quality in named(label_quality, "label_quality").items()
        }
        masks = {} if noise_mask is None else named(noise_mask, "noise_mask")
        unknown = sorted(set(masks) - set(self.label_quality))
        if unknown:
            raise ValueError(
                f"noise_mask must have names of label_quality, {list(self.label_quality)}; "
                f"got {unknown} too."
            )
        self.noise_mask = {
            name: check_mask(mask, f"noise_mask of {name!r}", n_rows)
            for name, mask in masks.items()
        }

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        flipped: ArrayLike,
        *,
        kind: Kind = "roc",
        ax: Axes | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the curves of fitted estimators, for the rows that they were fitted on.

        Trusted rows, about which there was nothing to find out, are left out.

        Parameters
        ----------
        estimator : NoisyLabelDetector, RobustClassifier or dict of these
            One fitted estimator, or several by name.
        flipped : array-like of bool of shape (n_samples,)
            True where the given label is known to be wrong.
        kind : {"roc", "precision_recall"}, default="roc"
            Which curves.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        DetectionCurvesDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If an estimator has no ``label_quality_``.
        """
        estimators = by_method(estimator)
        for each in estimators.values():
            check_is_fitted(each, "label_quality_")
        display = cls(
            flipped,
            {name: judged_quality(each) for name, each in estimators.items()},
            noise_mask={name: each.noise_mask_ for name, each in estimators.items()},
        )
        return display.plot(ax, kind=kind, line_kw=line_kw)

    @classmethod
    def from_predictions(
        cls,
        flipped: ArrayLike,
        label_quality: ArrayLike | Mapping[str, ArrayLike],
        *,
        noise_mask: ArrayLike | Mapping[str, ArrayLike] | None = None,
        kind: Kind = "roc",
        ax: Axes | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the curves of label qualities that were got in any way.

        Parameters
        ----------
        flipped : array-like of bool of shape (n_samples,)
            True where the given label is known to be wrong.
        label_quality : array-like of shape (n_samples,) or dict of these
            How likely each given label is right, of one method or of several by name.
        noise_mask : array-like of bool of shape (n_samples,) or dict of these, default=None
            The verdicts, of one method or by name.
        kind : {"roc", "precision_recall"}, default="roc"
            Which curves.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        DetectionCurvesDisplay
            The display, drawn.
        """
        display = cls(flipped, label_quality, noise_mask=noise_mask)
        return display.plot(ax, kind=kind, line_kw=line_kw)

    def plot(self, ax: Axes | None = None, *, kind: Kind = "roc", line_kw: Keywords = None) -> Self:
        """Draw a curve for each method.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        kind : {"roc", "precision_recall"}, default="roc"
            Which curves.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        DetectionCurvesDisplay
            The display itself.
        """
        check_choice(kind, KINDS, name="kind")
        ax = new_axes(figsize=(5.6, 5.0)) if ax is None else ax
        is_roc = kind == "roc"
        scores = self.scores()["auc" if is_roc else "average_precision"]
        frame = self.frame()
        across, up = x_and_y(is_roc)
        self.lines_: list[Any] = []
        for number, name in enumerate(self.label_quality):
            curve = frame[frame["method"] == name]
            style = merged(line_style(number), line_kw, "lines.Line2D")
            label = f"{plain_text(name)} {scores[name]:.3f}"
            if not is_roc:
                style.setdefault("drawstyle", "steps-pre")
            self.lines_ += ax.plot(curve[across], curve[up], **{"label": label, **style})
            self._mark_verdict(ax, name, is_roc, self.lines_[-1])
        self._draw_chance(ax, is_roc)
        name_rate_axes(ax, is_roc)
        tidy_axes(ax, grid="both")
        add_legend(ax, given={"title": "AUC" if is_roc else "Average precision"})
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return the curves as a table.

        Returns
        -------
        DataFrame
            For each method and each threshold of its label quality the shares of labels at or
            below it: `recall`, of the wrong labels; `false_positive_rate`, of the right ones; and
            `precision`, the share of wrong labels among these.
        """
        parts = []
        for name, quality in self.label_quality.items():
            known = ~np.isnan(quality)
            flipped = self.flipped[known]
            false_positives, recall, thresholds = roc_curve(
                flipped, -quality[known], drop_intermediate=False
            )
            n_found, n_false = recall * flipped.sum(), false_positives * (~flipped).sum()
            n_flagged = np.maximum(n_found + n_false, 1)
            part = pd.DataFrame(
                {
                    "method": name,
                    # Of the first one, below which nothing lies, scikit-learn says infinity.
                    "threshold": np.where(np.isinf(thresholds), 0.0, -thresholds),
                    "false_positive_rate": false_positives,
                    "recall": recall,
                    "precision": np.where(recall + false_positives > 0, n_found / n_flagged, 1.0),
                }
            )
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """Return what sums the curves up.

        Returns
        -------
        DataFrame
            `auc` and `average_precision` of each method.
        """
        scores = {}
        for name, quality in self.label_quality.items():
            known = ~np.isnan(quality)
            flipped, suspicion = self.flipped[known], -quality[known]
            report = noise_detection_report(flipped, np.zeros(len(flipped), bool), quality[known])
            scores[name] = (report["auc"], average_precision_score(flipped, suspicion))
        frame = pd.DataFrame.from_dict(scores, "index", columns=["auc", "average_precision"])
        return frame.rename_axis("method")

    def _mark_verdict(self, ax: Axes, name: str, is_roc: bool, line: Any) -> None:
        if name not in self.noise_mask:
            return
        known = ~np.isnan(self.label_quality[name])
        flipped, mask = self.flipped[known], self.noise_mask[name][known]
        report = noise_detection_report(flipped, mask)
        place = (mask[~flipped].mean(), report["recall"])
        if not is_roc:
            place = (report["recall"], report["precision"])
        style: dict[str, Any] = {"marker": "o", "markersize": 7, "linestyle": "", "zorder": 3}
        style |= {"color": line.get_color(), "markeredgecolor": "white", "clip_on": False}
        ax.plot(*([each] for each in place), **style)

    def _draw_chance(self, ax: Axes, is_roc: bool) -> None:
        share = float(self.flipped.mean())
        points = ([0, 1], [0, 1]) if is_roc else ([0, 1], [share, share])
        ax.plot(*points, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)), label="by chance")


def x_and_y(is_roc: bool) -> tuple[str, str]:
    """Return the columns of the frame that are drawn."""
    return ("false_positive_rate", "recall") if is_roc else ("recall", "precision")


def name_rate_axes(ax: Axes, is_roc: bool) -> None:
    """Give the axes of shares their names."""
    names = ["False positive rate", "Recall"] if is_roc else ["Recall", "Precision"]
    if not is_narrow(ax):
        names = [f"{name} ({MEANINGS[name]})" for name in names]
    ax.set(xlabel=names[0], ylabel=names[1], xlim=(0.0, 1.0), ylim=(0.0, 1.02))
    show_shares(ax.xaxis)
    show_shares(ax.yaxis)


def by_method(estimator: Any) -> dict[str, Any]:
    """Return estimators by name; one alone is named by its method."""
    if isinstance(estimator, Mapping):
        return named(estimator, "estimator")
    method = getattr(estimator, "method", type(estimator).__name__)
    name = method if isinstance(method, str) else getattr(method, "name", type(method).__name__)
    return {str(name): estimator}


def judged_quality(estimator: Any) -> FloatArray:
    """Return the label quality of an estimator's rows, NaN for trusted ones."""
    quality = np.array(estimator.label_quality_, dtype=float)
    trusted = getattr(estimator, "_trusted", None)
    if trusted is not None:
        quality[trusted] = np.nan
    return quality


def check_judged(label_quality: ArrayLike, flipped: BoolArray, name: str) -> FloatArray:
    """Return label quality as an array; raise unless right and wrong labels were judged."""
    quality = np.asarray(label_quality, dtype=float)
    if quality.shape != flipped.shape:
        raise ValueError(
            f"label_quality of {name!r} must have shape {flipped.shape}, got {quality.shape}."
        )
    known = ~np.isnan(quality)
    n_wrong = int(flipped[known].sum())
    if not 0 < n_wrong < known.sum():
        raise ValueError(
            f"flipped must be true for some of the rows that {name!r} has judged, and false for "
            f"others; got {n_wrong} of {known.sum()}."
        )
    check_quality(quality[known])
    return quality
