"""Plain training, the baseline."""

import numpy as np

from ..training import Trainer
from ._base import LabelEvidence, Method


class CrossEntropy(Method):
    """Train on the given labels as they are.

    The baseline that every other method is compared with: same net, same loop, no treatment.
    The label quality is the probability that the trained net gives to the given label, against
    that of the best other class. A net that has learnt its wrong labels by heart finds none.

    Cost: 1 (plain training).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import RobustClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RobustClassifier("cross_entropy", max_epochs=5, random_state=0).fit(X, y)
    >>> bool(model.sample_weights_.min() == 1.0)
    True
    """

    name = "cross_entropy"
    cost = "1"
    choose_it = "as the baseline: no treatment at all"
    holdout = 0.0
    trains_distributed = True

    def detect(self, trainer: Trainer) -> LabelEvidence:
        run = trainer.new_run().fit()
        return LabelEvidence.of(run, weights=np.ones(run.data.n_rows))
