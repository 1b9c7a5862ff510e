"""Step-size schedules against recordings."""

import numpy as np
import pytest

from ibc.samplers import schedules


@pytest.mark.parametrize(("steps", "key"), [(25, "stepsizes_used_25"), (100, None)])
def test_polynomial_matches_recording(golden, steps, key):
    recorded = np.load(golden("num/schedules.npz"))
    expected = recorded[key] if key else recorded["poly100_rates_index0to99"]
    np.testing.assert_allclose(schedules.polynomial(0.1, 1e-5, 2.0, steps), expected, rtol=1e-5)


def test_exponential_matches_recording(golden):
    after_the_first_step = np.load(golden("num/schedules.npz"))["exp_rates_first25_calls"]
    rates = schedules.exponential(0.1, 0.8, 26)
    assert rates[0] == np.float32(0.1)
    np.testing.assert_allclose(rates[1:], after_the_first_step, rtol=1e-6)


def test_single_step_uses_the_initial_step_size():
    assert schedules.polynomial(0.1, 1e-5, 2.0, 1) == np.float32([0.1])
    assert schedules.exponential(0.1, 0.8, 1) == np.float32([0.1])
