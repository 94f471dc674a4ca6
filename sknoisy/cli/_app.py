"""The commands and their options. What takes long to import is imported when a command runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import _options as options
from ._errors import errors_in_words
from ._options import ColumnRoles, FileFormat, JudgeSettings
from ._screen import Screen

HELP = """
Find the wrong labels of a table or an image folder, and learn in spite of them.

Begin with: sknoisy detect data.csv --target label --out results
"""
DETECT = """
Find the labels that are probably wrong.

Writes label_issues.csv, a verdict on every row; cleaned.csv, the rows that are kept, as they \
came; report.html, to be opened in a browser; and model.sknoisy, for the other commands.
"""
TRAIN = """
Train a classifier in spite of wrong labels.

Writes what 'detect' writes. The model is trained anew after the verdict, so that 'predict' is \
more often right than with that of 'detect'.
"""
REVIEW = """
Look at suspicious rows one by one, and decide by a key.

Every answer is kept at once in review.csv in the folder, and the next call goes on where this \
one stopped. 'sknoisy apply' settles the verdict by the answers.
"""
APPLY = """
Settle the verdict by what a person has found; nothing is trained.

Brings all files in the folder up to date, and shows how many labels are wrong, before and after.
"""
EXIT_CODES = (
    "Exit codes: 0 done, 1 an error that its text tells how to mend, 2 wrong usage, "
    "130 stopped by Ctrl-C."
)

app = typer.Typer(
    name="sknoisy",
    help=HELP,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", show_default=False, help="Results of an earlier run.")
]


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of few letters shows a question mark for what it lacks.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sknoisy {version('sknoisy')}")
        raise typer.Exit


@app.callback()
def sknoisy(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """What holds for all commands."""


def _add_judging_command(name: str, words: str) -> None:
    """Add `detect` or `train`, which take the same options."""

    @app.command(name, epilog=EXIT_CODES, help=words)
    def judge(
        data: options.Data,
        out: options.Out,
        target: options.Target = None,
        trusted: options.Trusted = None,
        groups: options.Groups = None,
        id: options.Id = None,
        drop: options.Drop = None,
        keep: options.Keep = None,
        separator: options.Separator = None,
        encoding: options.Encoding = None,
        sheet: options.Sheet = None,
        method: options.Method = "wrong_event",
        estimator: options.Estimator = None,
        contamination: options.Contamination = None,
        device: options.Device = "auto",
        seed: options.Seed = 0,
        force: options.Force = False,
        quiet: options.Quiet = False,
        debug: options.Debug = False,
    ) -> None:
        roles = ColumnRoles(target, trusted, groups, id, drop or [], keep or [])
        settings = JudgeSettings(method, estimator, contamination, device, seed)
        file_format = FileFormat(separator, encoding, sheet)
        screen = Screen(quiet)
        with errors_in_words(screen, debug=debug) as kept, screen.warnings_as_notes(debug=debug):
            from ._judge import judge_labels

            judge_labels(name, data, out, roles, file_format, settings, screen, kept, force=force)


_add_judging_command("detect", DETECT)
_add_judging_command("train", TRAIN)


@app.command(epilog=EXIT_CODES, help=REVIEW)
def review(
    folder: Folder,
    n: Annotated[
        int, typer.Option("--rows", "-n", min=1, help="How many rows to look at this time.")
    ] = 20,
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="suspicious: the likeliest wrong labels first. informative: the sample that tells "
            "best how many labels are wrong. random.",
        ),
    ] = "suspicious",
    data: Annotated[
        Path | None, typer.Option(help="Where the data are now, if they were moved.")
    ] = None,
    debug: options.Debug = False,
) -> None:
    screen = Screen()
    with errors_in_words(screen, debug=debug) as kept, screen.warnings_as_notes(debug=debug):
        from ._review import review_rows

        review_rows(folder, n, strategy, data, screen, kept)


@app.command(epilog=EXIT_CODES, help=APPLY)
def apply(
    folder: Folder,
    answers: Annotated[
        Path | None,
        typer.Argument(
            metavar="[REVIEW]",
            show_default=False,
            help="review.csv, also one downloaded from the report; a file of JSON lines; or what "
            "Label Studio exports as JSON. Default: review.csv in the folder.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where the data are now, if they were moved.")
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    screen = Screen(quiet)
    with errors_in_words(screen, debug=debug) as kept, screen.warnings_as_notes(debug=debug):
        from ._apply import apply_answers

        apply_answers(folder, answers, data, screen, kept)


@app.command(epilog=EXIT_CODES)
def predict(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", show_default=False, help="Folder of an earlier run, or model.sknoisy."
        ),
    ],
    data: options.Data,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="CSV file for the predictions."),
    ] = Path("predictions.csv"),
    separator: options.Separator = None,
    encoding: options.Encoding = None,
    sheet: options.Sheet = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Predict the classes of rows, with their probabilities."""
    screen = Screen(quiet)
    with errors_in_words(screen, debug=debug) as kept, screen.warnings_as_notes(debug=debug):
        from ._predict import predict_rows

        file_format = FileFormat(separator, encoding, sheet)
        predict_rows(model, data, out, file_format, screen, kept, force=force)


@app.command(epilog=EXIT_CODES)
def methods(debug: options.Debug = False) -> None:
    """Show all methods: what they need and cost, and when to choose them."""
    screen = Screen()
    with errors_in_words(screen, debug=debug):
        from ._methods import show_methods

        show_methods(screen)
