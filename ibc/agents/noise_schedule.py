"""Schedules of exploration noise, written as published: `linear(1.0,0.1,500000)`."""

import re
from collections.abc import Callable

import numpy as np

_FORMS = {"linear": 3, "step_linear": 5}
_EXAMPLES = "0.2, linear(1.0,0.1,500000) or step_linear(1.0,0.3,1000,0.1,5000)"


def parse(text: str | float) -> Callable[[int], float]:
    """Returns the standard deviation as a function of the agent's step.

    Args:
      text: A number; `linear(a,b,d)`, from a to b over d steps; or `step_linear(a,b1,d1,b2,d2)`,
        from a to b1 over d1 steps and on to b2 over d2.

    Raises:
      ValueError: It is none of these, or a deviation or duration is not positive.
    """
    try:
        points = _points(text)
    except (TypeError, ValueError):
        raise ValueError(f"{text!r} is no schedule of noise: give {_EXAMPLES}.") from None
    steps, values = np.transpose(points)
    return lambda step: float(np.interp(step, steps, values))


def _points(text: str | float) -> list[tuple[float, float]]:
    """Returns steps and values between which a schedule is linear."""
    called = re.fullmatch(r"\s*(\w+)\((.*)\)\s*", str(text))
    if called is None:
        points = [(0.0, float(text))]
    else:
        numbers = [float(number) for number in called[2].split(",")]
        if len(numbers) != _FORMS.get(called[1]):
            raise ValueError
        points = [(0.0, numbers[0])]
        for value, duration in zip(numbers[1::2], numbers[2::2], strict=True):
            if not duration > 0:
                raise ValueError
            points.append((points[-1][0] + duration, value))
    if not np.isfinite(points).all() or min(value for _, value in points) <= 0:
        raise ValueError
    return points
