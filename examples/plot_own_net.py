"""
A net of your own
=================

Any torch module with one output per class judges labels, with the optimiser, the schedule and the
callbacks that you like. Here it is a small convolutional net for digits of 8 by 8 pixels.
"""

# %%
# The module
# ----------
#
# Parameters named ``n_channels`` and ``n_classes`` are set from the data.

import torch
from torch import nn


class SmallConvolutions(nn.Sequential):
    def __init__(self, n_channels=1, n_classes=10, width=16):
        super().__init__(
            nn.Conv2d(n_channels, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 16, n_classes),
        )


# %%
# The training
# ------------
#
# It is skorch's. ``train_split=None`` lets the method choose the rows to hold out.

from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

n_epochs, batch_size, n_rows = 15, 64, 1300
schedule = LRScheduler(
    OneCycleLR, max_lr=0.01, step_every="batch", total_steps=n_epochs * (n_rows // batch_size + 1)
)
net = NeuralNetClassifier(
    SmallConvolutions,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.AdamW,
    max_epochs=n_epochs,
    batch_size=batch_size,
    callbacks=[("schedule", schedule)],
    train_split=None,
    verbose=0,
)

# %%
# The verdict
# -----------

from sklearn.datasets import load_digits

from sknoisy import NoisyLabelDetector
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric

digits = load_digits()
images, right = (digits.images[:n_rows, None] / 16).astype("float32"), digits.target[:n_rows]
given, flipped = flip_symmetric(right, 0.3, random_state=0)

detector = NoisyLabelDetector(net=net, random_state=0).fit(images, given)
for name, value in noise_detection_report(
    flipped, detector.noise_mask_, detector.label_quality_
).items():
    print(f"{name:10} {value:.3f}")

# %%
# How the training went
# ---------------------
#
# The net agrees with the labels of rows that it learns from, and of rows that are held out. As long
# as both lines stay together it learns classes; then it begins to learn wrong labels by heart.

from sknoisy.display import TrainingCurvesDisplay

display = TrainingCurvesDisplay.from_estimator(detector)

# %%
# Learn in spite of them
# ----------------------
#
# The same net, trained by ``RobustClassifier``, and plainly, on all labels as they are. The rest of
# the digits, with right labels, is for the test.

from sknoisy import RobustClassifier

X_test, y_test = (digits.images[n_rows:, None] / 16).astype("float32"), digits.target[n_rows:]
for method in ("cross_entropy", "wrong_event"):
    model = RobustClassifier(method, net=net, random_state=0).fit(images, given)
    print(f"{method:13} accuracy {model.score(X_test, y_test):.3f}")
