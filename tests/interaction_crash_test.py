"""Learning by interaction is killed, also while it saves, and ends as if it had not been."""

import pytest

from tests import interaction_crash_testing

pytestmark = pytest.mark.slow


def test_a_killed_run_ends_with_the_same_numbers(tmp_path, report):
    expert = interaction_crash_testing.record(tmp_path)
    report(*interaction_crash_testing.compare(tmp_path, "PWIL", expert, kills=2))
