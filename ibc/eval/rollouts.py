"""Runs episodes with given seeds in several environments side by side."""

import collections
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step as ts

from ibc.environments import video
from ibc.eval import environment_group, measured_environment


class ActFn(Protocol):
    """A policy, called once per step of each wave of environments."""

    def __call__(self, time_step: ts.TimeStep, seeds: np.ndarray, wave: int = 0) -> Any:
        """Returns actions [E, ...] for time steps [E, ...].

        Args:
          time_step: time steps of the wave's environments.
          seeds: int32 [E, 2], all that a row's noise may depend on.
          wave: index of the wave; what a policy remembers of a row belongs to this wave.
        """


def run_episodes(
    group: environment_group.EnvironmentGroup,
    act: ActFn,
    seeds: Sequence[int],
    picture_folder: str | os.PathLike | None = None,
) -> Iterator[measured_environment.Outcome]:
    """Runs one episode per seed; yields outcomes as episodes end.

    The policy acts for one wave of the group while the others' environments step. An environment
    whose episode has ended takes the next seed at once. The policy's noise at step t of an
    episode comes from (episode seed, t) alone, so outcomes do not depend on how many environments
    run side by side; nor does their order depend on how fast these are.

    Args:
      group: environments.
      act: policy.
      seeds: environment seeds.
      picture_folder: where pictures of the episodes go, seed_<seed>.png, if they are wanted.
    """

    def start(wave: int, rows: Iterable[int]) -> None:
        assignments = {}
        for row in rows:
            seed = waiting.popleft()
            picture = picture_folder and pathlib.Path(picture_folder) / f"seed_{seed}.png"
            assignments[row] = measured_environment.Assignment(seed, picture)
            noise_seeds[wave][row] = (seed, 0)
        playing[wave].update(assignments)
        group.start(wave, assignments)

    group.discard()  # Whoever wanted earlier outcomes may have stopped half-way.
    waiting = collections.deque(seeds)
    playing: list[set[int]] = [set() for _ in group.sizes]
    noise_seeds = [np.zeros([group.width, 2], np.int32) for _ in group.sizes]
    first_rows = _first_rows(group.sizes, len(seeds))
    for wave, rows in first_rows.items():
        start(wave, rows)
    num_at_work = len(first_rows)
    while num_at_work:
        reply = group.receive()
        wave = reply.wave
        playing[wave].difference_update(reply.outcomes)
        if reply.outcomes and waiting:
            start(wave, list(reply.outcomes)[: len(waiting)])
        elif playing[wave]:
            actions = act(reply.time_step, noise_seeds[wave], wave)
            noise_seeds[wave][:, 1] += 1
            group.step(wave, {row: _row(actions, row) for row in sorted(playing[wave])})
        else:
            num_at_work -= 1
        yield from reply.outcomes.values()


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
            repeated = tf.nest.map_structure(lambda x: np.stack([x] * width), current)
            actions = act(repeated, noise_seeds)
            current = environment.step(_row(actions, 0))
            add_frame()
            step += 1


def _first_rows(sizes: Sequence[int], count: int) -> dict[int, list[int]]:
    """Spreads `count` episodes evenly over waves of some sizes; returns wave → rows."""
    places = [(row, wave) for wave, size in enumerate(sizes) for row in range(size)]
    rows: dict[int, list[int]] = {}
    for row, wave in sorted(places)[:count]:
        rows.setdefault(wave, []).append(row)
    return rows


def _row(actions: Any, index: int) -> Any:
    return tf.nest.map_structure(lambda action: action[index], actions)
