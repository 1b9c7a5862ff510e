import itertools

import numpy as np
import pytest

from ibc.train.loop import schedule


@pytest.mark.parametrize(
    "fused, evaluation, total", [(100, 250, 1000), (100, 1000, 1000), (7, 5, 36), (100, 0, 250)]
)
def test_every_multiple_of_the_evaluation_interval_is_a_stop(fused, evaluation, total):
    stops = [0]
    while stops[-1] < total:
        stops.append(schedule.next_stop(stops[-1], total, [fused, evaluation]))
    assert stops == sorted(set(stops)) and stops[-1] == total
    assert max(b - a for a, b in itertools.pairwise(stops)) <= fused
    due = [s for s in stops[1:] if schedule.is_due(s, evaluation)]
    assert due == (list(range(evaluation, total + 1, evaluation)) if evaluation else [])


def test_the_last_stop_is_the_latest_multiple_so_far():
    assert schedule.last_stop(137, [100, 30, 0]) == 120
    assert schedule.last_stop(200, [100, 30]) == 200
    assert schedule.last_stop(29, [100, 30]) == 0
    assert schedule.last_stop(-1, [100]) == 0


def fired_at(pauses: list[int], interval: int, start: int = 0) -> list[int]:
    """Returns the pauses at which a trigger fires."""
    fired = []
    trigger = schedule.MultiplesTrigger(interval, lambda: fired.append(pause), start)
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
        start = schedule.last_stop(int(stopped), [fused])
        before = fired_at([p for p in pauses if p <= start], interval)
        after = fired_at([p for p in pauses if p > start], interval, start)
        assert before + after == whole


def test_forcing_fires_once():
    fired = []
    trigger = schedule.MultiplesTrigger(10, lambda: fired.append(1))
    trigger(10)
    trigger(10, force_trigger=True)
    assert len(fired) == 1
    trigger(13, force_trigger=True)
    assert len(fired) == 2


def steps_of_calls(total: int, most: int, seconds_of_call) -> list[int]:
    """Plays a training of `total` steps; returns the steps of each call."""
    pace, made = schedule.Pace(seconds=2.0), []
    while sum(made) < total:
        steps = pace.steps(min(most, total - sum(made)))
        pace.measured(steps, seconds_of_call(len(made), steps))
        made.append(steps)
    return made


def test_fast_training_makes_full_calls_after_two_short_ones():
    made = steps_of_calls(302, 100, lambda call, steps: 30.0 if call == 0 else 0.001 * steps)
    assert made == [1, 1, 100, 100, 100]


def test_slow_training_makes_calls_of_two_seconds():
    made = steps_of_calls(30, 100, lambda call, steps: 60.0 if call == 0 else 0.3 * steps)
    assert made[:2] == [1, 1] and set(made[2:-1]) == {6}


def test_a_step_longer_than_a_call_is_still_made():
    assert steps_of_calls(5, 100, lambda call, steps: 7.0 * steps) == [1] * 5


def test_a_machine_that_slows_down_gets_shorter_calls():
    made = steps_of_calls(300, 100, lambda call, steps: (0.01 if call < 4 else 0.1) * steps)
    assert made[:5] == [1, 1, 100, 100, 98] and made[0] + sum(made[1:]) == 300
    made = steps_of_calls(400, 100, lambda call, steps: (0.01 if call < 3 else 0.1) * steps)
    assert made[2:6] == [100, 100, 20, 20]
