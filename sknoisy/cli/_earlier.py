"""An earlier run: its model, its rows and its answers."""

from pathlib import Path
from typing import Any

from ._errors import UserError
from ._folder import MODEL, REVIEW, Run
from ._images import rows_of_images
from ._reading import read_table
from ._rows import Rows, rows_of_table
from ._screen import Screen


def load_model(path: Path) -> Any:
    """Return the estimator of a file or of a folder of results."""
    from .. import load

    path = path / MODEL if path.is_dir() else path
    if not path.exists():
        raise UserError(f"there is no model {path}. 'sknoisy train' and 'sknoisy detect' make one.")
    return load(path)


def earlier_rows(run: Run, moved_to: Path | None, screen: Screen) -> Rows:
    """Return the rows that were judged, without features of images."""
    source = run.find_source(moved_to)
    # What was left out has been told before.
    silent = Screen(quiet=True)
    if run.images is not None:
        return rows_of_images(source, run.images, run.settings.device, silent, embed=False)
    return rows_of_table(read_table(source, run.file_format), run.roles, silent)


def check_same_rows(model: Any, rows: Rows) -> None:
    """Raise an error if a model is of other rows."""
    if len(model.label_quality_) != len(rows.labels):
        raise UserError(
            f"the model has judged {len(model.label_quality_):,} rows, and the data have "
            f"{len(rows.labels):,}: these belong to different runs."
        )


def read_answers(path: Path, classes: Any) -> Any:
    """Return the answers of a person by row, from whichever form of file."""
    from ..review import read_jsonl, read_label_studio, read_review

    if not path.exists():
        hint = "'sknoisy review' makes one." if path.name == REVIEW else "Is the path right?"
        raise UserError(f"there is no file {path}. {hint}")
    readers = {".jsonl": read_jsonl, ".json": read_label_studio}
    try:
        return readers.get(path.suffix.lower(), read_review)(path, classes)
    except UnicodeError as error:
        raise UserError(f"{path} isn't UTF-8 text: save it as CSV (UTF-8). ({error})") from error
