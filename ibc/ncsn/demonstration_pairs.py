"""The pairs that an energy learns from, and those that are held out to measure it."""

import zipfile
from typing import NamedTuple

import numpy as np

from ibc.ncsn import options

_HELD_OUT = 0.2
_FEWEST = 10


class Pairs(NamedTuple):
    """Raw pairs [s, s'], float32 [N, 2·O] each."""

    train: np.ndarray
    test: np.ndarray


def read(path: str, data: options.Data) -> Pairs:
    """Reads demonstrations and makes pairs of neighbouring states.

    Args:
      path: An npz file with `state` and `episode_ends`.
      data: How pairs are made.

    Raises:
      FileNotFoundError: There are no demonstrations.
      ValueError: They are unusable; the message says where and how.
    """
    states, ends = _states(path)
    if data.pairing == "published":
        each = [_published(states, ends)]
    else:
        each = _inside_episodes(np.split(states, ends[:-1]), data)
    if sum(map(len, each)) < _FEWEST:
        raise ValueError(
            f"{path}: only {sum(map(len, each))} pairs can be made of its {len(ends)} episodes of "
            f"{len(states)} states, but {_FEWEST} are needed: look for frames that repeat, or give "
            "more demonstrations."
        )
    if data.split == "rows" or len(each) == 1:
        rows = np.concatenate(each)
        count = round(len(rows) * (1 - _HELD_OUT))
        return Pairs(rows[:count], rows[count:])
    count = min(max(1, round(len(each) * (1 - _HELD_OUT))), len(each) - 1)
    return Pairs(np.concatenate(each[:count]), np.concatenate(each[count:]))


def _states(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns states [T, O], and where episodes end."""
    try:
        with np.load(path) as arrays:
            states, ends = np.asarray(arrays["state"], np.float32), arrays["episode_ends"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} has no demonstrations ({error}): give an npz file with state [T, O] and "
            "episode_ends, the step after the last one of each episode."
        ) from error
    if states.ndim != 2 or not np.isfinite(states).all():
        raise ValueError(f"{path}: state must be [T, O] of finite numbers, but is {states.shape}.")
    rising = ends.ndim == 1 and len(ends) and np.all(np.diff(ends, prepend=0) > 0)
    if not rising or ends[-1] != len(states):
        raise ValueError(f"{path}: episode_ends must rise to the number of states, {len(states)}.")
    return states, ends


def _inside_episodes(episodes: list[np.ndarray], data: options.Data) -> list[np.ndarray]:
    if data.drop_repeated:
        episodes = [_without_repeats(episode) for episode in episodes]
    stride = data.pair_stride
    return [np.concatenate([e[:-stride], e[stride:]], 1) for e in episodes if len(e) > stride]


def _published(states: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns the published pairs, in which jumps between episodes stay and good pairs are lost."""
    rows = np.concatenate([states[:-1], states[1:]], 1)
    return np.delete(rows, ends[ends < len(rows)], axis=0)


def _without_repeats(episode: np.ndarray) -> np.ndarray:
    moves = np.any(np.diff(episode, axis=0) != 0, axis=1)
    return episode[np.concatenate([[True], moves])]
