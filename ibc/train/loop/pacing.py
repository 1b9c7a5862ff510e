"""How long a call of the compiled training loop lasts: nothing can be done while it does."""

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
