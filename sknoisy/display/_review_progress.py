"""What a review has found: wrong labels against rows looked at, and the noise rate narrowing."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import Features, Labels, RandomStateParameter
from ._shared import check_choice, check_length, named
from ._style import (
    GREY,
    Keywords,
    add_legend,
    line_style,
    merged,
    new_axes,
    plain_text,
    settings,
    show_shares,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["found", "rate"]
KINDS = ("found", "rate")
NEEDED = ("n_reviewed", "n_found")
RATE_COLUMNS = ("noise_rate", "low", "high")
STRATEGIES = ("suspicious", "informative", "random")


class ReviewProgressDisplay:
    """What a review finds, row by row, by strategy.

    Two pictures: wrong labels found against rows looked at, beside what looking at rows by chance
    would find; and the estimated share of wrong labels, whose interval narrows. Use
    `from_estimator` to try strategies on data whose truth is known, `from_predictions` for orders
    of rows that were got in any way, or the constructor for the records of a real review.

    Parameters
    ----------
    records : DataFrame or sequence of dict
        A record for each state of a review: `n_reviewed`, the rows looked at so far, and
        `n_found`, the wrong labels among them; and if they are known `strategy`, and
        `noise_rate`, `low` and `high`, estimate and interval after it.
    noise_rate : float or None, default=None
        Share of wrong labels in truth, where it is known.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        The curves, in the order of the strategies.
    ax_ : matplotlib.axes.Axes
        Where they were drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Raises
    ------
    ValueError
        If `records` lack a column.

    Examples
    --------
    >>> from sknoisy.display import ReviewProgressDisplay
    >>> flipped = [True, False, True, False, False]
    >>> display = ReviewProgressDisplay.from_predictions(flipped, {"by quality": [0, 2, 1]})
    >>> display.frame()
         strategy  n_reviewed  n_found
    0  by quality           0        0
    1  by quality           1        1
    2  by quality           2        2
    3  by quality           3        2
    """

    def __init__(
        self,
        records: pd.DataFrame | Sequence[Mapping[str, Any]],
        *,
        noise_rate: float | None = None,
    ) -> None:
        self.records = check_records(records)
        self.noise_rate = noise_rate

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        y_true: Labels,
        *,
        strategies: Sequence[str] = STRATEGIES,
        n_rows: int = 200,
        n_rounds: int = 10,
        X: Features | None = None,
        random_state: RandomStateParameter = 0,
        kind: Kind = "found",
        ax: Axes | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Try strategies of review on a fitted estimator, where the truth is known.

        Each strategy's copy of the estimator is told the true labels of its queue, round by
        round. The estimator itself stays as it is.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``review_queue`` and ``apply_review``.
        y_true : array-like of shape (n_samples,)
            True labels of the rows of fit.
        strategies : sequence of str, default=("suspicious", "informative", "random")
            Those of ``review_queue``.
        n_rows : int, default=200
            Rows to review by each.
        n_rounds : int, default=10
            How often the verdict is settled by the answers so far.
        X : array-like, DataFrame or sparse matrix, default=None
            The rows of fit, as ``review_queue`` takes them.
        random_state : int, RandomState instance or None, default=0
            Of the draws.
        kind : {"found", "rate"}, default="found"
            As in `plot`.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        ReviewProgressDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` isn't fitted.
        """
        check_is_fitted(estimator, "label_quality_")
        given = estimator.get_label_issues()["given_label"].to_numpy()
        truth = check_length(y_true, len(given), name="y_true")
        if n_rounds < 1 or n_rows < n_rounds:
            raise ValueError(
                f"n_rounds must be at least 1 and at most n_rows, got {n_rounds} and {n_rows}."
            )
        records = []
        for strategy in strategies:
            reviewed = copy.deepcopy(estimator)
            n_found = 0
            records.append(record_of(reviewed, strategy, 0, n_found))
            for size in np.diff(np.linspace(0, n_rows, n_rounds + 1).round().astype(int)):
                queue = reviewed.review_queue(
                    int(size), strategy=strategy, X=X, random_state=random_state
                )
                if not len(queue):
                    break
                rows = queue["row"].to_numpy()
                n_found += int(np.sum(truth[rows] != given[rows]))
                reviewed.apply_review(pd.Series(truth[rows], index=queue.index))
                n_reviewed = records[-1]["n_reviewed"] + len(rows)
                records.append(record_of(reviewed, strategy, n_reviewed, n_found))
        display = cls(records, noise_rate=float(np.mean(truth != given)))
        return display.plot(ax, kind=kind, line_kw=line_kw)

    @classmethod
    def from_predictions(
        cls,
        flipped: ArrayLike,
        orders: ArrayLike | Mapping[str, ArrayLike],
        *,
        ax: Axes | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw what is found by looking at rows in given orders, where the truth is known.

        Parameters
        ----------
        flipped : array-like of bool of shape (n_samples,)
            True where the given label is known to be wrong.
        orders : array-like of int of shape (n_reviewed,) or dict of these
            Positions of the rows in the order of the review, of one strategy or several by name.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        ReviewProgressDisplay
            The display, drawn.
        """
        is_wrong = check_mask(flipped, "flipped")
        parts = []
        for name, order in named(orders, "review").items():
            rows = np.asarray(order)
            if rows.ndim != 1 or not np.isin(rows, np.arange(len(is_wrong))).all():
                raise ValueError(
                    f"orders of {name!r} must hold positions from 0 to {len(is_wrong) - 1}, "
                    f"got {rows!r:.80}."
                )
            n_found = np.concatenate([[0], np.cumsum(is_wrong[rows])])
            counts = {"n_reviewed": np.arange(len(rows) + 1), "n_found": n_found}
            parts.append(pd.DataFrame({"strategy": name, **counts}))
        display = cls(pd.concat(parts, ignore_index=True), noise_rate=float(is_wrong.mean()))
        return display.plot(ax, line_kw=line_kw)

    def plot(
        self, ax: Axes | None = None, *, kind: Kind = "found", line_kw: Keywords = None
    ) -> Self:
        """Draw a curve for each strategy.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        kind : {"found", "rate"}, default="found"
            "found": wrong labels found against rows looked at. "rate": the estimated share of
            wrong labels with its interval.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        ReviewProgressDisplay
            The display itself.
        """
        check_choice(kind, KINDS, name="kind")
        if kind == "rate" and not set(RATE_COLUMNS) <= set(self.records):
            raise ValueError(
                f"records must have the columns {list(RATE_COLUMNS)} for kind='rate', got "
                f"{list(self.records)}."
            )
        ax = new_axes() if ax is None else ax
        self.lines_: list[Any] = []
        for number, (name, part) in enumerate(self.records.groupby("strategy", sort=False)):
            style = merged(line_style(number, len(part)), line_kw, "lines.Line2D")
            style = {"label": plain_text(name), **style}
            column = "n_found" if kind == "found" else "noise_rate"
            self.lines_ += ax.plot(part["n_reviewed"], part[column], **style)
            if kind == "rate":
                self._draw_interval(ax, number, part)
        self._draw_truth(ax, kind)
        ax.set_xlabel("Rows reviewed")
        ax.set_ylabel("Wrong labels found" if kind == "found" else "Share of wrong labels")
        ax.set_ylim(bottom=0)
        ax.margins(x=0.01)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        if kind == "rate":
            show_shares(ax.yaxis)
        tidy_axes(ax)
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return what is drawn as a table.

        Returns
        -------
        DataFrame
            The records: `strategy`, `n_reviewed`, `n_found` and, if they are known,
            `noise_rate`, `low` and `high`.
        """
        return self.records.copy()

    def _draw_interval(self, ax: Axes, number: int, part: pd.DataFrame) -> None:
        style = line_style(number) | {"linewidth": 0.8, "alpha": 0.8}
        band: dict[str, Any] = {"color": style["color"], "alpha": 0.14, "linewidth": 0}
        ax.fill_between(part["n_reviewed"], part["low"], part["high"], **band)
        for bound in ("low", "high"):
            ax.plot(part["n_reviewed"], part[bound], **style)

    def _draw_truth(self, ax: Axes, kind: Kind) -> None:
        if self.noise_rate is None:
            return
        if kind == "rate":
            line: dict[str, Any] = {"color": settings("text.color"), "linestyle": "--"}
            ax.axhline(self.noise_rate, linewidth=1.1, label="truth", **line)
            return
        end = float(self.records["n_reviewed"].max())
        line = {"color": GREY, "linestyle": (0, (1, 2)), "linewidth": 1.3}
        ax.plot([0, end], [0, self.noise_rate * end], label="expected by chance", **line)


def record_of(estimator: Any, strategy: str, n_reviewed: int, n_found: int) -> dict[str, Any]:
    """Return the state of a review."""
    low, high = estimator.noise_rate_interval_
    counts = {"strategy": strategy, "n_reviewed": n_reviewed, "n_found": n_found}
    return counts | {"noise_rate": estimator.noise_rate_, "low": low, "high": high}


def check_records(records: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the records of a review as a table; raise unless they tell what was found."""
    frame = pd.DataFrame(records) if isinstance(records, pd.DataFrame) else None
    if frame is None:
        frame = pd.DataFrame.from_records([dict(record) for record in records])
    missing = [name for name in NEEDED if name not in frame]
    if missing or not len(frame):
        raise ValueError(
            f"records must have the columns {list(NEEDED)} and at least one row, got "
            f"{len(frame)} rows with {[str(name) for name in frame]}."
        )
    if "strategy" not in frame:
        frame.insert(0, "strategy", "review")
    known = [name for name in ("strategy", *NEEDED, *RATE_COLUMNS) if name in frame]
    return frame[known].reset_index(drop=True)
