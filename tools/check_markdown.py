"""Report the lines of Markdown files that are too long, and the pages of the site that are.

Without arguments every Markdown file of the repository is looked at. Rows of tables may be longer,
and so may lines that hold nothing but one link or address, since neither can be broken. Pages of
`docs` may have as many words as a person reads at once, but for the reference and the benchmarks,
which nobody reads from beginning to end. Code doesn't count.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LENGTH = 120
MAX_WORDS = 1200
REFERENCE = ("api", "benchmarks")
# Written by tools/write_method_tables.py, with a line for each method and for each paper.
LISTS = ("methods_and_papers.md",)
UNBREAKABLE = re.compile(r"\s*([-*+] )?(\[[^]]*\]\(\S+\)|<?https?://\S+)[.,;:]?\s*")


def main(arguments=None):
    """Print the lines and pages that are too long; return 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="default: all of the repository")
    paths = parser.parse_args(arguments).paths or markdown_files(ROOT)
    complaints = [
        f"{path}:{number}: {length} characters, at most {MAX_LENGTH} are allowed"
        for path in paths
        for number, length in long_lines(path.read_text(encoding="utf-8"))
    ]
    complaints += [
        f"{path}: {words} words, at most {MAX_WORDS} are allowed"
        for path in paths
        if is_to_be_read(path)
        and (words := count_words(path.read_text(encoding="utf-8"))) > MAX_WORDS
    ]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


def markdown_files(folder):
    """Return the Markdown files below a folder, but those in hidden folders and of builds."""
    left_out = {"build", "dist", "demo", "generated", "auto_examples", "templates"}
    return sorted(
        path
        for path in folder.rglob("*.md")
        if not any(
            part.startswith((".", "_")) or part in left_out
            for part in path.relative_to(folder).parts
        )
    )


def is_to_be_read(path):
    """Tell whether a file is a page of the site that isn't there to look things up.

    Examples
    --------
    >>> [is_to_be_read(Path(path)) for path in ("docs/guide.md", "docs/api/x.md", "README.md")]
    [True, False, False]
    """
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else path.parts
    if "docs" not in parts:
        return False
    return parts[parts.index("docs") + 1] not in REFERENCE and parts[-1] not in LISTS


def count_words(text):
    """Return the number of words outside blocks of code.

    Examples
    --------
    >>> fence = "`" * 3
    >>> count_words(f"two words\\n{fence}python\\nx = 1\\n{fence}\\nand three more")
    5
    """
    return len(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).split())


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
