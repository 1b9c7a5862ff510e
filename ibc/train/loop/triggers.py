"""What happens every so many steps, whatever the steps at which training pauses."""

from tf_agents.train import interval_trigger


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
