"""What is written of a verdict, and what of it is shown."""

from typing import Any

import numpy as np
import pandas as pd

from ._csv import write_csv
from ._folder import CLEANED, ISSUES, MODEL, REPORT, ResultsFolder
from ._rows import Rows
from ._screen import Screen, share

OWN = ("row", "given_label", "suggested_label", "label_quality", "is_noise", "reason")
N_SHOWN = 10
N_CONFUSIONS = 5
DIGITS = 6


def issues_of(model: Any, rows: Rows) -> pd.DataFrame:
    """Return the verdict on every row of the source, in its order."""
    verdict = model.get_label_issues()
    n_all = len(rows.names)
    issues = pd.DataFrame(
        {
            "row": np.arange(n_all),
            "given_label": rows.given_labels.to_numpy(),
            "suggested_label": pd.Series([None] * n_all, dtype=object),
            "label_quality": np.full(n_all, np.nan),
            "is_noise": np.zeros(n_all, dtype=bool),
            "reason": pd.Series([None] * n_all, dtype=object),
        }
    )
    at = rows.positions
    issues.loc[at, "suggested_label"] = verdict["suggested_label"].to_numpy(dtype=object)
    issues.loc[at, "label_quality"] = verdict["label_quality"].to_numpy().round(DIGITS)
    issues.loc[at, "is_noise"] = verdict["is_noise"].to_numpy()
    issues.loc[at, "reason"] = _reasons(model, len(at))
    for position, reason in rows.left_out.items():
        issues.loc[position, "reason"] = reason
    if rows.id_name is not None and not isinstance(rows.names, pd.RangeIndex):
        name = rows.id_name if rows.id_name not in OWN else f"{rows.id_name} (id)"
        issues.insert(0, name, rows.names)
    return issues


def _reasons(model: Any, n_rows: int) -> np.ndarray:
    """Return what speaks for or against each label, in words."""
    reasons = np.full(n_rows, "trusted", dtype=object)
    queue = model.review_queue(n_rows)
    reasons[queue["row"].to_numpy()] = queue["reason"].to_numpy()
    if hasattr(model, "reviewed_"):
        reasons[model.reviewed_] = "reviewed by a person"
    return reasons


def cleaned_rows(rows: Rows, issues: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are kept, with the cells that they came with."""
    is_kept = ~issues["is_noise"].to_numpy()
    is_kept[list(rows.left_out)] = False
    return rows.cells[is_kept].set_axis(rows.cell_names, axis=1)


def write_results(folder: ResultsFolder, model: Any, rows: Rows) -> pd.DataFrame:
    """Write all files but that of the run; return the verdict on every row."""
    from .. import save
    from ..report import LabelQualityReport

    issues = issues_of(model, rows)
    cleaned = cleaned_rows(rows, issues)
    folder.write(ISSUES, lambda path: write_csv(issues, path))
    folder.write(CLEANED, lambda path: write_csv(cleaned, path))
    folder.write(MODEL, lambda path: save(model, path))
    report = LabelQualityReport(model, rows.shown_values, rows.labels)
    folder.write(REPORT, report.write_html)
    return issues


# -- in the terminal -----------------------------------------------------------------------------


def show_verdict(model: Any, rows: Rows, issues: pd.DataFrame, screen: Screen) -> None:
    """Show how many labels are wrong, and which are the most suspicious."""
    n_flagged, n_judged = int(issues["is_noise"].sum()), len(rows.positions)
    screen.say()
    screen.say(
        (f"{n_flagged:,} of {n_judged:,} labels", "bold"),
        f" are judged wrong ({share(n_flagged / n_judged)}).",
    )
    screen.say(f"Estimated share of wrong labels: {rate_in_words(model)}.")
    agreement = held_out_agreement(model, rows.labels)
    if agreement is not None:
        screen.say(f"Given labels predicted, of rows left out of training: {share(agreement)}.")
    if n_flagged:
        _show_suspicious(model, rows, screen)
        _show_confusions(issues, screen)


def rate_in_words(model: Any) -> str:
    """Return the share of wrong labels with its interval."""
    low, high = model.noise_rate_interval_
    return f"{share(model.noise_rate_)} (90 % interval {share(low)} to {share(high)})"


def held_out_agreement(model: Any, labels: np.ndarray) -> float | None:
    """Return the share of given labels that were predicted without being learnt from."""
    held_out = model.evidence_.held_out_rows
    probabilities = model.evidence_.held_out_probabilities
    if held_out is None or probabilities is None or len(held_out) == 0:
        return None
    predicted = model.classes_[np.asarray(probabilities).argmax(axis=1)]
    return float((predicted == labels[held_out]).mean())


def _show_suspicious(model: Any, rows: Rows, screen: Screen) -> None:
    flagged = model.get_label_issues().query("is_noise").sort_values("rank").head(N_SHOWN)
    screen.say("\nThe most suspicious labels:")
    options = {"overflow": "ellipsis", "no_wrap": True}
    screen.table(
        [
            (str(rows.names.name), options),
            ("given", options),
            ("suggested", options),
            ("quality", {"justify": "right", "no_wrap": True}),
        ],
        [
            (name, given, suggested, f"{quality:.2f}")
            for name, given, suggested, quality in zip(
                flagged.index,
                flagged["given_label"],
                flagged["suggested_label"],
                flagged["label_quality"],
                strict=True,
            )
        ],
    )


def _show_confusions(issues: pd.DataFrame, screen: Screen) -> None:
    flagged = issues[issues["is_noise"]]
    counts = flagged.groupby(["given_label", "suggested_label"]).size().nlargest(N_CONFUSIONS)
    screen.say("\nThe most frequent corrections:")
    options = {"overflow": "ellipsis", "no_wrap": True}
    screen.table(
        [("given", options), ("suggested", options), ("rows", {"justify": "right"})],
        [(given, suggested, f"{n:,}") for (given, suggested), n in counts.items()],
    )
