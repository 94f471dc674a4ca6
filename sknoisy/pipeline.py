"""Pipelines whose steps may drop rows, taken over from imbalanced-learn.

scikit-learn's own ``Pipeline`` passes ``X`` from step to step and never touches ``y``, so a step
in the middle cannot remove the rows whose labels look wrong. imbalanced-learn's ``Pipeline`` is a
subclass of it that lets a step with ``fit_resample`` return fewer rows of both ``X`` and ``y``.
Rows are dropped while fitting only: ``predict``, ``predict_proba``, ``transform`` and ``score``
skip such a step and answer for every row they are given. Cross-validation therefore trains on the
kept rows of each fold and scores on all rows of the held-out fold.

Use it to put a :class:`sknoisy.NoisyLabelDetector` between a scaler and a classifier::

    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from sknoisy import NoisyLabelDetector
    from sknoisy.pipeline import make_pipeline

    model = make_pipeline(StandardScaler(), NoisyLabelDetector(), LogisticRegression())
    model.fit(X, y_noisy)

A detector as the last step, or a :class:`sknoisy.RobustClassifier`, needs no rows dropped half-way
and works in scikit-learn's own ``Pipeline`` as well. Both names are re-exported unchanged; their
reference is imbalanced-learn's.
"""

from imblearn.pipeline import Pipeline, make_pipeline

__all__ = ["Pipeline", "make_pipeline"]
