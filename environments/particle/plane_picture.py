"""Small pictures of a plane with discs in it, thousands a second: what videos of particles show."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

AGENT = (34, 34, 34)
"""Colour of the particle."""
FIRST_GOAL = (26, 152, 80)
"""Colour of the goal, or of the first one."""
SECOND_GOAL = (43, 108, 212)
"""Colour of the second goal."""
AGENT_RADIUS = 0.06
GOAL_RADIUS = 0.09

_LOW, _SPAN = -0.1, 1.2  # The particle overshoots the unit square it is steered in.
_WINDOW = (245, 245, 245)


class Disc(NamedTuple):
    """A disc in the plane."""

    centre: np.ndarray
    """x, y; 0 to 1 are inside the picture, and a margin of 0.1."""
    radius: float
    """In the same unit."""
    color: tuple[int, int, int]
    """sRGB."""


def draw(discs: Sequence[Disc], height: int, width: int) -> np.ndarray:
    """Returns a picture of discs, the last in front, uint8 [height, width, 3]; y points up.

    Edges are one pixel wide, so that a disc that moves by less than that changes the picture.
    """
    scale = min(height, width) / _SPAN
    columns = (np.arange(width, dtype=np.float32) + 0.5) / scale + _LOW
    rows = ((np.arange(height, dtype=np.float32) + 0.5) / scale + _LOW)[::-1, np.newaxis]
    drawn = np.full((height, width, 3), _WINDOW, np.float32)
    for centre, radius, color in discs:
        x, y = np.asarray(centre, np.float32)
        away = np.sqrt(np.square(columns - x) + np.square(rows - y))
        share = np.clip((radius - away) * scale + 0.5, 0, 1)[..., np.newaxis]
        drawn += share * (np.asarray(color, np.float32) - drawn)
    return np.rint(drawn).astype(np.uint8)
