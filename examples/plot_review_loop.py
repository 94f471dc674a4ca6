"""
A review, round by round
========================

A model suspects, a person knows. Here the person is simulated: the truth is at hand, and the
answers are always right. After each round of thirty rows the verdict on all rows is settled by the
answers so far. Nothing is trained between the rounds.
"""

# %%
# A table on which the classes overlap
# ------------------------------------

#
# A fifth of the labels of each class is that of the next one.

from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import make_noisy_classification

data = make_noisy_classification(2500, noise="pair", rate=0.2, class_sep=0.8, random_state=0)
X, y, y_true = data.X[:1500], data.y[:1500], data.y_true[:1500]
X_test, y_test = data.X[1500:], data.y_true[1500:]
trees = HistGradientBoostingClassifier(max_iter=60, random_state=0)
detector = NoisyLabelDetector(estimator=trees, random_state=0).fit(X, y)

low, high = detector.noise_rate_interval_
print(f"Before the review: {low:.0%} to {high:.0%} of the labels are wrong.")

# %%
# The queue
# ---------
#
# An informative queue is a sample that tells about all rows. Each row comes with a reason.

detector.review_queue(5, strategy="informative", X=X)

# %%
# The rounds
# ----------
#
# Two rounds tell how many labels are wrong. Then three rounds look for wrong ones.

rounds = ["informative"] * 2 + ["suspicious"] * 3
rates, intervals, found = [detector.noise_rate_], [detector.noise_rate_interval_], [0.0]
for strategy in rounds:
    queue = detector.review_queue(30, strategy=strategy, X=X)
    rows = queue["row"]
    # A person would look at the rows here.
    queue["right_label"] = y_true[rows]
    detector.apply_review(queue["right_label"])
    rates.append(detector.noise_rate_)
    intervals.append(detector.noise_rate_interval_)
    found.append(float((queue["given_label"] != queue["right_label"]).mean()))
    low, high = detector.noise_rate_interval_
    print(f"{strategy:12} {found[-1]:4.0%} of the rows were wrong; rate {low:.1%} to {high:.1%}")

# %%
# Three ways to choose the rows
# -----------------------------
#
# The same, from the beginning, for each strategy: how many wrong labels are found, and what is
# known of their number.

import matplotlib.pyplot as plt

from sknoisy.display import ReviewProgressDisplay

fresh = NoisyLabelDetector(estimator=trees, random_state=0).fit(X, y)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
display = ReviewProgressDisplay.from_estimator(fresh, y_true, n_rows=150, n_rounds=5, ax=left)
display.plot(right, kind="rate")
plt.show()

# %%
# The suspicious rows are wrong most often, but say little about the others. A sample narrows the
# interval.
#
# Train with the answers
# ----------------------
#
# The verdict after the review leaves out what is probably wrong; the reviewed rows have their right
# labels.

kept = ~detector.noise_mask_ | detector.reviewed_
as_given = trees.fit(X, y).score(X_test, y_test)
reviewed = trees.fit(X[kept], detector.corrected_labels_[kept]).score(X_test, y_test)
print(f"Trees trained on the given labels: accuracy {as_given:.3f}")
print(f"Trees trained after the review:    accuracy {reviewed:.3f}")
