"""What skops has to trust to load the estimators of this package that it has dumped itself."""

from ..methods import METHODS
from ._objects import object_classes
from ._scikit_learn import TRUSTED_TYPES
from ._stored_attributes import StoredAttribute

# Not a net of skorch's: it reads a pickle when it is loaded, whoever wrote that.
#: What `skops.io.load` is to trust in a file with an estimator of this package.
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
