"""Runs episodes with given seeds in several environments side by side."""

import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step
from tf_agents.utils import nest_utils

from ibc.environments.utils import video
from ibc.eval import environment_group

# (time step with a leading [E], seeds int32 [E, 2]) -> actions with a leading [E].
ActFn = Callable[[time_step.TimeStep, np.ndarray], np.ndarray]


def run_episodes(
    group: environment_group.EnvironmentGroup,
    act: ActFn,
    seeds: Sequence[int],
    picture_folder: str | os.PathLike | None = None,
) -> Iterator[environment_group.Outcome]:
    """Runs one episode per seed; yields outcomes as episodes end.

    An environment whose episode has ended takes the next seed at once. The policy's noise at step
    t of an episode comes from (episode seed, t) alone, so outcomes do not depend on how many
    environments run side by side.

    Args:
      group: E environments.
      act: policy, called once per step with all E environments' time steps.
      seeds: environment seeds.
      picture_folder: where pictures of the episodes go, seed_<seed>.png, if they are wanted.
    """

    def assign(index: int, seed: int) -> None:
        picture = picture_folder and pathlib.Path(picture_folder) / f"seed_{seed}.png"
        assignments[index] = environment_group.Assignment(seed, picture)
        noise_seeds[index] = (seed, 0)

    width = group.num_envs
    waiting = list(reversed(seeds))
    assignments: dict[int, environment_group.Assignment] = {}
    noise_seeds = np.zeros([width, 2], np.int32)
    rows: list[time_step.TimeStep | None] = [None] * width
    running = range(min(width, len(seeds)))
    for index in running:
        assign(index, waiting.pop())
    while running:
        for index, first in group.start(assignments).items():
            rows[index] = first
        assignments.clear()
        actions = act(_stacked(rows), noise_seeds)
        stepped = group.step({index: _row(actions, index) for index in running})
        noise_seeds[:, 1] += 1
        for index, (following, outcome) in stepped.items():
            rows[index] = following
            if outcome is not None:
                yield outcome
                if waiting:
                    assign(index, waiting.pop())
        running = [i for i in running if not rows[i].is_last() or i in assignments]


def record_episode(
    environment: py_environment.PyEnvironment,
    act: ActFn,
    seed: int,
    width: int,
    path: str | os.PathLike,
) -> None:
    """Writes a video (mp4) of one episode.

    Args:
      environment: unbatched environment.
      act: policy.
      seed: environment seed.
      width: batch that `act` is given, so that it need not be compiled for another.
      path: name of the video.
    """
    environment.seed(seed)
    current = environment.reset()
    step = 0
    with video.recording(environment, path) as add_frame:
        while not current.is_last():
            noise_seeds = np.full([width, 2], (seed, step), np.int32)
            actions = act(_stacked([current] * width), noise_seeds)
            current = environment.step(_row(actions, 0))
            add_frame()
            step += 1


def _stacked(rows: Sequence[time_step.TimeStep | None]) -> time_step.TimeStep:
    """Stacks time steps; rows without one take another's, as the batch size never changes."""
    filler = next(row for row in rows if row is not None)
    return nest_utils.stack_nested_arrays([filler if row is None else row for row in rows])


def _row(actions: Any, index: int) -> Any:
    return tf.nest.map_structure(lambda action: action[index], actions)
