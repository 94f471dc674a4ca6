"""Build the wheel and the source distribution, look into them, and run the fast tests on them.

    python tools/check_package.py                     # both, each in an empty environment
    python tools/check_package.py --packages FOLDER   # what they depend on is taken from there

Needs the packages build and twine. The tests run in a folder without the checkout's `sknoisy`, so
that they import what was installed.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ["-q", "-p", "no:cacheprovider", "-m", "not slow"]
# What must be there beside the files of the package: names, ends of names, or folders.
IN_WHEEL = ("sknoisy/py.typed", "METADATA", "licenses/LICENSE")
IN_SOURCES = ("LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "tests/")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the distributions are kept")
    parser.add_argument(
        "--packages", type=Path, help="a site-packages folder with all that the test extra needs"
    )
    parser.add_argument("--tests", nargs="*", default=[], help="test files, default: all")
    parser.add_argument("--no-tests", action="store_true", help="build and look, run nothing")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel, sources = build(chosen.out or work / "dist")
        complaints = [
            *missing_from(wheel, [*package_files(), *IN_WHEEL]),
            *missing_from(sources, [*package_files(), *IN_SOURCES]),
        ]
        print(*complaints, sep="\n", end="\n" if complaints else "")
        if complaints:
            return 1
        for distribution in () if chosen.no_tests else (wheel, sources):
            place = work / distribution.suffix.lstrip(".")
            run_tests(distribution, place, chosen.packages, chosen.tests)
    return 0


def build(folder: Path) -> tuple[Path, Path]:
    """Build both distributions from a copy of what git tracks, and have twine check them."""
    with tempfile.TemporaryDirectory() as copy:
        copy_tracked(Path(copy))
        run(sys.executable, "-m", "build", "--outdir", folder, copy)
    wheel, sources = newest(folder, "*.whl"), newest(folder, "*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sources)
    return wheel, sources


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=lambda path: path.stat().st_mtime)


def copy_tracked(target: Path) -> None:
    """Copy the files that git tracks, or would, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def package_files() -> list[str]:
    """Return the names of all files of the package."""
    paths = (ROOT / "sknoisy").rglob("*")
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    )


def missing_from(distribution: Path, wanted: Iterable[str]) -> list[str]:
    """Return a line for each file that should be in a distribution and isn't."""
    names = names_in(distribution)
    lacking = [end for end in wanted if not any(has(name, end) for name in names)]
    return [f"{distribution.name} lacks {name}" for name in lacking]


def has(name: str, wanted: str) -> bool:
    return name.startswith(wanted) if wanted.endswith("/") else name.endswith(wanted)


def names_in(distribution: Path) -> set[str]:
    """Return the names of the files in a wheel, or in a source distribution below its folder."""
    if distribution.suffix == ".whl":
        with zipfile.ZipFile(distribution) as archive:
            return set(archive.namelist())
    with tarfile.open(distribution) as archive:
        places = [PurePosixPath(name) for name in archive.getnames()]
    return {PurePosixPath(*place.parts[1:]).as_posix() for place in places}


def run_tests(distribution: Path, place: Path, packages: Path | None, tests: Sequence[str]) -> None:
    """Install a distribution in an empty environment, and run the fast tests away from here."""
    environment, folder = place / "environment", place / "tested"
    venv.create(environment, with_pip=True, symlinks=sys.platform != "win32")
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"
    if packages is None:
        run(python, "-m", "pip", "install", "--quiet", f"{distribution}[test]")
    else:
        borrow(environment, packages)
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", distribution)
    copy_tracked(folder)
    shutil.rmtree(folder / "sknoisy")
    run(python, "-c", f"import sknoisy; assert {str(environment)!r} in sknoisy.__file__", at=folder)
    run(python, "-m", "pytest", *OPTIONS, *(tests or ["tests"]), at=folder)


def borrow(environment: Path, packages: Path) -> None:
    """Let an environment import what lies in another's folder, after its own packages."""
    (own,) = environment.glob("lib/python*/site-packages")
    # Not added as a site folder: an editable install there would lead back to the checkout.
    (own / "borrowed.pth").write_text(f"{packages.resolve()}\n", encoding="utf-8")


def run(*command: str | Path, at: Path | None = None) -> None:
    print("$", *command, flush=True)
    subprocess.run([str(word) for word in command], cwd=at, check=True)


if __name__ == "__main__":
    sys.exit(main())
