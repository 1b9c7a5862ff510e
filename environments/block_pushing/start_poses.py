"""Where blocks and targets start: draws from a `RandomState`.

The order of the draws is part of what a seed means, so it is the published one throughout.
"""

import math
from collections.abc import Callable

import numpy as np

from ibc.environments.block_pushing.simulation import bullet

_CENTER_X = 0.4
_BLOCK_CENTER_Y = -0.2
_TARGET_CENTER_Y = 0.2
_SHIFT_X = 0.1
_SHIFT_Y = 0.15
_BLOCK_Z = 0.0
_TARGET_Z = 0.02
_ATTEMPTS = 1000

Translation = tuple[float, float, float]


def draw_block(rng: np.random.RandomState) -> bullet.Pose:
    """Draws the pose of a block."""
    return bullet.from_yaw(_block_translation(rng), _block_yaw(rng))


def draw_target(rng: np.random.RandomState) -> bullet.Pose:
    """Draws the pose of a target."""
    return bullet.from_yaw(_target_translation(rng), _target_yaw(rng))


def draw_separated_blocks(rng: np.random.RandomState, distance: float) -> list[bullet.Pose]:
    """Draws the poses of two blocks more than `distance` (m) apart in x."""
    return _draw_pair(rng, _block_translation, _block_translation, _block_yaw, distance)


def draw_separated_targets(rng: np.random.RandomState, distance: float) -> list[bullet.Pose]:
    """Draws the poses of two targets more than `distance` (m) apart in x."""
    return _draw_pair(rng, _target_translation, _target_translation, _target_yaw, distance)


def draw_targets_in_rows(
    rng: np.random.RandomState, rows: tuple[float, float], distance: float
) -> list[bullet.Pose]:
    """Draws the poses of two targets at fixed y, more than `distance` (m) apart in x."""

    def in_row(y: float) -> Callable[[np.random.RandomState], Translation]:
        return lambda rng: (_x(rng), y, _TARGET_Z)

    return _draw_pair(rng, in_row(rows[0]), in_row(rows[1]), _target_yaw, distance)


def _draw_pair(
    rng: np.random.RandomState,
    draw_first: Callable[[np.random.RandomState], Translation],
    draw_second: Callable[[np.random.RandomState], Translation],
    draw_yaw: Callable[[np.random.RandomState], float],
    distance: float,
) -> list[bullet.Pose]:
    """Draws the first, then redraws the second until far enough, then starts again if need be."""
    for _ in range(_ATTEMPTS):
        first = bullet.from_yaw(draw_first(rng), draw_yaw(rng))
        for _ in range(_ATTEMPTS):
            translation = draw_second(rng)
            if abs(translation[0] - first.translation[0]) > distance:
                break
        second = bullet.from_yaw(translation, draw_yaw(rng))
        if abs(second.translation[0] - first.translation[0]) > distance:
            return [first, second]
    raise RuntimeError(f"found no two places more than {distance} m apart in {_ATTEMPTS} attempts.")


def _x(rng: np.random.RandomState) -> float:
    return _CENTER_X + rng.uniform(low=-_SHIFT_X, high=_SHIFT_X)


def _block_translation(rng: np.random.RandomState) -> Translation:
    x = _x(rng)
    return x, _BLOCK_CENTER_Y + rng.uniform(low=-_SHIFT_Y, high=_SHIFT_Y), _BLOCK_Z


def _target_translation(rng: np.random.RandomState) -> Translation:
    x = _x(rng)
    return x, _TARGET_CENTER_Y + rng.uniform(low=-_SHIFT_Y, high=_SHIFT_Y), _TARGET_Z


def _block_yaw(rng: np.random.RandomState) -> float:
    # The one argument is NumPy's `low`, so yaws lie between 1 (`high`) and π, not 0 and π.
    # The published system draws them so, and its episodes and data depend on it.
    return rng.uniform(math.pi)


def _target_yaw(rng: np.random.RandomState) -> float:
    return math.pi + rng.uniform(low=-math.pi / 6, high=math.pi / 6)
