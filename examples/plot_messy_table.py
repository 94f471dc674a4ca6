"""
A messy table, judged by boosted trees
======================================

A table of bookings has strings, dates, booleans and missing values. One label in seven is wrong.
Boosted trees judge the labels: they are trained once, and the rounds are counted in which they
contradict a label.
"""

# %%
# The table
# ---------
#
# The label says what the journey was for. We make 15 % of the labels wrong ourselves, so that we
# know which ones.

from sknoisy.datasets import make_bookings
from sknoisy.noise import flip_symmetric

bookings, purposes = make_bookings(2000, random_state=0)
given, flipped = flip_symmetric(purposes, 0.15, random_state=0)
bookings.assign(purpose=given).head()

# %%
# The verdict
# -----------
#
# Nothing has to be encoded or filled in.

from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector

detector = NoisyLabelDetector(estimator=HistGradientBoostingClassifier(), random_state=0)
issues = detector.fit(bookings, given).get_label_issues().sort_values("rank")
issues.join(bookings).head(8)

# %%
# How many labels are wrong? The interval holds the true share nine times in ten.

low, high = detector.noise_rate_interval_
print(f"{detector.noise_rate_:.1%} are wrong, between {low:.1%} and {high:.1%}.")
print(f"In truth {flipped.mean():.1%} are.")

# %%
# Label quality
# -------------
#
# Wrong labels pile up on the left, right ones on the right. The threshold is the method's own.

from sknoisy.display import LabelQualityDisplay

display = LabelQualityDisplay.from_estimator(detector, flipped=flipped)

# %%
# How well they were found:

from sknoisy.metrics import noise_detection_report

for name, value in noise_detection_report(
    flipped, detector.noise_mask_, detector.label_quality_
).items():
    print(f"{name:10} {value:.3f}")

# %%
# Which label stands where which other should
# -------------------------------------------

from sknoisy.display import TransitionMatrixDisplay

display = TransitionMatrixDisplay.from_estimator(detector)

# %%
# Train what you like
# -------------------
#
# The same trees, trained on all rows and on the rows that the verdict leaves. The test labels are
# right.

from sklearn.model_selection import train_test_split

from sknoisy import RobustClassifier

X_train, X_test, y_train, _, _, y_test = train_test_split(
    bookings, given, purposes, test_size=0.3, random_state=0
)
trees = HistGradientBoostingClassifier(random_state=0)
plain = RobustClassifier(estimator=trees, final="plain", random_state=0).fit(X_train, y_train)
robust = RobustClassifier(estimator=trees, random_state=0).fit(X_train, y_train)
print(f"Accuracy, trained on all labels:      {plain.score(X_test, y_test):.3f}")
print(f"Accuracy, in spite of the wrong ones: {robust.score(X_test, y_test):.3f}")
print(f"What was chosen as final: {robust.final_!r}")
