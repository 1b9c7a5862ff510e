"""Tests of real-time pacing, on a clock that only moves when told to."""

import pytest

from ibc.environments.block_pushing.simulation import pacing

_STEPS, _TIME_STEP = 24, 1 / 240


class _Clock:
    """Stands in for the module `time`."""

    def __init__(self):
        self.now = 100.0
        self.sleeps = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def _environment_step(pacer, clock, work=0.0):
    start = clock.now
    for _ in pacer.ticks(_STEPS):
        clock.now += work / _STEPS
    return clock.now - start


def test_a_step_takes_as_long_as_in_the_simulation(clock):
    pacer = pacing.Pacer(_TIME_STEP)
    for work in (0.0, 0.03, 0.09):
        assert _environment_step(pacer, clock, work) == pytest.approx(0.1)


def test_time_of_the_caller_counts(clock):
    pacer = pacing.Pacer(_TIME_STEP)
    _environment_step(pacer, clock)
    start = clock.now
    for thinking in (0.04, 0.09, 0.0):
        clock.now += thinking
        _environment_step(pacer, clock, work=0.01)
    assert clock.now - start == pytest.approx(0.3)


def test_pauses_are_spread_evenly(clock):
    pacer = pacing.Pacer(_TIME_STEP)
    _environment_step(pacer, clock)
    clock.sleeps.clear()
    clock.now += 0.04
    _environment_step(pacer, clock)
    assert clock.sleeps == pytest.approx([0.06 / _STEPS] * _STEPS)


def test_what_is_too_slow_is_not_slowed_down(clock):
    pacer = pacing.Pacer(_TIME_STEP)
    assert _environment_step(pacer, clock, work=0.5) == pytest.approx(0.5)
    clock.now += 0.2
    assert _environment_step(pacer, clock) == 0.0


def test_a_restart_forgets_the_time_between_episodes(clock):
    pacer = pacing.Pacer(_TIME_STEP)
    _environment_step(pacer, clock)
    clock.now += 5.0
    pacer.restart()
    assert _environment_step(pacer, clock) == pytest.approx(0.1)
