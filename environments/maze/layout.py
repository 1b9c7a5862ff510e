"""The maze: a table of 512 × 512 pixels with a border, four boxes and a goal; y points down.

Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR), 2025. Boxes and border leave
a corridor of two legs from the start to the goal, and beside it an open way.
"""

import numpy as np

SIDE = 512.0
"""Side of the table, pixels."""
AGENT_RADIUS = 15.0
"""Of the disc that moves, pixels."""
START_RANGE = (60, 80)
"""x and y of a start are whole numbers from the first on, below the second."""
GOAL = np.array([0.85 * SIDE, 0.85 * SIDE])
"""Centre of the goal, pixels."""
GOAL_RADIUS = 0.05 * float(np.linalg.norm(GOAL))
"""The disc's centre is at a goal within this distance, pixels."""
LEGS = (((38.0, 250.0), (102.0, 400.0)), ((150.0, 398.0), (352.0, 462.0)))
"""Smallest and largest x, y of what tells that a leg of the corridor was gone through, pixels."""

_LOW, _HIGH, _LINE_RADIUS = 5.0, 506.0, 2.0
# Smallest x, y and largest x, y. The order is the one in which contacts are solved.
_LINES = (
    (_LOW, _LOW, _LOW, _HIGH),
    (_LOW, _LOW, _HIGH, _LOW),
    (_HIGH, _LOW, _HIGH, _HIGH),
    (_LOW, _HIGH, _HIGH, _HIGH),
)
BOXES = np.array(
    [
        (100.0, 380.0, 350.0, 400.0),
        (20.0, 460.0, 350.0, 480.0),
        (100.0, 140.0, 120.0, 380.0),
        (20.0, 140.0, 40.0, 460.0),
    ]
)
"""The boxes: smallest x, y, largest x, y [4, 4], pixels."""

_SHAPES = np.concatenate([_LINES, BOXES])
SHAPE_LOW = _SHAPES[:, :2]
"""Smallest x, y of each wall's core [8, 2]: the lines of the border, then the boxes."""
SHAPE_HIGH = _SHAPES[:, 2:]
"""Largest x, y of each wall's core [8, 2]."""
CLEARANCE = AGENT_RADIUS + np.array([_LINE_RADIUS] * len(_LINES) + [0.0] * len(BOXES))
"""The disc touches a wall where its centre is this far from the core [8], pixels."""

BORDER_WIDTH = 2 * _LINE_RADIUS
"""Of the border's lines, pixels."""
BORDER = (_LOW, _HIGH)
"""Where the border's lines are, in x and in y, pixels."""


def leg_visits(positions: np.ndarray) -> np.ndarray:
    """Tells which legs of the corridor positions [..., 2] are in: bool [..., 2]."""
    low, high = np.moveaxis(np.array(LEGS), 1, 0)
    points = np.asarray(positions)[..., np.newaxis, :]
    return np.all((points >= low) & (points <= high), axis=-1)
