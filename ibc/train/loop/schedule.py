"""When things happen: at which steps training pauses, what is due there, how long a call lasts."""

from collections.abc import Sequence
from typing import NamedTuple

from tf_agents.train import interval_trigger


class Pauses(NamedTuple):
    """Steps between what is done besides training; 0 is never."""

    looks: int
    """At what is due: checkpoints, exported weights, log lines, signals."""
    evaluation: int
    """Evaluations in environments."""
    validation: int
    """Losses on validation data."""
    action_error: int = 0
    """Errors of inferred actions on training data."""


def next_stop(step: int, last_step: int, intervals: Sequence[int]) -> int:
    """Returns the first step after `step` that is a multiple of an interval, or the last step.

    Args:
      step: present step.
      last_step: where training ends.
      intervals: positive numbers of steps; zero or negative ones are off.
    """
    stops = [(step // interval + 1) * interval for interval in intervals if interval > 0]
    return min([last_step, *stops])


def last_stop(step: int, intervals: Sequence[int]) -> int:
    """Returns the last step up to `step` that is a multiple of an interval, or 0.

    Args:
      step: present step.
      intervals: positive numbers of steps; zero or negative ones are off.
    """
    return max([0, *(step // interval * interval for interval in intervals if interval > 0)])


def is_due(step: int, interval: int) -> bool:
    """Whether something that happens every `interval` steps happens at `step`; 0 is never."""
    return interval > 0 and step % interval == 0


class MultiplesTrigger(interval_trigger.IntervalTrigger):
    """Fires at the first pause at or beyond each multiple of the interval.

    TF-Agents counts from the last time it fired; a run that was stopped at any step and goes on
    would then fire at other steps than one that never stopped.
    """

    def __call__(self, value: int, force_trigger: bool = False) -> None:
        """Fires if it is due at the step `value`; with `force_trigger` unless it fired there."""
        if self._interval <= 0:
            return
        passed = value // self._interval > self._last_trigger_value // self._interval
        if passed or (force_trigger and value != self._last_trigger_value):
            self._last_trigger_value = value
            self._fn()


CALL_SECONDS = 2.0
"""What a call lasts at most, so that SIGTERM is answered in time."""


class Pace:
    """Chooses the number of steps of the next call from the speed of the last one."""

    def __init__(self, seconds: float = CALL_SECONDS):
        """Creates a pace.

        Args:
          seconds: how long a call may last, one step at least.
        """
        self._seconds = seconds
        self._seconds_per_step: float | None = None
        self._compiled = False

    def steps(self, most: int) -> int:
        """Returns how many steps to make in the next call, from 1 to `most`."""
        if self._seconds_per_step is None:
            return 1
        if self._seconds_per_step * most <= self._seconds:
            return most
        return max(1, int(self._seconds / self._seconds_per_step))

    def measured(self, steps: int, seconds: float) -> None:
        """Takes note of a call's length; the first one compiled and says nothing of the speed."""
        if self._compiled:
            self._seconds_per_step = seconds / steps
        self._compiled = True
