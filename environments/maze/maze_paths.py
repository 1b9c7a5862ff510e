"""How far a path in the maze is from those of demonstrations."""

import functools
import os
import zipfile

import numpy as np

from ibc.environments.maze import demonstrator
from ibc.utils import time_warping

SPACING = 9.0
"""Distance of the points that paths are compared by, pixels: what a person moves in a frame."""

_NUMBER = 20


@functools.lru_cache(maxsize=8)
def references(path: str | os.PathLike | None = None) -> tuple[np.ndarray, ...]:
    """Returns twenty demonstrations, resampled.

    Args:
      path: Name of an npz file with `state` [T, 2] (pixels) and `episode_ends` (each one past an
        episode's last row); twenty of its episodes, evenly spread, are taken. None means episodes
        of the scripted demonstrator.

    Returns:
      Points [N, 2] of each, `SPACING` pixels apart.

    Raises:
      ValueError: The file is not such a file; the message says what is wrong.
    """
    episodes = demonstrator.paths(_NUMBER, seed=0) if path is None else _read(path)
    chosen = np.linspace(0, len(episodes) - 1, min(_NUMBER, len(episodes))).astype(int)
    return tuple(time_warping.resample(episodes[number], SPACING) for number in chosen)


def dtw_to(
    demonstrations: tuple[np.ndarray, ...], path: np.ndarray, goal: np.ndarray | None = None
) -> float:
    """Returns the mean dynamic time warping distance of a path from demonstrations.

    Args:
      demonstrations: See `references`.
      path: Positions [T, 2], pixels; rests and pace don't matter, as it is resampled.
      goal: If given [2], demonstrations are compared up to where they are nearest to it.
    """
    if goal is not None:
        nearest = [np.linalg.norm(each - goal, axis=1).argmin() for each in demonstrations]
        demonstrations = tuple(
            each[: end + 1] for each, end in zip(demonstrations, nearest, strict=True)
        )
    resampled = time_warping.resample(path, SPACING)
    return float(time_warping.distances(resampled, list(demonstrations)).mean())


def _read(path: str | os.PathLike) -> list[np.ndarray]:
    expected = "an npz file with 'state' [T, 2] and 'episode_ends' (MazeEnv.demonstrations)"
    try:
        with np.load(path, allow_pickle=False) as file:
            state, ends = np.asarray(file["state"], np.float64), file["episode_ends"].astype(int)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected {expected}, but {error}.") from error
    if state.ndim != 2 or state.shape[1] != 2 or not np.isfinite(state).all():
        raise ValueError(f"{path}: expected {expected}, got 'state' {list(state.shape)}.")
    whole = ends.ndim == 1 and ends.size and ends[0] > 0 and (np.diff(ends) > 0).all()
    if not whole or ends[-1] != len(state):
        raise ValueError(
            f"{path}: 'episode_ends' must rise from above 0 to the {len(state)} rows of 'state'."
        )
    return np.split(state, ends[:-1])
