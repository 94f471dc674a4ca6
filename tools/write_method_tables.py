"""Write what the methods say of themselves into the tables of the user guide.

Run it after a method has been added or describes itself in other words: `make tables`. With
`--check` nothing is written, and the exit status tells whether the tables are those of the methods.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

from sknoisy.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "user_guide" / "methods_and_papers.md"
WIDTH = 120


def main(arguments=None):
    """Write the tables; return 1 if `--check` is given and they are others, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    old = PAGE.read_text(encoding="utf-8")
    new = with_section(old, "methods", methods_table())
    new = with_section(new, "citations", citations())
    if options.check:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


def methods_table():
    """Return the table of all methods, those to choose first."""
    lines = [
        "| method | needs | cost, in trainings of the plain net | choose it |",
        "|---|---|---|---|",
    ]
    for name, kind in sorted(METHODS.items(), key=usefulness):
        lines.append(f'| `"{name}"` | {kind.needs} | {kind.cost} | {kind.choose_it} |')
    return "\n".join(lines)


def usefulness(item):
    """Order methods: the first choice, those for a purpose, those to compare, the baseline."""
    name, kind = item
    for rank, start in ((0, "first"), (2, "to compare"), (3, "as the baseline")):
        if kind.choose_it.startswith(start):
            return rank, name
    return 1, name


def citations():
    """Return the list of all papers."""
    return "\n".join(
        textwrap.fill(
            f'* {kind.citation}. Method `"{name}"`.',
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, kind in sorted(METHODS.items(), key=usefulness)
        if kind.citation
    )


def with_section(text, name, section):
    """Return the text with what stands between the two marks of that name replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{begin}.*?{end}", flags=re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"The page has no marks {begin} and {end}.")
    return pattern.sub(lambda match: f"{begin}\n\n{section}\n\n{end}", text)


if __name__ == "__main__":
    sys.exit(main())
