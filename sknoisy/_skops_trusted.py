"""What skops has to trust to load the estimators of this package that it has dumped itself."""

from .methods import METHODS
from .persistence._objects import object_classes
from .persistence._scikit_learn import TRUSTED_TYPES
from .persistence._stored_attributes import StoredAttribute

# No net of skorch's is among them: it reads a pickle when it is loaded, whoever wrote that.
#: Names of the types that ``skops.io.load`` has to trust to load a fitted estimator that skops
#: itself has dumped. Estimators whose `net` is a net of skorch's are for :func:`sknoisy.save`.
SKOPS_TRUSTED = sorted(
    {
        *TRUSTED_TYPES,
        *(
            f"{kind.__module__}.{kind.__qualname__}"
            for kind in (*object_classes().values(), *METHODS.values(), StoredAttribute)
            if kind.__module__.startswith("sknoisy.")
        ),
        "sklearn.utils._bunch.Bunch",
        "sknoisy._classifier.RobustClassifier",
        "sknoisy._detector.NoisyLabelDetector",
    }
)
