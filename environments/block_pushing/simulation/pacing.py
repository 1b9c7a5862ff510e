"""Real time: simulations that someone is watching must not run faster than the clock."""

import time
from collections.abc import Iterator


class Pacer:
    """Makes each environment step take as long as it lasts in the simulation.

    The time a caller spends between two steps counts, and what is left is spread evenly over
    the simulation steps, so that the motion looks smooth.
    """

    def __init__(self, time_step: float):
        """Creates a pacer for simulation steps of `time_step` seconds."""
        self._time_step = time_step
        self._end_of_last_step = None

    def restart(self) -> None:
        """Forgets the last environment step: what happens until the next one does not count."""
        self._end_of_last_step = None

    def ticks(self, steps: int) -> Iterator[int]:
        """Yields for each of `steps` simulation steps, and sleeps after each one was made."""
        due = time.monotonic()
        since_last_step = 0.0 if self._end_of_last_step is None else due - self._end_of_last_step
        pause = max(self._time_step - since_last_step / steps, 0.0)
        for step in range(steps):
            yield step
            due += pause
            time.sleep(max(due - time.monotonic(), 0.0))
        self._end_of_last_step = time.monotonic()
