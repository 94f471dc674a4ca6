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

import warnings

import numpy as np
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector
from sknoisy.exceptions import FewRowsLeftWarning
from sknoisy.methods import BHN, LSW, MetaWeightNet, WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric

# With so many wrong labels more than half of a class may be flagged.
warnings.filterwarnings("ignore", category=FewRowsLeftWarning)
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
# For three kinds of noise, the area under the curve of each method by the share of wrong labels.
# These are thirty-six fits, so they take half of the digits, and half of the epochs.

from sknoisy.display import NoiseRobustnessDisplay
from sknoisy.noise import flip_instance_dependent, flip_pair

kinds = {
    "symmetric": lambda rate: flip_symmetric(y_true, rate, random_state=0),
    "asymmetric": lambda rate: flip_pair(y_true, rate, random_state=0),
    "by instance": lambda rate: flip_instance_dependent(X, y_true, rate, random_state=0),
}
compared = {"LSW": "lsw", "CORES²": "cores", "BHN": "bhn", "SimiFeat": "simifeat"}
net = TabularNet(max_epochs=15)
half = np.arange(len(y)) % 2 == 0


def fit_all(given):
    """Fit each of the compared methods to half of the rows."""
    return {
        name: NoisyLabelDetector(method, net=net, random_state=0).fit(
            X[half], given[half], trusted=trusted[half]
        )
        for name, method in compared.items()
    }


settings = [(kind, rate) for kind in kinds for rate in (0.3, 0.4, 0.5)]
runs, masks = [], []
for kind, rate in settings:
    given, wrong = kinds[kind](rate)
    runs.append(fit_all(np.where(trusted, y_true, given)))
    masks.append((wrong & ~trusted)[half])

# %%
# LSW doesn't aim at the best ranking under symmetric noise, and in the paper it isn't the best
# there either. What it knows of the trusted rows helps where the noise has a direction.

display = NoiseRobustnessDisplay.from_estimator(
    runs, masks, noise=[kind for kind, _ in settings], noise_rates=[rate for _, rate in settings]
)

# %%
# The table behind the picture:

display.frame().pivot(index=["noise", "noise_rate"], columns="method", values="mean").round(3)

# %%
# What lies behind such an area
# -----------------------------
#
# The whole curves, for the four methods above. The points are the verdicts.

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
