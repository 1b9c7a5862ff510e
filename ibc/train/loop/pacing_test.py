from ibc.train.loop import pacing


def steps_of_calls(total: int, most: int, seconds_of_call) -> list[int]:
    """Plays a training of `total` steps; returns the steps of each call."""
    pace, made = pacing.Pace(seconds=2.0), []
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
