"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

python tools/lower_bounds.py > oldest.txt
pip install --constraint oldest.txt '.[test]'
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*>=\s*(?P<version>[0-9][^,;\s]*)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a constraint for each dependency, and for those of the extras that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", action="append", default=[], help="an optional dependency group")
    chosen = parser.parse_args(arguments)
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in chosen.extra:
        requirements += project["optional-dependencies"][extra]
    print("\n".join(sorted({as_constraint(requirement) for requirement in requirements})))
    return 0


def as_constraint(requirement: str) -> str:
    """Return the constraint that admits the lower bound of a requirement only."""
    match = REQUIREMENT.match(requirement)
    if match is None:
        raise ValueError(f"{requirement!r} must have a lower bound, as in 'numpy>=1.26'.")
    return f"{match['name']}=={match['version']}"


if __name__ == "__main__":
    sys.exit(main())
