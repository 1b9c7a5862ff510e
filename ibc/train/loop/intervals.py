"""When things happen: training stops exactly at the steps where something is due."""

from collections.abc import Sequence


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
