"""
A threshold, chosen on wrong validation labels
==============================================

A grid search compares models on held-out rows. Where their labels are wrong too, the ordinary
score rewards the model that repeats the mistakes. Scorers that know better get what they know by
metadata routing.
"""

# %%
# Data with wrong labels of one kind
# ----------------------------------
#
# Half of the labels of each digit are those of the next one, so that the wrong label is as usual as
# the right one. Every fifth label was checked.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy.noise import flip_pair

X, X_test, right, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
y, flipped = flip_pair(right, 0.5, random_state=0)
trusted = np.random.default_rng(1).random(len(y)) < 0.2
y = np.where(trusted, right, y)

# %%
# One grid, three scores
# ----------------------
#
# LSW learns from the checked rows what helps. With ``memory`` it is trained once per fold, however
# many thresholds there are.

from tempfile import mkdtemp

import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sknoisy import RobustClassifier
from sknoisy.metrics import clean_accuracy_scorer, trusted_accuracy_scorer
from sknoisy.nets import TabularNet

candidate = RobustClassifier(
    "lsw",
    net=TabularNet(max_epochs=20),
    final="filter",
    final_estimator=LogisticRegression(max_iter=300),
    memory=mkdtemp(),
    random_state=0,
)
thresholds = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95]


def search(scoring, **known):
    grid = GridSearchCV(
        candidate, {"threshold": thresholds}, scoring=scoring, cv=3, error_score="raise"
    )
    with sklearn.config_context(enable_metadata_routing=True):
        return grid.fit(X, y, trusted=trusted, **known)


searches = {
    "given labels": search(None),
    "trusted rows": search(trusted_accuracy_scorer),
    "the truth": search(clean_accuracy_scorer, y_clean=right),
}

# %%
# The curves
# ----------
#
# By the given labels every model looks bad, and hardly any better than another: chance decides. The
# trusted rows say nearly what the truth says, and nobody needs to know more than them.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, found), marker in zip(searches.items(), "os^", strict=True):
    scores = found.cv_results_["mean_test_score"]
    ax.plot(thresholds, scores, marker=marker, label=f"scored on {name}")
ax.set(xlabel="threshold", ylabel="accuracy, three folds")
ax.legend()
plt.show()

# %%
# What each choice is worth on test rows with right labels:

for name, found in searches.items():
    accuracy = (found.best_estimator_.predict(X_test) == y_test).mean()
    print(f"{name:13} threshold {found.best_params_['threshold']:.2f}, accuracy {accuracy:.3f}")
