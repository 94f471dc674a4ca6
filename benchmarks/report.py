"""How long the page of a report takes: to make, to open in Chromium, and to filter.

The page says itself when it is ready, counted from the start of its navigation, and how long each
change of a filter took, up to the rows being in place; the clock of a frame drawn after it is read
too. On a busy computer these are waits for others, so the page's own CPU time is told as well::

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


def cpu_milliseconds(browser):
    """Return the CPU time that the page's thread has spent on its tasks."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return 1000 * next(each["value"] for each in metrics if each["name"] == "TaskDuration")


def count_cpu_time(browser):
    browser.send("Performance.enable", timeDomain="threadTicks")


def opening_times(path, n_repeats):
    """Return milliseconds to the page being ready, and drawn, and its CPU time until then.

    Each in a browser of its own.
    """
    times = []
    for _ in range(n_repeats):
        with Browser() as browser:
            count_cpu_time(browser)
            browser.open(path, "tab=queue")
            browser.wait_for("Boolean(document.documentElement.dataset.openMs)")
            drawn = "new Promise((d) => requestAnimationFrame(() => d(performance.now())))"
            ready = float(browser.run("document.documentElement.dataset.openMs"))
            times.append((ready, browser.run(drawn), cpu_milliseconds(browser)))
    return np.array(times)


def filter_times(path, n_repeats):
    """Return milliseconds by change of a filter: to the rows, to the frame after it, of CPU."""
    times = {}
    with Browser() as browser:
        count_cpu_time(browser)
        for _ in range(n_repeats):
            browser.open(path, "tab=queue")
            browser.wait_for("Boolean(document.documentElement.dataset.openMs)")
            for name, value in CHANGES:
                event = "input" if name == "q" else "change"
                before = cpu_milliseconds(browser)
                drawn = browser.run(SET.format(name=name, value=value, event=event))
                rows = float(browser.run("document.documentElement.dataset.filterMs"))
                times.setdefault(f"{name}={value}", []).append(
                    (rows, drawn, cpu_milliseconds(browser) - before)
                )
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
        for name, column in zip(("ready", "drawn", "CPU time"), opening.T, strict=True):
            print(f"open, {name}: median {np.median(column):.0f} ms, slowest {column.max():.0f} ms")
        for name, pairs in filter_times(path, options.n_repeats).items():
            told = [
                f"{what} {np.median(column):4.0f} ms (slowest {column.max():4.0f})"
                for what, column in zip(("rows", "drawn", "CPU"), np.array(pairs).T, strict=True)
            ]
            print(f"{name:<20}", ", ".join(told))


if __name__ == "__main__":
    main()
