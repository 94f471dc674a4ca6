"""The folder of results: what it holds, and how files get there."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ..datasets._image_folder import image_files
from ._errors import UserError
from ._options import ColumnRoles, FileFormat, JudgeSettings, as_json

ISSUES, CLEANED, REPORT, MODEL = "label_issues.csv", "cleaned.csv", "report.html", "model.sknoisy"
REVIEW, RUN = "review.csv", "run.json"
RESULTS = (ISSUES, CLEANED, REPORT, MODEL, RUN)
FORMAT = 1
BLOCK = 1 << 20


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let a function write a file beside a path, and put it there when it is whole."""
    place = Path(mkdtemp(prefix=".sknoisy-", dir=path.parent))
    try:
        write(place / path.name)
        os.replace(place / path.name, path)
    finally:
        for rest in place.iterdir():
            rest.unlink()
        place.rmdir()


@dataclass
class ResultsFolder:
    """A folder of results, old or new.

    Attributes
    ----------
    path : Path
    kept : list of str
        Names of the files that were written, to be told if the command is cut short.
    """

    path: Path
    kept: list[str] = field(default_factory=list)

    def check(self, *, force: bool) -> None:
        """Raise an error if results would be overwritten without being asked to."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--out: {self.path} is a file. Name a folder.")
        if not self.path.is_dir() or force:
            return
        found = [name for name in (*RESULTS, REVIEW) if (self.path / name).exists()]
        if found:
            raise UserError(
                f"--out: {self.path} holds results already ({', '.join(found)}). Name another "
                "folder, or replace them with --force."
            )

    def write(self, name: str, write: Callable[[Path], Any]) -> None:
        """Write a file of results, which is there as a whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / name, write)
        self.kept.append(str(self.path / name))

    def set_review_aside(self) -> Path | None:
        """Rename the answers of an earlier run, which are about other verdicts."""
        review = self.path / REVIEW
        if not review.exists():
            return None
        number = 1
        while (aside := self.path / f"review.{number}.csv").exists():
            number += 1
        review.rename(aside)
        return aside


@dataclass(frozen=True)
class Run:
    """What a folder of results came from, so that later commands find the data again."""

    command: str
    source: str
    fingerprint: str
    roles: ColumnRoles
    file_format: FileFormat
    settings: JudgeSettings
    images: dict[str, Any] | None = None

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        content = {
            "format": FORMAT,
            "command": self.command,
            "source": self.source,
            "fingerprint": self.fingerprint,
            "roles": as_json(self.roles),
            "file_format": as_json(self.file_format),
            "settings": as_json(self.settings),
            "images": self.images,
        }
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Run":
        """Read it from a folder of results."""
        path = folder / RUN
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}. 'sknoisy detect' makes one.")
        if not path.exists():
            raise UserError(f"{folder} holds no results of 'sknoisy detect' or 'sknoisy train'.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise UserError(f"{path} is of another version of sknoisy.")
            content["roles"] = ColumnRoles(**content["roles"])
            content["file_format"] = FileFormat(**content["file_format"])
            content["settings"] = JudgeSettings(**content["settings"])
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is damaged: {error!r}. Run 'sknoisy detect' again.") from error

    def find_source(self, moved_to: Path | None) -> Path:
        """Return where the data are, after a look whether they are the same."""
        source = Path(self.source) if moved_to is None else moved_to
        if not source.exists():
            raise UserError(f"the data are no longer at {source}: say where with --data PATH.")
        if fingerprint(source) != self.fingerprint:
            raise UserError(
                f"{source} has changed since the verdict: row numbers may mean other rows. Run "
                f"'sknoisy {self.command}' again, or name the file as it was with --data PATH."
            )
        return source


def fingerprint(source: Path) -> str:
    """Return what tells a file's content, or the images of a folder, from others."""
    digest = hashlib.sha256()
    if source.is_dir():
        for place in sorted(image_files(source)):
            digest.update(f"{place.as_posix()}\0{(source / place).stat().st_size}\n".encode())
        return digest.hexdigest()
    with open(source, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
