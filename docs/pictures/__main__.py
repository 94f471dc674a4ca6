"""Draw the pictures that are named, or all of them: `python -m pictures NAME ...` in `docs`."""

import argparse
from pathlib import Path

import matplotlib

from ._all_methods import all_methods
from ._benchmarks import benchmarks
from ._methods import PICTURES
from ._style import STYLE, svg_of

DOCS = Path(__file__).resolve().parent.parent
PLACES = {DOCS / "methods" / "pictures" / f"{name}.svg": draw for name, draw in PICTURES.items()}
PLACES[DOCS / "benchmarks" / "overview.svg"] = benchmarks
PLACES[DOCS / "methods" / "pictures" / "all_methods.svg"] = all_methods

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("names", nargs="*", help="default: all")
names = parser.parse_args().names
for path, draw in PLACES.items():
    if not names or path.stem in names:
        with matplotlib.rc_context(STYLE):
            path.write_text(svg_of(draw()), encoding="utf-8")
        print(path)
