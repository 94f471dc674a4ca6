"""Agreement with the labels, wrong events and losses, epoch by epoch or round by round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arrays import check_mask
from .._typing import BoolArray, FloatArray
from ._style import (
    GREY,
    LETTER_WIDTH,
    Keywords,
    add_legend,
    font_sizes,
    line_style,
    merged,
    new_axes,
    plain_text,
    settings,
    shortened,
    show_shares,
    size_in_points,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_NAMES = {
    "train_agreement": "agreement, training rows",
    "held_out_agreement": "agreement, held-out rows",
    "wrong_events": "wrong events",
    "memorization_gap": "memorization gap",
    "train_loss": "loss, training rows",
    "held_out_loss": "loss, held-out rows",
    "valid_loss": "loss, validation rows",
}
AGREEMENTS = ("train_agreement", "held_out_agreement")
# Numbers of the lines' styles.
LOOKS = {
    "train_agreement": 0,
    "held_out_agreement": 1,
    "wrong_events": 2,
    "memorization_gap": 3,
}
SHARES = (*AGREEMENTS, "wrong_events", "memorization_gap")
# Entries of a history that don't tell how the training went.
UNTOLD = ("dur", "counted", "train_batch_count", "valid_batch_count")
# Names of stages that are shorter tell nothing.
LEAST_LETTERS = 5
LOSSES = ("train_loss", "held_out_loss", "valid_loss")


class TrainingCurvesDisplay:
    """What a training did epoch by epoch, or round by round: agreement, wrong events, losses.

    While the model learns what the classes look like, it agrees with the labels of training rows
    and of held-out rows equally often. Where the agreement with the training rows runs ahead, it
    learns wrong labels by heart. Use `from_estimator` to make one.

    Parameters
    ----------
    history : sequence of dict
        One per epoch or round, as ``history_`` of a fitted estimator. Drawn are, where they are
        there, ``train_agreement``, ``held_out_agreement`` and ``wrong_events``; or else
        ``memorization_gap``; or else losses. ``stage`` tells several trainings apart.
    counted : array-like of bool of shape (n_entries,) or None, default=None
        The epochs or rounds whose wrong events count. None: those with a true ``counted`` in the
        history, if there are any.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curves were drawn last.
    figure_ : matplotlib.figure.Figure
        Its figure.
    lines_ : list of matplotlib.lines.Line2D
        The curves.

    Raises
    ------
    ValueError
        If `history` holds nothing that can be drawn.

    See Also
    --------
    WeightHistoryDisplay : Weight or quality of the rows by epoch.

    Examples
    --------
    >>> from sknoisy.display import TrainingCurvesDisplay
    >>> history = [
    ...     {"epoch": 1, "train_agreement": 0.5, "held_out_agreement": 0.5},
    ...     {"epoch": 2, "train_agreement": 0.8, "held_out_agreement": 0.7},
    ... ]
    >>> display = TrainingCurvesDisplay(history)
    >>> display.frame()
       step  epoch  train_agreement  held_out_agreement
    0     1      1              0.5                 0.5
    1     2      2              0.8                 0.7
    >>> display.plot().ax_.get_xlabel()
    'Epoch'
    """

    def __init__(
        self, history: Sequence[Mapping[str, Any]], *, counted: ArrayLike | None = None
    ) -> None:
        self.history = check_history(history)
        self.counted = counted_entries(self.history, counted)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        curves: Iterable[str] | None = None,
        ax: Axes | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : NoisyLabelDetector or RobustClassifier
            A fitted estimator with ``history_``.
        curves : iterable of str or None, default=None
            Entries of the history to draw. None: agreements and wrong events, or what there is.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        TrainingCurvesDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `estimator` has no ``history_``.
        """
        check_is_fitted(estimator, "history_")
        display = cls(estimator.history_)
        if display.counted is None:
            evidence = getattr(estimator, "evidence_", {})
            n_held_out = len(evidence.get("held_out_rows", ()))
            n_rows = n_held_out or len(getattr(estimator, "label_quality_", ()))
            display.counted = counted_by_window(display.history, n_rows)
        return display.plot(ax, curves=curves, line_kw=line_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        curves: Iterable[str] | None = None,
        line_kw: Keywords = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None: a new figure.
        curves : iterable of str or None, default=None
            Entries of the history to draw. None: agreements and wrong events, or what there is.
        line_kw : dict or None, default=None
            Keywords for the lines.

        Returns
        -------
        TrainingCurvesDisplay
            The display itself.
        """
        frame = self.frame()
        drawn = self._chosen(curves)
        ax = new_axes() if ax is None else ax
        self._shade_counted(ax)
        self.lines_: list[Any] = []
        for number, name in zip(style_numbers(drawn), drawn, strict=True):
            style = merged(line_style(number, len(frame)), line_kw, "lines.Line2D")
            label = plain_text(CURVE_NAMES.get(name, name.replace("_", " ")))
            self.lines_ += ax.plot(*self._points(name), **{"label": label, **style})
        self._name_axes(ax, drawn)
        tidy_axes(ax)
        self._separate_stages(ax)
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def frame(self) -> pd.DataFrame:
        """Return what is drawn as a table.

        Returns
        -------
        DataFrame
            A row for each epoch or round. `step` counts them over all stages; beside it stand the
            entries of the history that can be drawn, and `counted` where it is known.
        """
        frame = pd.DataFrame.from_records(list(self.history))
        columns = [name for name in ("stage", "epoch", "round") if name in frame]
        columns += [name for name in frame if is_curve(frame[name]) and name not in columns]
        frame = frame[[name for name in columns if name not in UNTOLD]]
        frame.insert(0, "step", np.arange(1, len(frame) + 1))
        if self.counted is not None:
            frame["counted"] = self.counted
        return frame

    def _chosen(self, curves: Iterable[str] | None) -> list[str]:
        frame = self.frame()
        if curves is None:
            return default_curves(frame)
        curves = [curves] if isinstance(curves, str) else list(curves)
        there = [name for name in frame if name not in ("step", "stage", "counted")]
        missing = [name for name in curves if name not in there]
        if missing or not curves:
            raise ValueError(f"curves must be among {there}, got {missing or curves}.")
        return curves

    def _points(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return the points of a curve, with a gap where another training begins."""
        frame, gaps = self.frame(), stage_starts(self.history)[1:]
        steps, values = (frame[each].to_numpy(dtype=float) for each in ("step", name))
        return np.insert(steps, gaps, np.nan), np.insert(values, gaps, np.nan)

    def _shade_counted(self, ax: Axes) -> None:
        if self.counted is None or not self.counted.any():
            return
        label = "rounds that count" if "round" in self.frame() else "epochs that count"
        for first, last in runs_of(self.counted):
            span = (first + 0.5, last + 1.5)
            ax.axvspan(*span, color=GREY, alpha=0.18, linewidth=0, zorder=0, label=label)
            # The legend explains one of them.
            label = "_"

    def _name_axes(self, ax: Axes, drawn: Sequence[str]) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.set_xlabel("Round" if "round" in self.frame() else "Epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        ax.set_xlim(0.5, len(self.history) + 0.5)
        if set(drawn) <= set(SHARES):
            ax.set_ylabel("Share of rows")
            show_shares(ax.yaxis)
            if "memorization_gap" not in drawn:
                ax.set_ylim(0.0, 1.0)
        elif all("loss" in name for name in drawn):
            ax.set_ylabel("Mean loss")

    def _separate_stages(self, ax: Axes) -> None:
        """Draw a line where another training begins, and write the names of the stages."""
        starts = stage_starts(self.history)
        for start in starts[1:]:
            ax.axvline(start + 0.5, color=settings("text.color"), linewidth=0.8, linestyle=":")
        if len(starts) == 1:
            return
        size = font_sizes(ax)[1]
        letters_per_step = size_in_points(ax)[0] / (len(self.history) * LETTER_WIDTH * size)
        for start, end in zip(starts, [*starts[1:], len(self.history)], strict=True):
            name = str(self.history[start].get("stage") or "").replace("_", " ")
            n_letters = int((end - start) * letters_per_step)
            if n_letters < LEAST_LETTERS:
                continue
            place: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "ha": "center"}
            place |= {"xytext": (0, 3), "textcoords": "offset points", "fontsize": size}
            text = plain_text(shortened(name, n_letters))
            ax.annotate(text, ((start + end) / 2 + 0.5, 1.0), **place)


def check_history(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a history as a list; raise unless there is something in it to draw."""
    entries = list(history)
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise ValueError(
            "history must be a list of dicts, one per epoch or round, with at least one entry; "
            f"got {history!r:.80}. Cross-validated predictions and methods without a training "
            "leave no history."
        )
    default_curves(pd.DataFrame.from_records(entries))
    return entries


def default_curves(frame: pd.DataFrame) -> list[str]:
    """Return the entries of a history that tell most; raise if there are none."""
    shares = [name for name in (*AGREEMENTS, "wrong_events") if has_curve(frame, name)]
    if shares:
        return shares
    if has_curve(frame, "memorization_gap"):
        return ["memorization_gap"]
    losses = [name for name in LOSSES if has_curve(frame, name)]
    if not losses:
        raise ValueError(
            f"history must hold one of {[*SHARES, *LOSSES]}, got {[str(name) for name in frame]}."
        )
    return losses


def style_numbers(drawn: Sequence[str]) -> list[int]:
    """Return how curves look: equal ones alike in every picture, others as is left."""
    fixed = [LOOKS.get(name) for name in drawn]
    left = iter(number for number in range(len(drawn) + len(LOOKS)) if number not in fixed)
    return [next(left) if number is None else number for number in fixed]


def has_curve(frame: pd.DataFrame, name: str) -> bool:
    """Return whether there is such a column, with a number in it."""
    return name in frame and is_curve(frame[name])


def is_curve(values: pd.Series) -> bool:
    """Return whether these are numbers, some of them known."""
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return is_number and bool(values.notna().any())


def counted_entries(
    history: Sequence[Mapping[str, Any]], counted: ArrayLike | None
) -> BoolArray | None:
    """Return which entries count, as told or as the history says; None if it isn't known."""
    if counted is not None:
        return check_mask(counted, "counted", len(history))
    if not any("counted" in entry for entry in history):
        return None
    return np.array([bool(entry.get("counted", False)) for entry in history])


def counted_by_window(history: Sequence[Mapping[str, Any]], n_rows: int) -> BoolArray | None:
    """Return the epochs or rounds whose wrong events count; None if none are counted.

    Parameters
    ----------
    history : sequence of dict
    n_rows : int
        Number of held-out rows, or of all where none are held out.
    """
    from ..methods.wrong_event._window import competent_rounds, rounds_by_loss, standard_error

    of_rounds = [entry.get("round") is not None for entry in history]
    is_counting = ["memorization_gap" in entry for entry in history]
    places = np.flatnonzero(of_rounds if any(of_rounds) else is_counting).tolist()
    if not len(places):
        return None
    entries = [history[place] for place in places]
    agreements = [each.get("held_out_agreement", each.get("train_agreement")) for each in entries]
    losses = [each.get("held_out_loss") for each in entries]
    if None in agreements:
        return None
    if any(of_rounds) and None not in losses:
        counted = rounds_by_loss(losses, agreements, n_rows)
    else:
        counted = competent_rounds(agreements, standard_error(n_rows))
    mask = np.zeros(len(history), dtype=bool)
    mask[np.array(places)[counted]] = True
    return mask


def runs_of(mask: BoolArray) -> list[tuple[int, int]]:
    """Return first and last place of each run of true values."""
    changes = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    firsts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    return [(int(first), int(end) - 1) for first, end in zip(firsts, ends, strict=True)]


def stage_starts(history: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the entries with which a training begins: another stage, or epochs from 1 again."""
    starts = [0]
    for place in range(1, len(history)):
        before, entry = history[place - 1], history[place]
        number = [each.get("epoch", each.get("round", place)) for each in (before, entry)]
        if before.get("stage") != entry.get("stage") or number[1] <= number[0]:
            starts.append(place)
    return starts
