"""Options that several commands share."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

ESTIMATOR_NAMES = (
    "hist_gradient_boosting",
    "gradient_boosting",
    "random_forest",
    "extra_trees",
    "logistic_regression",
    "k_neighbors",
    "lightgbm",
    "xgboost",
    "catboost",
)
COLUMNS, FILE, SETTINGS, OUTPUT = "Columns", "Reading the file", "How to judge", "Output"

Data = Annotated[
    Path,
    typer.Argument(
        show_default=False,
        metavar="DATA",
        help="CSV, TSV, Parquet or Excel file, or a folder of images with one subfolder per class.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        metavar="COLUMN",
        help="The labels to be judged. Not for image folders.",
        rich_help_panel=COLUMNS,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        show_default=False,
        help="Folder for the results, which is made if need be.",
        rich_help_panel=OUTPUT,
    ),
]
Trusted = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Which labels are known to be right: 1, yes or true. Not a feature.",
        rich_help_panel=COLUMNS,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Who labelled the row, or where it comes from. Not a feature.",
        rich_help_panel=COLUMNS,
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMN",
        help="Names the rows. Not a feature.",
        rich_help_panel=COLUMNS,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Not a feature. May be given several times.",
        rich_help_panel=COLUMNS,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A feature, though it looks like an identifier. May be given several times.",
        rich_help_panel=COLUMNS,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Between the cells of a text file. Found by itself otherwise.",
        rich_help_panel=FILE,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of a text file, such as cp1252. UTF-8 otherwise.",
        rich_help_panel=FILE,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Of an Excel file. The first otherwise.", rich_help_panel=FILE
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        "-m",
        metavar="NAME",
        help="Who finds wrong labels: see 'sknoisy methods'.",
        rich_help_panel=SETTINGS,
    ),
]
Estimator = Annotated[
    str | None,
    typer.Option(
        "--estimator",
        "-e",
        metavar="NAME",
        help=f"A classifier that judges in place of a net: {', '.join(ESTIMATOR_NAMES)}.",
        rich_help_panel=SETTINGS,
    ),
]
Contamination = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Flag this share of the labels, such as 0.1. By the method's own rule otherwise.",
        rich_help_panel=SETTINGS,
    ),
]
Device = Annotated[
    str,
    typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel=SETTINGS),
]
Seed = Annotated[
    int,
    typer.Option(min=0, help="Equal seeds give equal results.", rich_help_panel=SETTINGS),
]
Force = Annotated[
    bool,
    typer.Option("--force", "-f", help="Replace earlier results.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show errors only.", rich_help_panel=OUTPUT)
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show where an error happened.", rich_help_panel=OUTPUT),
]


@dataclass(frozen=True)
class FileFormat:
    """How a file is read; None: as it seems to be."""

    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class ColumnRoles:
    """What columns of a table are for; all others are features."""

    target: str | None = None
    trusted: str | None = None
    groups: str | None = None
    id: str | None = None
    drop: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)

    @property
    def not_features(self) -> list[str]:
        """Columns that the user has given another task."""
        named = (self.target, self.trusted, self.groups, self.id, *self.drop)
        return [name for name in named if name is not None]


@dataclass(frozen=True)
class JudgeSettings:
    """Which method judges, and with what."""

    method: str = "wrong_event"
    estimator: str | None = None
    contamination: float | None = None
    device: str = "auto"
    seed: int = 0


def as_json(settings: Any) -> dict[str, Any]:
    """Return one of the classes above as it is kept in a file."""
    return asdict(settings)
