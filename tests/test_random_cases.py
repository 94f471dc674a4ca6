"""Random cases end in an error that explains itself, or in a valid result."""

import pytest
from random_cases import findings_of, summary

N_CASES = 300
N_GROUPS = 50


@pytest.mark.slow
@pytest.mark.parametrize("group", range(N_GROUPS))
def test_random_cases_end_in_a_valid_result_or_in_an_error_that_explains_itself(group):
    found = {number: findings_of(number) for number in range(group, N_CASES, N_GROUPS)}
    assert not any(found.values()), "\n".join(
        [*summary(found), "python tests/random_cases.py --show N prints one of them."]
    )
