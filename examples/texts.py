"""Find the doubtful labels of real texts: 5,574 short messages, spam or not.

Words are counted and weighted (tf-idf), brought to 100 columns, and judged by a detector::

    pip install 'sknoisy[plot]'
    python examples/texts.py
    python examples/texts.py --flip 0.2

The labels are those that the collection came with. With --flip a share of them is made wrong on
purpose, so that it can be said how many of these are found. The messages are looked for in the
data home (environment variable SKNOISY_DATA) and downloaded otherwise, 200 KB.
"""

import argparse
from pathlib import Path

import matplotlib
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import fetch_sms_spam
from sknoisy.display import LabelQualityDisplay
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

N_SHOWN = 15
N_LETTERS = 80
COLORS = {"ham": "#0072B2", "spam": "#D55E00"}


def find_doubtful_labels(texts, labels):
    """Return the verdict on each label, beside its text, the most suspicious first."""
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)),
        TruncatedSVD(100, random_state=0),
        NoisyLabelDetector(random_state=0, verbose=1),
    )
    model.fit(texts, labels)
    issues = model[-1].get_label_issues()
    issues.insert(0, "text", texts)
    return issues.sort_values("rank")


def describe(row):
    """Return a label, what it should be if it is judged wrong, and the start of the text."""
    change = f"{row.given_label} → {row.suggested_label}" if row.is_noise else row.given_label
    is_long = len(row.text) > N_LETTERS
    return f"{change}:  {row.text[: N_LETTERS - 1] + '…' if is_long else row.text}"


def draw(issues, wrong, path):
    """Draw how good the labels are, and below it the texts of the most suspicious ones."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(9, 7), height_ratios=[2, 3], layout="constrained"
    )
    LabelQualityDisplay.from_scores(issues["label_quality"], flipped=wrong, ax=top)
    shown = issues.head(N_SHOWN)
    for place, row in enumerate(shown.itertuples()):
        color = COLORS[row.given_label] if row.is_noise else "#888888"
        # A dollar sign would start a formula.
        bottom.text(0, place, describe(row).replace("$", r"\$"), color=color, fontsize=9)
    bottom.set(ylim=(len(shown), -1), title="The least likely to be right")
    bottom.axis("off")
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flip", type=float, default=0.0, help="share of labels to make wrong")
    parser.add_argument("--output", type=Path, default=Path("demo/texts"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    texts, labels = fetch_sms_spam(return_X_y=True)
    given = labels
    if arguments.flip:
        given, _ = flip_symmetric(labels, arguments.flip, random_state=0)
    issues = find_doubtful_labels(texts, given)

    print(f"{issues['is_noise'].sum():,} of {len(issues):,} labels are judged wrong.")
    wrong = None
    if arguments.flip:
        wrong = issues["given_label"] != labels[issues.index]
        found = noise_detection_report(wrong, issues["is_noise"], issues["label_quality"])
        print(f"{wrong.sum():,} are wrong. F1 {found['f1']:.3f}, AUC {found['auc']:.3f}")
    print("The most suspicious:\n")
    for row in issues.head(N_SHOWN).itertuples():
        print(describe(row))

    issues.to_csv(arguments.output / "issues.csv", index_label="row")
    draw(issues, wrong, arguments.output / "suspicious_texts.png")
    print(f"\nAll labels: {arguments.output / 'issues.csv'}")
    print(f"The most suspicious texts: {arguments.output / 'suspicious_texts.png'}")


if __name__ == "__main__":
    main()
