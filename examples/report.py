"""Write reports on the labels of a table of orders and of handwritten digits, 15 % of them wrong.

The orders are made up: texts, dates, missing values, and a category that somebody typed in. The
digits are scikit-learn's. In both, 15 % of the labels are changed, so that the reports can compare
their verdict with the truth. Run it with::

    python examples/report.py
    python examples/report.py --folder reports --open
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.noise import flip_symmetric
from sknoisy.report import LabelQualityReport

WRONG_SHARE = 0.15
WORDS = {
    "billing": ["charged twice", "refund is missing", "wrong invoice", "card was declined"],
    "delivery": ["parcel is late", "sent to an old address", "box was damaged", "nothing arrived"],
    "product": ["stopped working", "a part is missing", "wrong size", "battery runs out"],
    "account": ["can't log in", "change my address", "close my account", "forgot the password"],
}
CITIES = ("Amsterdam", "Berlin", "Lisbon", "Vienna", "Zagreb")


def complaints(n_rows, random_state):
    """Return what customers complained about, and the department that it belongs to."""
    random = np.random.default_rng(random_state)
    departments = random.choice(list(WORDS), n_rows, p=[0.3, 0.35, 0.2, 0.15])
    is_paid = np.isin(departments, ["billing", "delivery"])
    frame = pd.DataFrame(
        {
            "message": [random.choice(WORDS[each]) for each in departments],
            "city": random.choice(CITIES, n_rows),
            "days since order": random.gamma(2, np.where(departments == "delivery", 4, 12)).round(),
            "price": np.exp(random.normal(3 + is_paid, 0.6)).round(2),
            "ordered": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(random.integers(0, 200, n_rows), unit="D"),
            "channel": random.choice(["mail", "phone", None], n_rows, p=[0.6, 0.3, 0.1]),
        },
        index=[f"C-{number:05d}" for number in range(n_rows)],
    )
    # Some messages say nothing.
    frame.loc[random.random(n_rows) < 0.15, "message"] = "please call me"
    return frame, departments


def report_on_complaints(n_rows, random_state):
    X, right = complaints(n_rows, random_state)
    given, _ = flip_symmetric(right, WRONG_SHARE, random_state=random_state)
    clerks = np.random.default_rng(random_state).choice(["Ann", "Ben", "Cleo", "Dan"], n_rows)
    detector = NoisyLabelDetector(random_state=random_state).fit(X, given, groups=clerks)
    return LabelQualityReport(detector, X, truth=right)


def report_on_digits(n_rows, random_state):
    images, right = load_digits().images[:n_rows], load_digits().target[:n_rows]
    given, _ = flip_symmetric(right, WRONG_SHARE, random_state=random_state)
    model = RobustClassifier(random_state=random_state).fit(images.reshape(n_rows, -1), given)
    # Learnt from as rows of 64 numbers, shown as images.
    return LabelQualityReport(model, images / 16, truth=right)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--n-rows", type=int, default=1797, help="of each data set, 1797 at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--open", action="store_true", help="show the reports in the browser")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("complaints", report_on_complaints), ("digits", report_on_digits)):
        report = make(options.n_rows, options.seed)
        path = options.folder / f"{name}_report.html"
        report.write_html(path)
        print(f"{path}: {report}")
        if options.open:
            report.open()


if __name__ == "__main__":
    main()
