"""The maze from above, drawn quickly: what never changes is drawn once."""

import functools
import math
import os
from collections.abc import Sequence

import numpy as np

from ibc.environments.maze import layout, maze
from ibc.utils import atomic_file

SIZE = int(layout.SIDE)
"""Height and width of a picture: a pixel of the table is one of the picture."""

_TABLE, _WALL = (255, 255, 255), (120, 124, 130)
_GOAL, _REACHED = (178, 223, 188), (26, 152, 80)
_PATH, _START, _DISC = (34, 34, 34), (150, 150, 150), (43, 108, 212)
_GRID_COLUMNS, _MOST_SHOWN, _GAP = 4, 12, 8


def picture(episode: maze.MazeEpisode) -> np.ndarray:
    """Returns walls, goal, the path so far and the disc at its end, uint8 [512, 512, 3]."""
    drawn = background().copy()
    _disc(drawn, episode.goal, layout.GOAL_RADIUS, _REACHED if episode.succeeded else _GOAL)
    _disc(drawn, episode.path[0], 5.0, _START)
    _disc(drawn, episode.path[-1], layout.AGENT_RADIUS, _DISC)
    _line(drawn, episode.path)
    return drawn


@functools.cache
def background() -> np.ndarray:
    """Returns border and boxes, uint8 [512, 512, 3]; not to be changed."""
    drawn = np.full((SIZE, SIZE, 3), _TABLE, np.uint8)
    (low, high), half = layout.BORDER, layout.BORDER_WIDTH / 2
    for at in (low, high):
        strip = slice(round(at - half), round(at + half))
        drawn[strip], drawn[:, strip] = _WALL, _WALL
    for left, top, right, bottom in layout.BOXES.astype(int):
        drawn[top:bottom, left:right] = _WALL
    return drawn


def save(episodes: Sequence[maze.MazeEpisode], path: str | os.PathLike) -> None:
    """Writes one PNG of at most twelve episodes, those that missed the goal first.

    Raises:
      ValueError: There are no episodes.
    """
    from PIL import Image  # only who writes pictures waits for it

    if not episodes:
        raise ValueError(f"no episodes to draw in {path}.")
    shown = sorted(episodes, key=lambda episode: episode.succeeded)[:_MOST_SHOWN]
    columns = min(_GRID_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    step = SIZE + _GAP
    sheet = np.full((rows * step - _GAP, columns * step - _GAP, 3), _TABLE, np.uint8)
    for place, episode in enumerate(shown):
        top, left = (step * index for index in divmod(place, columns))
        sheet[top : top + SIZE, left : left + SIZE] = picture(episode)
    with atomic_file.replacing(path) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")


def _disc(drawn: np.ndarray, centre: np.ndarray, radius: float, color: tuple) -> None:
    low = np.clip(np.floor(centre - radius), 0, SIZE).astype(int)
    high = np.clip(np.ceil(centre + radius) + 1, 0, SIZE).astype(int)
    y, x = np.ogrid[low[1] : high[1], low[0] : high[0]]
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    drawn[low[1] : high[1], low[0] : high[0]][inside] = color


def _line(drawn: np.ndarray, path: np.ndarray) -> None:
    """Draws a line two pixels wide through points [T, 2]."""
    steps = np.abs(np.diff(path, axis=0)).max(axis=-1, initial=0.0)
    parts = int(max(1, np.ceil(steps.max(initial=0.0))))
    at = np.arange(len(path) * parts - parts + 1) / parts
    points = np.stack([np.interp(at, np.arange(len(path)), axis) for axis in path.T])
    x, y = np.clip(points.astype(int), 0, SIZE - 2)
    for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
        drawn[y + down, x + right] = _PATH
