"""
All methods side by side
========================

Every method of the library on the same table, with the same small net: how well it finds wrong
labels, and how long it takes. It is one table with one kind of noise. For the means over fifteen
tables see the benchmarks.
"""

# %%
# The task
# --------
#
# Digits, with 30 % of the labels wrong. Every tenth label was checked, and every method is told so,
# whether it learns from them or not.

import numpy as np
from sklearn.datasets import load_digits

from sknoisy.noise import flip_symmetric

X, y_true = load_digits(return_X_y=True)
y, flipped = flip_symmetric(y_true, 0.3, random_state=0)
trusted = np.random.default_rng(1).random(len(y)) < 0.1
y, flipped = np.where(trusted, y_true, y), flipped & ~trusted

# %%
# Run them
# --------

import time

from sknoisy import NoisyLabelDetector
from sknoisy.methods import METHODS
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet

detectors, rows = {}, []
for name in METHODS:
    start = time.perf_counter()
    detector = NoisyLabelDetector(name, net=TabularNet(max_epochs=15), random_state=0)
    detectors[name] = detector.fit(X, y, trusted=trusted)
    seconds = time.perf_counter() - start
    judged = noise_detection_report(
        flipped[~trusted], detector.noise_mask_[~trusted], detector.label_quality_[~trusted]
    )
    rows.append({"method": name, **judged, "seconds": seconds})

# %%
# The figures
# -----------
#
# ``auc`` tells how well rows are ranked, ``f1`` how good the verdict is.

import pandas as pd

figures = pd.DataFrame(rows).set_index("method").sort_values("auc", ascending=False)
figures.round(3)

# %%
# The curves of five of them
# --------------------------
#
# The point on each curve is the method's own verdict.

from sknoisy.display import DetectionCurvesDisplay

shown = ["wrong_event", "lsw", "dividemix", "cores", "cross_entropy"]
display = DetectionCurvesDisplay.from_estimator(
    {name: detectors[name] for name in shown}, flipped, kind="precision_recall"
)
