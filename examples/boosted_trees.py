"""Let boosted trees judge the labels of a CSV file, as it comes, and draw what they found.

Texts, dates and missing values need no preparation::

    python examples/boosted_trees.py customers.csv churned
"""

import sys
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector
from sknoisy.display import LabelQualityDisplay


def main(path, target):
    table = pd.read_csv(path).dropna(subset=[target])
    labels = table.pop(target)

    detector = NoisyLabelDetector(estimator=HistGradientBoostingClassifier(), random_state=0)
    issues = detector.fit(table, labels).get_label_issues().sort_values("rank")

    print(f"{issues['is_noise'].mean():.1%} of {len(issues):,} labels are judged wrong, such as")
    print(issues[["given_label", "suggested_label", "label_quality"]].head(10).join(table))
    picture = Path(path).with_suffix(".label_quality.png")
    LabelQualityDisplay.from_estimator(detector).figure_.savefig(picture, dpi=130)
    print(f"How good the labels are: {picture}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
