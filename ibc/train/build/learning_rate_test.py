import numpy as np
import pytest

from ibc.train.build import learning_rate

STEPS = np.array(
    [0, 1, 10, 50, 100, 250, 500, 1000, 2000, 3999, 4000, 4001, 8000, 16000, 20000], np.float64
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exponential", 0.99 ** (STEPS / 100)),
        ("warmup", 32**-0.5 * np.minimum(np.maximum(STEPS, 1) ** -0.5, STEPS * 4000**-1.5)),
        ("cosine", (1 + np.cos(np.pi * np.minimum(STEPS / 1000, 1))) / 2),
    ],
)
def test_schedules_are_their_formulas(name, expected):
    schedule = learning_rate.get_schedule(name, 2e-3, 100, 1000)
    found = [schedule(int(step)) for step in STEPS]
    np.testing.assert_allclose(found, 2e-3 * expected, rtol=1e-5, atol=1e-9)


def test_unknown_schedule_lists_those_there_are():
    with pytest.raises(ValueError, match="'linear'; choose one of exponential, warmup, cosine"):
        learning_rate.get_schedule("linear", 1e-3, 100, 1000)
