"""`sknoisy apply`."""

from pathlib import Path

from ..review import is_empty, is_unsure
from ._earlier import check_same_rows, earlier_rows, load_model, read_answers
from ._errors import UserError
from ._folder import REVIEW, ResultsFolder, Run
from ._results import rate_in_words, write_results
from ._screen import Screen, counted, safe_lines


def apply_answers(
    path: Path, answers: Path | None, moved_to: Path | None, screen: Screen, kept: list[str]
) -> None:
    """Settle the verdict of an earlier run by a person's answers, and write its files anew."""
    run = Run.load(path)
    model = load_model(path)
    labels = read_answers(path / REVIEW if answers is None else answers, model.classes_)
    n_unsure = sum(map(is_unsure, labels))
    n_answered = len(labels) - sum(map(is_empty, labels)) - n_unsure
    if n_answered + n_unsure == 0:
        raise UserError("none of the rows has an answer yet: the column right_label is empty.")
    rows = earlier_rows(run, moved_to, screen)
    check_same_rows(model, rows)
    before, n_before = rate_in_words(model), int(model.noise_mask_.sum())
    model.apply_review(labels)
    unsure = f", and {n_unsure:,} that couldn't be decided" if n_unsure else ""
    screen.say(f"{counted(n_answered, 'answer')}{unsure}.\n")
    screen.table(
        ["", "share of wrong labels", ("judged wrong", {"justify": "right"})],
        [
            ("before", before, f"{n_before:,}"),
            ("after", rate_in_words(model), f"{int(model.noise_mask_.sum()):,}"),
        ],
    )
    write_results(ResultsFolder(path, kept), model, rows)
    screen.say(f"\nThe files in {safe_lines(path)} are up to date.")
