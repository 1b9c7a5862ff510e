"""Hands the steps of recorded episodes, as arrays by name, to writers of other formats."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert
from ibc.data.records import specs

ACTION, REWARD, DONE, OBSERVATION = "action", "reward", "done", "observation"
"""Names of arrays; observations are `observation.<key>`."""


def write(
    source: convert.EpisodeSource,
    path: str | os.PathLike,
    top_fraction: float,
    on_frames: Callable[[int], None],
    append: Callable[[dict[str, np.ndarray]], None],
    on_kept: Callable[[list[int]], None] = lambda numbers: None,
) -> convert.Conversion:
    """Reads the episodes of a source, or those with the highest returns, one by one.

    Args:
      source: Where episodes are read from.
      path: What is being made.
      top_fraction: Share of episodes to keep, by return, in (0, 1]; the number is rounded up.
      on_frames: Called with a number of frames when so many have been read.
      append: Called with the arrays [n, ...] of each episode's n steps, by name.
      on_kept: Called with the numbers of the episodes, before the first is read.

    Raises:
      ValueError: Actions are not one vector, a value is not finite, or there are no episodes.
    """
    chosen = convert.top_episodes(source.returns, top_fraction)
    kept = [int(number) for number in chosen if source.lengths[number] > 1]
    if not kept:
        raise ValueError(f"{source.path} has no episodes of more than one step.")
    actions = specs.leaves(source.spec().action)
    if list(actions) != [""]:
        raise ValueError(f"{source.path} has actions {', '.join(actions)}, expected one vector.")
    on_kept(kept)
    count = 0
    for number in kept:
        frames = source.frames(number)
        convert.check_finite(source, number, frames)
        append(_steps(frames))
        count += len(frames.step_type)
        on_frames(len(frames.step_type))
    return convert.Conversion.of(source, path, chosen, kept, count)


def _steps(frames: trajectory.Trajectory) -> dict[str, np.ndarray]:
    length = episodes.num_steps(frames)
    done = np.zeros(length, bool)
    done[-1] = not frames.discount[length - 1]
    seen = {
        f"{OBSERVATION}.{key}".rstrip("."): values[:length]
        for key, values in _flat(frames.observation).items()
    }
    return {**seen, ACTION: frames.action[:length], REWARD: frames.reward[:length], DONE: done}


def _flat(nest: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Returns the arrays of nested dicts by their keys, joined by dots; '' for a single one."""
    if not isinstance(nest, Mapping):
        return {prefix: nest}
    parts = [_flat(part, f"{prefix}.{key}".lstrip(".")) for key, part in nest.items()]
    return {key: values for part in parts for key, values in part.items()}
