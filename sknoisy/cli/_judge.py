"""`sknoisy detect` and `sknoisy train`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import NoisyLabelDetector, RobustClassifier
from .._fit_progress import summed_up_elsewhere
from ..exceptions import TrustedRowsRequiredError
from ..methods import METHODS
from ._errors import USAGE, UserError
from ._estimators import estimator_by_name
from ._folder import CLEANED, ISSUES, MODEL, REPORT, RUN, ResultsFolder, Run, fingerprint
from ._images import image_settings, rows_of_images
from ._leaks import leaking_columns
from ._options import ColumnRoles, FileFormat, JudgeSettings
from ._reading import did_you_mean, read_table
from ._results import show_verdict, write_results
from ._rows import Rows, rows_of_table
from ._screen import Screen, safe_lines, share, shown

ESTIMATORS = {"detect": NoisyLabelDetector, "train": RobustClassifier}
# Of the labels that are kept after the verdict.
NEARLY_ALL_KEPT = 0.98


def judge_labels(
    command: str,
    source: Path,
    out: Path,
    roles: ColumnRoles,
    file_format: FileFormat,
    settings: JudgeSettings,
    screen: Screen,
    kept: list[str],
    *,
    force: bool,
) -> None:
    """Judge the labels of a source, and write what was found to a folder."""
    folder = ResultsFolder(out, kept)
    folder.check(force=force)
    model = estimator_of(command, settings, screen)
    rows, images = read_rows(source, roles, file_format, settings.device, screen)
    _show_rows(source, rows, screen)
    leaking = _point_out_leaks(rows, settings.seed, screen)
    fit(model, rows, settings)
    _point_out_hidden_leaks(model, rows, leaking, settings.seed, screen)
    aside = folder.set_review_aside()
    if aside is not None:
        screen.note(f"the answers of the earlier run are kept as {aside}.")
    issues = write_results(folder, model, rows)
    run = Run(
        command, str(source.resolve()), fingerprint(source), roles, file_format, settings, images
    )
    folder.write(RUN, run.save)
    show_verdict(model, rows, issues, screen)
    _show_files(folder.path, int((~issues["is_noise"]).sum()) - len(rows.left_out), screen)


def estimator_of(command: str, settings: JudgeSettings, screen: Screen) -> Any:
    """Return the estimator of a command, unfitted; wrong settings are told before data are read."""
    if settings.method not in METHODS:
        raise UserError(
            f"--method: there is no {settings.method!r}.{did_you_mean(settings.method, METHODS)}",
            exit_code=USAGE,
        )
    contamination = settings.contamination
    if contamination is not None and not 0 < contamination < 1:
        raise UserError(
            f"--contamination must be a share between 0 and 1. Got {contamination}.",
            exit_code=USAGE,
        )
    estimator = estimator_by_name(settings.estimator)
    return ESTIMATORS[command](
        settings.method,
        estimator=estimator,
        contamination=contamination,
        device=settings.device,
        random_state=settings.seed,
        verbose=int(not screen.quiet),
    )


def read_rows(
    source: Path, roles: ColumnRoles, file_format: FileFormat, device: str, screen: Screen
) -> tuple[Rows, dict[str, Any] | None]:
    """Return the rows of a file or an image folder, and how images were turned into features."""
    if not source.is_dir():
        return rows_of_table(read_table(source, file_format), roles, screen), None
    given = [name for name in roles.not_features if name is not None]
    if given:
        raise UserError(
            f"{source} is a folder of images, which has no columns such as {given[0]!r}: the "
            "subfolders tell the labels.",
            exit_code=USAGE,
        )
    images = image_settings(screen)
    return rows_of_images(source, images, device, screen), images


def fit(model: Any, rows: Rows, settings: JudgeSettings) -> None:
    """Fit an estimator to rows under their names."""
    labels = pd.Series(rows.labels, index=rows.names[rows.positions])
    try:
        with summed_up_elsewhere():
            model.fit(rows.features, labels, trusted=rows.trusted, groups=rows.groups)
    except TrustedRowsRequiredError as error:
        free = ", ".join(name for name, kind in METHODS.items() if not kind.needs_trusted)
        raise UserError(
            f"--method {settings.method} needs rows whose labels are known to be right: name the "
            f"column that tells them with --trusted COLUMN. Methods that need none: {free}."
        ) from error


def _show_rows(source: Path, rows: Rows, screen: Screen) -> None:
    classes, counts = np.unique(rows.labels.astype(str), return_counts=True)
    what = "images" if rows.id_name == "path" and isinstance(rows.shown_values, pd.Series) else None
    if what is None:
        what = f"rows, {rows.features.shape[1]:,} columns to learn from"
    screen.say(f"{shown(source.name)}: {len(rows.labels):,} {what}, {len(classes):,} classes.")
    order = np.argsort(-counts, kind="stable")[:8]
    parts = ", ".join(f"{shown(classes[k], 40)} {share(counts[k] / counts.sum())}" for k in order)
    screen.say(f"Given labels: {parts}{', ...' if len(classes) > len(order) else ''}")


def _point_out_leaks(rows: Rows, seed: int, screen: Screen) -> set[str]:
    """Tell of columns that predict the given labels alone; return them."""
    if not isinstance(rows.features, pd.DataFrame):
        return set()
    leaking = leaking_columns(rows.features, rows.labels, seed=seed)
    for name, accuracy in leaking.items():
        screen.note(
            f"column {shown(name, 60)!r} alone predicts {share(accuracy)} of the given labels. If "
            "it was made from the labels, it repeats their errors and hides them: leave it out "
            f"with --drop {shown(name, 60)!r}."
        )
    return set(leaking)


def _point_out_hidden_leaks(
    model: Any, rows: Rows, known: set[str], seed: int, screen: Screen
) -> None:
    """Tell of columns that only wrong labels have kept from being found before."""
    if not isinstance(rows.features, pd.DataFrame):
        return
    is_kept = ~model.noise_mask_
    features = rows.features[is_kept]
    leaking = leaking_columns(features, rows.labels[is_kept], seed=seed, least=NEARLY_ALL_KEPT)
    for name, accuracy in leaking.items():
        if name not in known:
            screen.note(
                f"column {shown(name, 60)!r} alone predicts {share(accuracy)} of the labels that "
                "are kept. If it isn't known where the label has yet to be predicted, leave it out "
                f"with --drop {shown(name, 60)!r}."
            )


def _show_files(folder: Path, n_kept: int, screen: Screen) -> None:
    screen.say(f"\nIn {safe_lines(folder)}:")
    files = (
        (REPORT, "the report: open it in a browser"),
        (ISSUES, "the verdict on every row"),
        (CLEANED, f"the {n_kept:,} rows that are kept, as they came"),
        (MODEL, "for 'sknoisy predict'"),
    )
    for name, what in files:
        screen.say(f"  {name:<17} {what}")
    screen.say("Next: look at some of them with ", (f"sknoisy review {safe_lines(folder)}", "bold"))
