"""Random cases end in an error that explains itself, or in a valid result."""

import pytest
from random_cases import check_cases

from sknoisy.methods import METHODS

N_CASES = 300


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_random_cases_end_in_a_valid_result_or_in_an_error_that_explains_itself(method):
    check_cases(method, -(-N_CASES // len(METHODS)))
