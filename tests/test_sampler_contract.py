"""The detector against imbalanced-learn's own checks of samplers."""

import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils import get_tags

from sknoisy import NoisyLabelDetector
from sknoisy.nets import TabularNet

# The net alone: what trees see is tables like those of scikit-learn's checks.
DETECTOR = NoisyLabelDetector(net=TabularNet(), max_epochs=4, lr=0.01, device="cpu", random_state=0)
EXPECTED_FAILED_CHECKS = {
    "check_samplers_fit": (
        "It asks for sampling_strategy_, the number of rows to make or drop in each class. The "
        "detector drops the rows whose labels are wrong, whatever their class."
    ),
}
WANTED = {
    "check_samplers_sparse",
    "check_samplers_pandas_sparse",
    "check_samplers_string",
    "check_samplers_nan",
    "check_samplers_multiclass_ova",
    "check_samplers_sample_indices",
}


def checks():
    return list(
        estimator_checks_generator(
            DETECTOR, expected_failed_checks=EXPECTED_FAILED_CHECKS, mark="xfail"
        )
    )


def name_of(value):
    return value.func.__name__ if hasattr(value, "func") else "detector"


@pytest.mark.slow
@pytest.mark.parametrize(("detector", "check"), checks(), ids=name_of)
def test_the_detector_keeps_the_contract_of_samplers(detector, check):
    check(detector)


def test_the_tags_ask_for_the_checks_of_any_table():
    asked = {check.func.__name__ for _, check in estimator_checks_generator(DETECTOR)}
    assert WANTED | set(EXPECTED_FAILED_CHECKS) <= asked
    assert get_tags(DETECTOR).sampler_tags.sample_indices
