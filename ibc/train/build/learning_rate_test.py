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


@pytest.mark.parametrize("case", [0, 1])
def test_cosine_after_a_warm_up_is_the_recorded_one(golden, case):
    recorded = np.load(golden("sequences/schedules.npz"))
    warmup, total = map(int, recorded[f"cosine{case}_args"])
    schedule = learning_rate.get_schedule("cosine_warmup", 1e-4, 100, total, warmup)
    every = 10 if total >= 1000 else 1
    steps = every * np.arange(len(recorded[f"cosine{case}_lr"]))
    expected = np.where(steps <= total, recorded[f"cosine{case}_lr"], 0.0)
    np.testing.assert_allclose([schedule(int(s)) for s in steps], expected, rtol=1e-4, atol=1e-11)
    # Where the published one rises again.
    assert np.all(steps[expected == 0] >= total) or warmup
    assert float(schedule(3 * total)) == 0


@pytest.mark.parametrize(("warmup", "total"), [(0, 10), (10, 10), (20, 10)])
def test_a_warm_up_may_be_nothing_or_everything(warmup, total):
    schedule = learning_rate.get_schedule("cosine_warmup", 1.0, 100, total, warmup)
    rates = np.array([float(schedule(step)) for step in range(40)])
    rise = np.arange(40) / max(warmup, 1)
    np.testing.assert_allclose(rates[:warmup], rise[:warmup], rtol=1e-6)
    assert np.all(np.diff(rates[warmup:]) <= 0) and rates[-1] == 0
