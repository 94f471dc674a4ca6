"""`sknoisy predict`."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._csv import write_csv
from ._earlier import load_model
from ._errors import UserError
from ._folder import RUN, Run, write_whole
from ._images import features_of_images, images_below
from ._options import FileFormat
from ._reading import Table, did_you_mean, read_table
from ._results import DIGITS
from ._rows import features_of
from ._screen import Screen, counted, listed, safe_lines, share, shown

PREDICTED, PROBABILITY = "predicted_label", "probability_"
STANDARD_OUTPUT = Path("-")


def predict_rows(
    model_path: Path,
    source: Path,
    out: Path,
    file_format: FileFormat,
    screen: Screen,
    kept: list[str],
    *,
    force: bool,
) -> None:
    """Write the predicted class of each row, and the probability of each class, to a file."""
    if out.exists() and not force and out != STANDARD_OUTPUT:
        raise UserError(f"--out: {out} exists already. Name another file, or replace it: --force.")
    model, run = load_model(model_path), _run_of(model_path)
    features, names = _features(model, run, source, file_format, screen)
    probabilities = model.predict_proba(features)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    columns = [f"{PROBABILITY}{label}" for label in model.classes_]
    shares = pd.DataFrame(probabilities.round(DIGITS), columns=columns)
    table = pd.concat([names, pd.DataFrame({PREDICTED: predicted}), shares], axis=1)
    if out == STANDARD_OUTPUT:
        write_csv(table, sys.stdout)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, lambda path: write_csv(table, path))
    kept.append(str(out))
    counts = pd.Series(predicted).value_counts(normalize=True)
    parts = ", ".join(f"{shown(k, 40)} {share(v)}" for k, v in counts.head(8).items())
    screen.say(f"{counted(len(table), 'row')} predicted: {parts}.")
    screen.say(f"Written to {safe_lines(out)}.")


def _run_of(model_path: Path) -> Run | None:
    folder = model_path if model_path.is_dir() else model_path.parent
    return Run.load(folder) if (folder / RUN).exists() else None


def _features(
    model: Any, run: Run | None, source: Path, file_format: FileFormat, screen: Screen
) -> tuple[Any, pd.DataFrame]:
    """Return what the model predicts from, and the columns that name the rows."""
    if source.is_dir():
        if run is None or run.images is None:
            raise UserError(f"{source} is a folder, and the model learnt from a table.")
        paths, _ = images_below(source)
        features = features_of_images(paths, run.images, run.settings.device, screen)
        return features, pd.DataFrame({"row": np.arange(len(paths)), "path": paths.index})
    if run is not None and run.images is not None:
        raise UserError(f"{source} is a file, and the model learnt from a folder of images.")
    if run is not None:
        file_format = FileFormat(
            file_format.separator or run.file_format.separator,
            file_format.encoding or run.file_format.encoding,
            file_format.sheet or run.file_format.sheet,
        )
    table = read_table(source, file_format)
    names = pd.DataFrame({"row": np.arange(len(table.values))})
    if run is not None and run.roles.id in table.names:
        names.insert(0, _free_name(run.roles.id), table.cells.iloc[:, _place(table, run.roles.id)])
    return _columns_of_fit(model, table), names


def _place(table: Table, name: str) -> int:
    return table.names.index(name)


def _free_name(name: str) -> str:
    return name if name not in ("row", PREDICTED) else f"{name} (id)"


def _columns_of_fit(model: Any, table: Table) -> pd.DataFrame:
    """Return the columns that the model learnt from, in their order."""
    features = features_of(table, list(range(len(table.names))))
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise UserError("the model learnt from rows without names of columns; predict in Python.")
    missing = [name for name in names if name not in features]
    if missing:
        one = did_you_mean(missing[0], features) if len(missing) == 1 else ""
        raise UserError(f"the model learnt from columns that are missing: {listed(missing)}.{one}")
    return features[list(names)]
