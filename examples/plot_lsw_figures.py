"""
The figures of LSW's paper, on digits
=====================================

Hoang and others weigh each training row, and learn the weights by a few trusted rows. Their paper
draws what that does on CIFAR-10. Here are the same figures from a real run on small data, which
takes a minute in place of a day. Don't compare the numbers with the paper's: compare the shapes.
"""

# %%
# Four methods
# ------------
#
# 40 % of the labels are wrong. A tenth of the rows is trusted, and all methods are told so.

import numpy as np
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector
from sknoisy.methods import BHN, LSW, MetaWeightNet, WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric

digits = load_digits()
X, y_true = digits.data, digits.target
y, flipped = flip_symmetric(y_true, 0.4, random_state=0)
trusted = np.random.default_rng(1).random(len(y)) < 0.1
y, flipped = np.where(trusted, y_true, y), flipped & ~trusted

methods = {
    "LSW": LSW(record_epochs=True),
    "Meta-Weight-Net": MetaWeightNet(record_epochs=True),
    "BHN": BHN(),
    "wrong event": WrongEvent(),
}
detectors = {
    name: NoisyLabelDetector(method, net=TabularNet(), random_state=0).fit(X, y, trusted=trusted)
    for name, method in methods.items()
}

# %%
# Figures 1 and 2: how well wrong labels are found
# ------------------------------------------------

#
# The points are the verdicts. LSW doesn't aim at the best ranking under this kind of noise, and in
# the paper it isn't the best here either.

from sknoisy.display import DetectionCurvesDisplay

curves = DetectionCurvesDisplay.from_estimator(detectors, flipped)

# %%

display = curves.plot(kind="precision_recall")

# %%
# Figure 3: wrong labels with a high weight
# -----------------------------------------
#
# How many of the wrong labels keep a high weight, by method ...

from sknoisy.display import HighWeightErrorsDisplay

weights = HighWeightErrorsDisplay.from_estimator(detectors, flipped)

# %%
# ... and which are those of LSW with the highest. A digit that looks like the wrong label helps
# more than it harms.

from sknoisy.display import plot_suspicious_images


def show(rows):
    """Show digits in this order, with their given and their right labels."""
    return plot_suspicious_images(
        1 - digits.images[rows] / 16,
        y[rows],
        y_true[rows],
        detectors["LSW"].label_quality_[rows],
        n_images=8,
        wrong=flipped[rows],
        row_labels=rows,
    )


figure = show(weights.rows("LSW", 8))

# %%
# Figure 4: right labels with a low weight
# ----------------------------------------

figure = show(weights.rows("LSW", 8, kind="right"))

# %%
# Figure 5: the weights of LSW, epoch by epoch
# --------------------------------------------
#
# At first both groups have the same weight. Then the weights of wrong labels fall.

from sknoisy.display import WeightHistoryDisplay

display = WeightHistoryDisplay.from_estimator(
    detectors["LSW"], flipped=flipped, kind="histograms", epochs=[2, 8, 16, 30]
)

# %%
# Figure 6: the weights of Meta-Weight-Net
# ----------------------------------------
#
# It knows a row by its loss alone, so wrong and right labels with the same loss have the same
# weight.

display = WeightHistoryDisplay.from_estimator(
    detectors["Meta-Weight-Net"], flipped=flipped, kind="histograms", epochs=[2, 8, 16, 30]
)
