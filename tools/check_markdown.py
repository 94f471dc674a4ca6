"""Report the lines of Markdown files that are too long.

Without arguments every Markdown file of the repository is looked at. Rows of tables may be longer,
and so may lines that hold nothing but one link or address, since neither can be broken.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LENGTH = 120
UNBREAKABLE = re.compile(r"\s*([-*+] )?(\[[^]]*\]\(\S+\)|<?https?://\S+)[.,;:]?\s*")


def main(arguments=None):
    """Print the lines that are too long; return 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="default: all of the repository")
    paths = parser.parse_args(arguments).paths or markdown_files(ROOT)
    complaints = [
        f"{path}:{number}: {length} characters, at most {MAX_LENGTH} are allowed"
        for path in paths
        for number, length in long_lines(path.read_text(encoding="utf-8"))
    ]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


def markdown_files(folder):
    """Return the Markdown files below a folder, but those in hidden folders and of builds."""
    left_out = {"build", "dist", "demo", "generated", "auto_examples"}
    return sorted(
        path
        for path in folder.rglob("*.md")
        if not any(
            part.startswith((".", "_")) or part in left_out
            for part in path.relative_to(folder).parts
        )
    )


def long_lines(text):
    """Return number and length of each line that is too long and could be broken.

    Examples
    --------
    >>> long_lines("short" + chr(10) + "word " * 30)
    [(2, 150)]
    >>> long_lines("| cell " * 30)
    []
    """
    return [
        (number, len(line))
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > MAX_LENGTH
        and not line.lstrip().startswith("|")
        and not UNBREAKABLE.fullmatch(line)
    ]


if __name__ == "__main__":
    sys.exit(main())
