"""Draw the pictures that are named, or all of them: `python -m pictures NAME ...` in `docs`."""

import argparse
from pathlib import Path

import matplotlib

from ._methods import PICTURES
from ._style import STYLE, svg_of

FOLDER = Path(__file__).resolve().parent.parent / "methods" / "pictures"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("names", nargs="*", help="default: all")
names = parser.parse_args().names or list(PICTURES)
FOLDER.mkdir(exist_ok=True)
for name in names:
    with matplotlib.rc_context(STYLE):
        (FOLDER / f"{name}.svg").write_text(svg_of(PICTURES[name]()), encoding="utf-8")
    print(FOLDER / f"{name}.svg")
