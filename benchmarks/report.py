"""How long the page of a report takes: to make, to open in Chromium, and to filter.

The page says itself when it is ready, counted from the start of its navigation, and how long each
change of a filter took, up to the rows being in place; the clock of a frame drawn after it is read
too::

    python benchmarks/report.py
    python benchmarks/report.py --n-rows 1000000 --n-repeats 3
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from sknoisy import NoisyLabelDetector
from sknoisy.noise import flip_symmetric
from sknoisy.report import LabelQualityReport

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import Browser, find_chromium  # noqa: E402

N_CLASSES = 10
# Names of filters and values to set them to, each from the state before.
CHANGES = (
    ("show", "all"),
    ("q", "city 12"),
    ("q", ""),
    ("given", "3"),
    ("suggested", "5"),
    ("given", ""),
    ("suggested", ""),
    ("sort", "near"),
    ("sort", "given"),
    ("show", "near"),
    ("show", "flagged"),
)
SET = """new Promise((done) => {{
  const control = document.getElementById("filter-{name}");
  const start = performance.now();
  control.value = "{value}";
  control.dispatchEvent(new Event("{event}", {{ bubbles: true }}));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
}})"""


def make_report(n_rows):
    """Return the report on a table of numbers, texts and dates, and how long it took to make."""
    random = np.random.default_rng(0)
    codes = random.integers(0, N_CLASSES, n_rows)
    numbers = np.eye(N_CLASSES)[codes] * 4 + random.normal(size=(n_rows, N_CLASSES))
    frame = pd.DataFrame(numbers).add_prefix("measure ")
    frame["city"] = np.char.add("city ", random.integers(0, 500, n_rows).astype(str))
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(codes, unit="D")
    frame.index = np.char.add("customer ", np.arange(n_rows).astype(str))
    names = np.array([f"class number {code}" for code in range(N_CLASSES)])
    noisy, _ = flip_symmetric(codes, 0.15, random_state=0)
    detector = NoisyLabelDetector(estimator=LogisticRegression(), cv=2, random_state=0)
    detector.fit(numbers, pd.Series(names[noisy], frame.index))
    start = time.perf_counter()
    report = LabelQualityReport(detector, frame)
    report.html()
    return report, time.perf_counter() - start


def opening_times(path, n_repeats):
    """Return milliseconds to the page being ready, each in a browser of its own."""
    times = []
    for _ in range(n_repeats):
        with Browser() as browser:
            browser.open(path, "tab=queue")
            browser.wait_for("Boolean(document.documentElement.dataset.openMs)")
            drawn = "new Promise((d) => requestAnimationFrame(() => d(performance.now())))"
            times.append(
                (float(browser.run("document.documentElement.dataset.openMs")), browser.run(drawn))
            )
    return np.array(times)


def filter_times(path, n_repeats):
    """Return milliseconds by change of a filter: to the rows, and to the frame after it."""
    times = {}
    with Browser() as browser:
        for _ in range(n_repeats):
            browser.open(path, "tab=queue")
            browser.wait_for("Boolean(document.documentElement.dataset.openMs)")
            for name, value in CHANGES:
                event = "input" if name == "q" else "change"
                drawn = browser.run(SET.format(name=name, value=value, event=event))
                rows = float(browser.run("document.documentElement.dataset.filterMs"))
                times.setdefault(f"{name}={value}", []).append((rows, drawn))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n-rows", type=int, default=100_000)
    parser.add_argument("--n-repeats", type=int, default=5)
    options = parser.parse_args()
    if find_chromium() is None:
        parser.error("there is no Chromium to open the page in")
    report, seconds = make_report(options.n_rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        report.write_html(path)
        print(f"{options.n_rows:,} rows: made in {seconds:.1f} s, ", end="")
        print(f"{path.stat().st_size / 1e6:.1f} MB")
        opening = opening_times(path, options.n_repeats)
        for name, column in zip(("ready", "drawn"), opening.T, strict=True):
            print(f"open, {name}: median {np.median(column):.0f} ms, slowest {column.max():.0f} ms")
        for name, pairs in filter_times(path, options.n_repeats).items():
            rows, drawn = np.array(pairs).T
            print(
                f"{name:<22} rows: median {np.median(rows):5.0f} ms, slowest {rows.max():5.0f} ms; "
                f"drawn: median {np.median(drawn):5.0f} ms, slowest {drawn.max():5.0f} ms"
            )


if __name__ == "__main__":
    main()
