import numpy as np
import pytest

from ibc.train.loop import intervals, triggers


def fired_at(pauses: list[int], interval: int, start: int = 0) -> list[int]:
    """Returns the pauses at which a trigger fires."""
    fired = []
    trigger = triggers.MultiplesTrigger(interval, lambda: fired.append(pause), start)
    for pause in pauses:
        trigger(pause)
    return fired


def test_it_fires_at_the_first_pause_at_or_beyond_each_multiple():
    assert fired_at(list(range(100, 1001, 100)), 250) == [300, 500, 800, 1000]
    assert fired_at([7, 14, 20], 10) == [14, 20]
    assert fired_at([5, 35], 10) == [35]
    assert fired_at([5, 35], 0) == []


@pytest.mark.parametrize("fused, interval", [(100, 250), (100, 100), (7, 50), (100, 30)])
def test_a_run_that_was_stopped_anywhere_fires_where_one_that_was_not_does(fused, interval):
    pauses = list(range(fused, 3000, fused))
    whole = fired_at(pauses, interval)
    for stopped in np.random.default_rng(0).integers(1, 2900, 50):
        start = intervals.last_stop(int(stopped), [fused])
        before = fired_at([p for p in pauses if p <= start], interval)
        after = fired_at([p for p in pauses if p > start], interval, start)
        assert before + after == whole


def test_forcing_fires_once():
    fired = []
    trigger = triggers.MultiplesTrigger(10, lambda: fired.append(1))
    trigger(10)
    trigger(10, force_trigger=True)
    assert len(fired) == 1
    trigger(13, force_trigger=True)
    assert len(fired) == 2
