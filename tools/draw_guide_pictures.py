"""Draw the pictures of the user guide and the README into docs/images.

The decision tree is drawn in a moment. The digits and the report are what `make demo` leaves; they
take as long as the demo, and the report needs the browser Chromium. Name the pictures to draw only
these: `tree`, `demo`.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"

# What to ask, one after the other, and what to take where the answer is yes.
QUESTIONS = [
    (
        "Are some labels known to be right?",
        [
            ("one class is taken for another", '"lsw"'),
            ("errors depend on the row", '"lsw"'),
            ("false alarms are costly", '"bhn"'),
            ("else", "the default, with trusted="),
        ],
    ),
    (
        "Are the rows images or texts?",
        [
            ("a few thousand", "pretrained features, then the default"),
            ("many images", "the default, with a net on the images"),
            ("features, and there is time", '"dividemix"'),
        ],
    ),
    ("Should your own model judge?", [("", "estimator=your model")]),
    (
        "Is one class taken for a certain other one?",
        [("", "check some rows; LSW(self_trusted=0.3)")],
    ),
]
DEFAULT = 'the default: "wrong_event"'

WIDTH, QUESTION_HEIGHT, LINE_HEIGHT, GAP = 400, 30, 40, 26
RIGHT = 28


def main():
    """Draw what was named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="default: both")
    names = parser.parse_args().names or ["tree", "demo"]
    IMAGES.mkdir(exist_ok=True)
    if "tree" in names:
        (IMAGES / "decision_tree.svg").write_text(decision_tree(), encoding="utf-8")
    if "demo" in names:
        draw_demo()


def decision_tree():
    """Return the tree as SVG, in the colour of the page's text."""
    parts, top = [], 1
    for question, answers in QUESTIONS:
        bottom = top + QUESTION_HEIGHT + LINE_HEIGHT * len(answers)
        parts += [
            box(top, question),
            line(RIGHT / 2, top + QUESTION_HEIGHT, RIGHT / 2, bottom + GAP),
        ]
        for number, (condition, answer) in enumerate(answers):
            parts += branch(top + QUESTION_HEIGHT + LINE_HEIGHT * number, condition, answer)
        parts.append(
            f'<text x="{RIGHT / 2 + 8}" y="{bottom + GAP / 2 + 4}" fill="currentColor">no</text>'
        )
        top = bottom + GAP
    parts.append(box(top, DEFAULT, weight="bold"))
    height = top + QUESTION_HEIGHT + 1
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="inherit" font-size="13">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def branch(top, condition, answer):
    """Return a line to the right, with the answer and when it holds."""
    middle = top + LINE_HEIGHT / 2 + 4
    when = f"yes, {condition}:" if condition else "yes:"
    return [
        line(RIGHT / 2, middle - 4, RIGHT, middle - 4),
        f'<text x="{RIGHT + 6}" y="{middle - 4}" fill="currentColor">{escape(when)}'
        f'<tspan x="{RIGHT + 18}" dy="15" font-weight="bold">{escape(answer)}</tspan></text>',
    ]


def box(top, text, weight="normal"):
    return (
        f'<rect x="1" y="{top}" width="{WIDTH - 2}" height="{QUESTION_HEIGHT}" rx="6" fill="none" '
        'stroke="currentColor"/>\n'
        f'<text x="14" y="{top + 20}" fill="currentColor" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def line(x1, y1, x2, y2):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="currentColor"/>'


def draw_demo():
    """Keep the picture and the first page of the report of the demo as small files."""
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, str(ROOT / "examples" / "demo.py"), "--dpi", "90"]
        subprocess.run([*demo, "--output", folder], check=True, cwd=folder)
        keep_small(Path(folder, "digits.png"), IMAGES / "digits.png")
        photograph(Path(folder, "report.html"), Path(folder, "report.png"))
        keep_small(Path(folder, "report.png"), IMAGES / "report.png")


def photograph(page, path):
    """Let Chromium show a page, and save what is seen first."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("The picture of the report needs the browser Chromium.")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += ["--window-size=1200,900", f"--screenshot={path}"]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)


def keep_small(picture, path):
    """Write a picture with few colours."""
    with Image.open(picture) as full:
        small = full.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


if __name__ == "__main__":
    main()
