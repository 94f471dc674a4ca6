"""Both estimators against scikit-learn's own checks of the estimator contract."""

from functools import partial

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    estimator_checks_generator,
)
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS
from sknoisy.nets import TabularNet

SHORT = {"max_epochs": 6, "lr": 0.01, "batch_size": 32, "device": "cpu"}
SLOW = (pytest.mark.slow,)

ESTIMATORS = {
    "detector": NoisyLabelDetector("wrong_event", **SHORT),
    "classifier": RobustClassifier("wrong_event", **SHORT),
    # Trees beside the net are in the two above.
    "filter": RobustClassifier("wrong_event", final="filter", net=TabularNet(), **SHORT),
    "final_estimator": RobustClassifier(
        "wrong_event", final_estimator=LogisticRegression(), net=TabularNet(), **SHORT
    ),
}

# The checks whose outcome a method can change: they fit on rows of some kind, and look at what
# was learnt. All others end before the training, look at the estimator alone, or give the method
# the same float32 rows whatever they are. Copies and inputs of each method are looked at in
# test_every_method.py.
CHECKS_OF_METHODS = {
    "check_classifiers_train",
    "check_fit2d_1feature",
    "check_fit_idempotent",
    "check_methods_subset_invariance",
}

# The kind of arrays on which a method is checked, of several that it can't tell apart.
ARRAYS_OF_METHODS = {"readonly_memmap": True}

# Fewer of the rounds that it repeats, each alike.
SETTINGS_OF_METHODS = {"simifeat": {"n_rounds": 5}}

# Several fits each, some on a dozen sparse formats.
CHECKS_OF_MANY_FITS = {
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_train",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_dtypes",
    "check_fit_score_takes_y",
    "check_methods_subset_invariance",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}

EXPECTED_FAILURES = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "A net is trained on random batches of float32 numbers, and batch normalisation counts rows, "
    "not weights: a row of weight 2 equals the row given twice in expectation only. A row that is "
    "held out counts once, so that a final estimator may be given another verdict.",
)


def name_of(check):
    return check.func.__name__ if isinstance(check, partial) else check.__name__


def described(check):
    """Return the check's name with its settings."""
    settings = check.keywords if isinstance(check, partial) else {}
    return "-".join([name_of(check), *(f"{key}={value}" for key, value in settings.items())])


def cases(key, estimator, wanted=None, marks=()):
    """Return one parameter per check; those wanted alone, if any are named."""
    for checked, check in estimator_checks_generator(estimator):
        name = name_of(check)
        if wanted is not None and name == "check_classifiers_train":
            if check.keywords != ARRAYS_OF_METHODS:
                continue
        if wanted is None or name in wanted:
            fails = name in EXPECTED_FAILURES
            reason = [pytest.mark.xfail(reason=EXPECTED_FAILURES[name])] if fails else []
            label = f"{key}-{described(check)}"
            if name in CHECKS_OF_MANY_FITS:
                reason += SLOW
            yield pytest.param(checked, check, marks=[*marks, *reason], id=label)


def every_case():
    """Return all checks for four estimators, and those that methods can change for each."""
    for key, estimator in ESTIMATORS.items():
        yield from cases(key, estimator, marks=() if key == "detector" else SLOW)
    for name, kind in METHODS.items():
        if name != "wrong_event":
            estimator = RobustClassifier(kind(**SETTINGS_OF_METHODS.get(name, {})), **SHORT)
            if kind.needs_trusted:
                estimator.method.set_params(self_trusted=0.2)
            if name == "cal":
                # After six epochs float32 happens to round a probability of its net by 1.4e-7.
                estimator.set_params(max_epochs=5)
            yield from cases(name, estimator, CHECKS_OF_METHODS, SLOW)


@pytest.mark.parametrize(("estimator", "check"), list(every_case()))
def test_estimators_keep_the_scikit_learn_contract(estimator, check):
    check(estimator)


def test_checks_of_methods_are_checks_of_scikit_learn():
    known = {name_of(check) for _, check in estimator_checks_generator(NoisyLabelDetector())}
    assert CHECKS_OF_METHODS | set(EXPECTED_FAILURES) <= known


class DoublePrecisionLogistic(nn.Module):
    """Logistic regression that computes in float64 and looks at each row alone."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes, dtype=torch.float64)

    def forward(self, X):
        return self.linear(X.double())


@pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
@pytest.mark.parametrize(
    "check",
    [check_sample_weight_equivalence_on_dense_data, check_sample_weight_equivalence_on_sparse_data],
    ids=["dense", "sparse"],
)
def test_weights_equal_repeated_rows_where_rounding_and_batches_allow_it(check, estimator_class):
    net = TabularNet(DoublePrecisionLogistic, batch_size=10_000, max_epochs=20, lr=0.1)
    estimator = estimator_class("cross_entropy", net=net, device="cpu")
    check(estimator_class.__name__, estimator)
