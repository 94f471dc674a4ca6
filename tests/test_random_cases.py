"""Random cases end in an error that explains itself, or in a valid result."""

import pytest
from random_cases import cases_by_judge, check_cases


@pytest.mark.slow
@pytest.mark.parametrize(("judge", "n_cases"), cases_by_judge(300).items())
def test_random_cases_end_in_a_valid_result_or_in_an_error_that_explains_itself(judge, n_cases):
    assert check_cases(judge, n_cases) == n_cases
