"""
Wrong events, epoch by epoch
============================

Zhang and others count in how many epochs a net contradicts a label while it learns. The figures of
their idea, from a real run on small data.
"""

# %%
# A run that keeps its epochs
# ---------------------------
#
# Three labels in ten are wrong. ``record_epochs`` keeps what the net thought of each label at the
# end of each epoch.

from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric

X, y_true = load_digits(return_X_y=True)
y, flipped = flip_symmetric(y_true, 0.3, random_state=0)
settings = {"net": TabularNet(module__dropout=0.5, max_epochs=40), "random_state": 0}
detector = NoisyLabelDetector(WrongEvent(record_epochs=True), **settings).fit(X, y)

# %%
# The training
# ------------
#
# Agreement with held-out labels rises and stays: most of the others are wrong. Agreement
# with the labels that are learnt rises on: wrong labels are learnt by heart. Wrong events count
# until then.

from sknoisy.display import TrainingCurvesDisplay

display = TrainingCurvesDisplay.from_estimator(detector)

# %%
# What the net thinks of each label
# ---------------------------------
#
# The confidence is 1 where the given label is beyond doubt, and 0 where another one is.

from sknoisy.display import WeightHistoryDisplay

display = WeightHistoryDisplay.from_estimator(detector, flipped=flipped, name="Confidence")

# %%
# The same for four epochs
# ------------------------

display = WeightHistoryDisplay.from_estimator(
    detector, flipped=flipped, name="Confidence", kind="histograms"
)

# %%
# From counts to a verdict
# ------------------------
#
# Wrong labels were contradicted in most of the epochs that count, right ones in few. What lies in
# between is told apart by a mixture of two distributions.

from sknoisy.display import LabelQualityDisplay

display = LabelQualityDisplay.from_estimator(detector, flipped=flipped)

# %%
# The second stage
# ----------------
#
# The classifier goes on with the verdict so far, and counts on. That finds more.

from sknoisy.metrics import noise_detection_report

classifier = RobustClassifier(WrongEvent(), **settings).fit(X, y)
for name, model in {"first stage": detector, "both stages": classifier}.items():
    found = noise_detection_report(flipped, model.noise_mask_, model.label_quality_)
    print(f"{name}: F1 {found['f1']:.3f}, AUC {found['auc']:.3f}")
