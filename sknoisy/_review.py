"""What both estimators do with a person who looks at some labels."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._arrays import plain
from ._similar_rows import SimilarRows
from ._typing import (
    BoolArray,
    Features,
    FloatArray,
    IntArray,
    LabelArray,
    RandomStateParameter,
)
from ._verdict import rates_of_groups
from .methods import LabelEvidence
from .noise_rates import class_rate_intervals
from .review import (
    UNDECIDED,
    Calibration,
    KnownValues,
    Settlement,
    draw_stratified,
    match_answers,
    mean_by_stratum,
    quality_strata,
    settle_review,
    threshold_of_best_f1,
)
from .thresholds import flag_share, judge_labels
from .training import TrainingData

Answers: TypeAlias = pd.Series | Mapping[Any, Any]
Strategy: TypeAlias = Literal["suspicious", "informative", "random"]

STRATEGIES = ("suspicious", "informative", "random")
# Codes of answers that aren't classes.
NOT_ASKED, UNSURE = -1, -2
# With fewer rows reviewed outside the head of the ranking, nobody knows where the verdict is to
# end, and it stays where it was.
LEAST_SAMPLED = 30
N_NEAREST = 3

# What a fit leaves for reviews, and what a review replaces and keeps the first of.
PRIVATE_REVIEW_STATE = (
    "_answers",
    "_before_review",
    "_calibration",
    "_contradictions",
    "_margins",
    "_runner_up",
    "_trusted",
)
REPLACED = (
    "_calibration",
    "_rank",
    "class_noise_rate_intervals_",
    "class_noise_rates_",
    "group_noise_rates_",
    "label_quality_",
    "noise_mask_",
    "noise_rate_",
    "noise_rate_interval_",
    "sample_weights_",
    "suggested_labels_",
    "threshold_",
)


class ReviewedLabels:
    """Choose rows for a person to look at, and settle the verdict by the answers.

    Attributes
    ----------
    reviewed_ : ndarray of bool of shape (n_rows,)
        After a review: the rows whose right class a person has told.
    corrected_labels_ : ndarray of shape (n_rows,)
        After a review: the given labels, with the classes that a person has told.
    """

    reviewed_: BoolArray
    corrected_labels_: LabelArray
    noise_rate_: float
    noise_rate_interval_: tuple[float, float]
    class_noise_rates_: FloatArray
    class_noise_rate_intervals_: FloatArray

    # Of the estimator.
    classes_: LabelArray
    label_quality_: FloatArray
    noise_mask_: BoolArray
    sample_weights_: FloatArray
    suggested_labels_: LabelArray
    threshold_: float
    contamination: float | None
    threshold: float | Literal["auto"]
    random_state: RandomStateParameter
    _given_labels: LabelArray
    _groups: LabelArray | None
    _row_groups: IntArray | None
    _index: pd.Index | None
    _rank: IntArray
    _calibration: Calibration

    def _remember_for_review(self, data: TrainingData, evidence: LabelEvidence) -> None:
        self._trusted = data.trusted
        self._runner_up = evidence.runner_up
        self._margins = evidence.margins
        self._contradictions = evidence.contradictions

    # -- the queue ---------------------------------------------------------------------------

    def review_queue(
        self,
        n: int,
        *,
        strategy: Strategy = "suspicious",
        X: Features | None = None,
        random_state: RandomStateParameter = None,
    ) -> pd.DataFrame:
        """Return rows that are worth a person's look, in the order to look at them.

        Rows that were trusted in fit, or that a person has looked at, don't come again.

        Parameters
        ----------
        n : int
            How many. If fewer are left, all of them.
        strategy : {"suspicious", "informative", "random"}, default="suspicious"
            "suspicious": the labels least likely to be right, to find wrong ones. "informative":
            a sample by strata of the label quality, with more rows where it leaves doubt, which
            tells best how many labels are wrong and how far the quality can be believed; its first
            few rows are such a sample too. "random": by chance.
        X : array-like, DataFrame or sparse matrix, default=None
            The rows of fit, in their order. With them the reason names the nearest rows of the
            suggested class, and of rows that are near duplicates of one another only one comes.
        random_state : int, RandomState instance or None, default=None
            Of the draws. None: the estimator's own.

        Returns
        -------
        DataFrame
            Its index holds your row labels; row positions, where X and y had no index or it isn't
            unique. Columns: `row`, the position; `given_label`; `suggested_label`, the likeliest
            other class; `label_quality`; `reason`, in words; and `right_label`, empty, to be
            filled in.
        """
        check_is_fitted(self)
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise ValueError(f"n must be an integer, at least 1. Got {n!r}.")
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy must be one of {STRATEGIES}. Got {strategy!r}.")
        random_state = self.random_state if random_state is None else random_state
        generator = check_random_state(random_state)
        similar = None if X is None else SimilarRows(self, X, len(self._given_labels))
        rows, duplicates = self._chosen_rows(int(n), strategy, similar, generator)
        labels = self._row_labels()
        codes = self._runner_up[rows]
        return pd.DataFrame(
            {
                "row": rows,
                "given_label": self._given_labels[rows],
                "suggested_label": self.classes_[codes],
                "label_quality": self.label_quality_[rows],
                "reason": [
                    self._reason(row, similar, duplicates.get(row, [])) for row in rows.tolist()
                ],
                "right_label": np.full(len(rows), None, dtype=object),
            },
            index=labels[rows],
        )

    def _row_labels(self) -> pd.Index:
        index = self._index
        if index is None or not index.is_unique:
            return pd.RangeIndex(len(self._given_labels))
        return index

    def _chosen_rows(
        self,
        n: int,
        strategy: Strategy,
        similar: SimilarRows | None,
        random_state: np.random.RandomState,
    ) -> tuple[IntArray, dict[int, list[int]]]:
        """Return the rows, and the near duplicates of each that were left out for it."""
        available = ~self._trusted & (self._known_answers() == NOT_ASKED)
        chosen: list[int] = []
        duplicates: dict[int, list[int]] = {}
        while len(chosen) < n and available.any():
            drawn = self._drawn(strategy, n - len(chosen), available, random_state)
            available[drawn] = False
            if similar is None:
                chosen += drawn.tolist()
                continue
            to_chosen = similar.duplicates(drawn, np.array(chosen + drawn.tolist()))
            n_before = len(chosen)
            kept = list(range(n_before))
            for number, row in enumerate(drawn.tolist()):
                same = [place for place in kept if to_chosen[number, place]]
                if same:
                    first = chosen[kept.index(same[0])]
                    duplicates.setdefault(first, []).append(row)
                else:
                    kept.append(n_before + number)
                    chosen.append(row)
        return np.array(chosen, dtype=np.int64), duplicates

    def _drawn(
        self,
        strategy: Strategy,
        n: int,
        available: BoolArray,
        random_state: np.random.RandomState,
    ) -> IntArray:
        rows = np.flatnonzero(available)
        if strategy == "suspicious":
            return rows[np.argsort(self._rank[rows], kind="stable")][:n]
        if strategy == "random":
            return random_state.permutation(rows)[:n]
        judged = np.flatnonzero(self._judged_rows(self._known_answers()))
        strata = quality_strata(self._first("label_quality_")[judged])
        rates = mean_by_stratum(
            1 - self.label_quality_[judged], strata, strata.max() + 1, otherwise=0.5
        )
        drawn = draw_stratified(n, strata, rates, available[judged], random_state)
        return judged[drawn]

    def _judged_rows(self, answers: IntArray) -> BoolArray:
        """Return the rows about whose labels there was something to find out."""
        return ~self._trusted | (answers >= 0)

    def _reason(self, row: int, similar: SimilarRows | None, duplicates: list[int]) -> str:
        labels = self._row_labels()
        suggested = plain(self.classes_[self._runner_up[row]])
        parts = []
        counts = [
            f"{each.counts[row]} of {each.n_looks} {each.looks}"
            for each in self._contradictions
            if each.counts[row] >= 0
        ]
        if counts:
            parts.append("contradicted in " + " and ".join(counts))
        else:
            share = self._margins[row]
            parts.append(f"beside {suggested!r} the given label has {share:.0%} of the probability")
        quality = self.label_quality_[row]
        side = "below" if quality < self.threshold_ else "above"
        distance = abs(quality - self.threshold_)
        parts.append(
            f"quality {quality:.2f}, {distance:.2f} {side} the threshold of {self.threshold_:.2f}"
        )
        if similar is not None:
            nearest = similar.nearest(row, self._rows_of_class(self._runner_up[row]), N_NEAREST)
            if len(nearest):
                parts.append(f"nearest rows of {suggested!r}: {_listed(labels[nearest])}")
        if duplicates:
            parts.append(f"near duplicates: {_listed(labels[duplicates])}")
        return "; ".join(parts)

    def _rows_of_class(self, code: int) -> IntArray:
        """Return the rows of a given label, without those flagged if others are left."""
        of_class = self._given_labels == self.classes_[code]
        kept = of_class & ~self.noise_mask_
        return np.flatnonzero(kept if kept.any() else of_class)

    # -- the answers -------------------------------------------------------------------------

    def apply_review(self, labels: Answers) -> Self:
        """Settle the verdict by what a person has found; nothing is trained.

        The label quality of all rows is calibrated by the answers, and is 0 or 1 for the rows
        reviewed. Threshold, mask, suggestions, weights and noise rates follow, and so do
        `score_labels` and `predict_noise`. A `threshold` or `contamination` that you gave stays
        in force; otherwise the threshold is that of the best expected F1, once 30 rows were
        reviewed beside the most suspicious ones.

        Calls add up, and a later answer replaces an earlier one. Everything is computed from the
        verdict of fit and all answers, so the order of the calls doesn't matter. To train with
        the answers: `fit(X, corrected_labels_, trusted=reviewed_)`.

        Parameters
        ----------
        labels : Series or mapping
            The right class by row label, as `review_queue` shows it. Rows that weren't in a queue
            are welcome too. None, NaN or "": not answered, nothing changes. "?" or "unsure": a
            person has looked and couldn't decide; the row doesn't come again.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        rows, codes = self._checked_answers(labels)
        answers = self._known_answers().copy()
        answers[rows] = codes
        before = getattr(self, "_before_review", None)
        if before is None:
            before = {name: vars(self)[name] for name in REPLACED if name in vars(self)}
        changes = self._settled(before, answers)
        for name in REPLACED:
            vars(self).pop(name, None)
        vars(self).update(before | changes)
        self._before_review, self._answers = before, answers
        return self

    def _known_answers(self) -> IntArray:
        """Return the class that a person has told of each row, or why there is none."""
        if hasattr(self, "_answers"):
            return self._answers
        return np.full(len(self._given_labels), NOT_ASKED, dtype=np.int64)

    def _first(self, name: str) -> Any:
        """Return an attribute as fit has set it."""
        return getattr(self, "_before_review", vars(self))[name]

    def _checked_answers(self, labels: Answers) -> tuple[IntArray, IntArray]:
        """Return the rows that were answered, and the codes of the answers."""
        if not isinstance(labels, pd.Series | Mapping):
            raise TypeError(
                "labels must be a Series or a mapping from row label to the right class. "
                f"Got {type(labels).__name__}."
            )
        positions = self._positions_of(list(labels.keys()))
        answers = match_answers([answer for _, answer in labels.items()], self.classes_)
        code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        codes = np.array(
            [
                NOT_ASKED
                if answer is None
                else code_of.get(answer, UNSURE if answer == UNDECIDED else NOT_ASKED)
                for answer in answers
            ],
            dtype=np.int64,
        )
        answered = codes != NOT_ASKED
        return positions[answered], codes[answered]

    def _positions_of(self, keys: list[Any]) -> IntArray:
        known = self._row_labels().to_flat_index()
        wanted = pd.Index(keys, tupleize_cols=False) if keys else known[:0]
        positions = known.get_indexer(wanted)
        if (positions < 0).any():
            # As a file has written them.
            by_text = KnownValues(known)
            for number in np.flatnonzero(positions < 0):
                position = by_text.position(keys[number])
                if position is None:
                    raise ValueError(
                        f"labels has the row label {plain(keys[number])!r}, which no row of fit "
                        f"has. Row labels are {self._row_labels_in_words()}."
                    )
                positions[number] = position
        unique, counts = np.unique(positions, return_counts=True)
        if (counts > 1).any():
            row = unique[np.argmax(counts > 1)]
            raise ValueError(
                f"labels must have one answer per row. Row {plain(known[row])!r} has "
                f"{counts.max()}."
            )
        return positions

    def _row_labels_in_words(self) -> str:
        index = self._index
        if index is None:
            return f"positions from 0 to {len(self._given_labels) - 1}, since X and y had no index"
        if not index.is_unique:
            return (
                f"positions from 0 to {len(self._given_labels) - 1}, since the index of fit "
                "isn't unique"
            )
        return f"those of the index of fit, such as {plain(index[0])!r}"

    def _settled(self, before: dict[str, Any], answers: IntArray) -> dict[str, Any]:
        """Return what the answers change."""
        reviewed = answers >= 0
        corrected = np.where(reviewed, answers, self._given_codes())
        changes: dict[str, Any] = {
            "reviewed_": reviewed,
            "corrected_labels_": self.classes_[corrected],
        }
        if not reviewed.any():
            return changes
        is_wrong = reviewed & (answers != self._given_codes())
        judged = np.flatnonzero(self._judged_rows(answers))
        first_quality = before["label_quality_"]
        settlement = settle_review(
            first_quality[judged],
            np.argsort(before["_rank"][judged], kind="stable"),
            reviewed[judged],
            is_wrong[judged],
            asked=answers[judged] != NOT_ASKED,
        )
        quality = np.where(self._trusted, 1.0, settlement.calibration(first_quality))
        quality[reviewed] = ~is_wrong[reviewed]
        mask, threshold = self._settled_verdict(before, settlement, quality, reviewed, is_wrong)
        suggested = np.where(mask, self._runner_up, self._given_codes())
        rank = np.empty(len(quality), dtype=np.int64)
        rank[np.lexsort((before["_rank"], quality))] = np.arange(1, len(quality) + 1)
        weights = before["sample_weights_"].copy()
        weights[reviewed] = ~is_wrong[reviewed]
        changes |= {
            "label_quality_": quality,
            "threshold_": threshold,
            "noise_mask_": mask,
            "suggested_labels_": self.classes_[np.where(reviewed, answers, suggested)],
            "sample_weights_": weights,
            "_rank": rank,
            "_calibration": settlement.calibration,
        }
        share = len(judged) / len(quality)
        noise_rate = share * settlement.noise_rate
        low, high = settlement.noise_rate_interval.tolist()
        if self._groups is not None and self._row_groups is not None:
            rates = rates_of_groups(quality, self._row_groups, self._groups)
            changes["group_noise_rates_"] = rates
        codes = self._given_codes()
        expected, *bounds = (
            _errors_at_rate(1 - quality, reviewed, rate)
            for rate in (noise_rate, share * low, share * high)
        )
        return changes | {
            "noise_rate_": noise_rate,
            "noise_rate_interval_": (share * low, share * high),
            "class_noise_rates_": np.clip(
                np.bincount(codes, expected) / np.bincount(codes), 0.0, 1.0
            ),
            "class_noise_rate_intervals_": class_rate_intervals(
                (bounds[0], bounds[1]), codes, reviewed | self._trusted
            ),
        }

    def _calibrated_by_review(self, label_quality: FloatArray) -> FloatArray:
        """Bring qualities on the scale of fit to that after the review, if there was one."""
        return self._calibration(label_quality) if hasattr(self, "_calibration") else label_quality

    def _given_codes(self) -> IntArray:
        return np.searchsorted(self.classes_, self._given_labels)

    def _settled_verdict(
        self,
        before: dict[str, Any],
        settlement: Settlement,
        quality: FloatArray,
        reviewed: BoolArray,
        is_wrong: BoolArray,
    ) -> tuple[BoolArray, float]:
        codes, right = self._given_codes(), reviewed & ~is_wrong
        if self.contamination is not None:
            mask, threshold = flag_share(
                quality,
                float(self.contamination),
                codes=codes,
                trusted=self._trusted & ~is_wrong,
                margins=self._margins,
            )
        else:
            threshold = self._settled_threshold(before, settlement, quality)
            if isinstance(self.threshold, str) and settlement.n_sampled < LEAST_SAMPLED:
                mask = before["noise_mask_"].copy()
            else:
                mask = judge_labels(quality, threshold, codes=codes, trusted=self._trusted | right)
        mask[reviewed] = is_wrong[reviewed]
        return mask, threshold

    def _settled_threshold(
        self, before: dict[str, Any], settlement: Settlement, quality: FloatArray
    ) -> float:
        if not isinstance(self.threshold, str):
            return float(self.threshold)
        if settlement.n_sampled >= LEAST_SAMPLED:
            return threshold_of_best_f1(quality)
        return float(settlement.calibration(np.array([before["threshold_"]]))[0])


def _errors_at_rate(errors: FloatArray, reviewed: BoolArray, noise_rate: float) -> FloatArray:
    """Scale the errors expected of rows that weren't reviewed to a noise rate of all rows."""
    n_found, n_others = errors[reviewed].sum(), errors[~reviewed].sum()
    factor = (noise_rate * len(errors) - n_found) / n_others if n_others > 0 else 1.0
    return np.where(reviewed, errors, max(factor, 0.0) * errors)


def _listed(labels: pd.Index) -> str:
    return ", ".join(str(plain(label)) for label in labels)
