"""The way through the corridor as a script, without anything that has to be learned.

Each leg has a target beyond its end, as a person holds a joystick; noise that fades within a few
steps makes episodes differ.
"""

import numpy as np

from ibc.environments.maze import layout, mazes

_CENTRE_PIXELS = (70.0, 430.0)
"""x of the first leg's middle, y of the second's."""
_TURN_PIXELS = 424.0
# Beyond it in both directions the disc is in the second leg already.
_SECOND_LEG_PIXELS = 100.0, 250.0
_NOISE_PIXELS, _NOISE_KEPT = 40.0, 0.9


class Demonstrator:
    """Steers N discs through the corridor."""

    def __init__(self, number: int, rng: np.random.Generator):
        """Creates a demonstrator for N = `number` discs, whose noise is drawn with `rng`."""
        self._rng = rng
        self._noise = np.zeros((number, 2))

    def actions(self, positions: np.ndarray) -> np.ndarray:
        """Returns actions [N, 2] in [−1, 1] for discs at positions [N, 2]."""
        fresh = self._rng.normal(0, _NOISE_PIXELS, self._noise.shape)
        self._noise = _NOISE_KEPT * self._noise + np.sqrt(1 - _NOISE_KEPT**2) * fresh
        in_second = (positions[:, 1] > _TURN_PIXELS) | np.all(
            positions > _SECOND_LEG_PIXELS, axis=1
        )
        down, right = np.array([[_CENTRE_PIXELS[0], layout.SIDE], [layout.SIDE, _CENTRE_PIXELS[1]]])
        targets = np.where(in_second[:, np.newaxis], right, down) + self._noise
        return np.clip(targets / (layout.SIDE / 2) - 1, -1, 1)


def paths(number: int, seed: int) -> list[np.ndarray]:
    """Makes demonstrations of the published goal.

    Args:
      number: Of demonstrations.
      seed: Of starts and noise.

    Returns:
      Positions, float64 [T, 2] each, pixels.
    """
    rng = np.random.default_rng(seed)
    world = mazes.Mazes(number)
    starts = np.stack([mazes.draw_start(rng) for _ in range(number)])
    world.start(np.arange(number), starts, np.tile(layout.GOAL, (number, 1)))
    demonstrator = Demonstrator(number, rng)
    lengths = np.zeros(number, int)
    for step in range(1, mazes.MAX_STEPS + 1):
        outcome = world.step(demonstrator.actions(world.positions))
        ends = outcome.reached | outcome.stuck | outcome.out_of_time
        lengths[ends & (lengths == 0)] = step
        if lengths.all():
            break
    return [world.state.paths[row, : length + 1] for row, length in enumerate(lengths)]
