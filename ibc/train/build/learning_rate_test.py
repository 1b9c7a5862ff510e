import numpy as np
import pytest

from ibc.train.build import learning_rate


def test_exponential_is_continuous_in_the_step():
    schedule = learning_rate.get_schedule("exponential", 1e-3, 100, 1000)
    for step in (0, 1, 50, 100, 20000):
        np.testing.assert_allclose(schedule(step), 1e-3 * 0.99 ** (step / 100), rtol=1e-5)


def test_warmup_rises_to_step_4000_then_falls_with_the_root():
    schedule = learning_rate.get_schedule("warmup", 1.0, 100, 1000)
    steps = np.array([0, 1, 10, 2000, 4000, 4001, 16000], np.float64)
    expected = 32**-0.5 * np.minimum(np.maximum(steps, 1) ** -0.5, steps * 4000**-1.5)
    np.testing.assert_allclose([schedule(int(s)) for s in steps], expected, rtol=1e-5)
    assert float(schedule(4000)) > float(schedule(3999)) and float(schedule(8000)) < float(
        schedule(4000)
    )


def test_cosine_ends_at_zero():
    schedule = learning_rate.get_schedule("cosine", 2e-3, 100, 1000)
    steps = np.array([0, 250, 500, 1000])
    expected = 1e-3 * (1 + np.cos(np.pi * steps / 1000))
    np.testing.assert_allclose([schedule(int(s)) for s in steps], expected, rtol=1e-5, atol=1e-9)


def test_unknown_schedule_lists_those_there_are():
    with pytest.raises(ValueError, match="'linear'; choose one of exponential, warmup, cosine"):
        learning_rate.get_schedule("linear", 1e-3, 100, 1000)
