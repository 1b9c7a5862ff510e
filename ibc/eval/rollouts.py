"""Runs episodes with given seeds in several environments side by side."""

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metric
from tf_agents.trajectories import time_step, trajectory
from tf_agents.utils import nest_utils

from ibc.environments.utils import video

# (time step with a leading [E], seeds int32 [E, 2]) -> actions with a leading [E].
ActFn = Callable[[time_step.TimeStep, np.ndarray], np.ndarray]
# Called with a frame that has a leading [1] and neither observation nor action.
Observer = Callable[[trajectory.Trajectory], None]


def run_episodes(
    environments: Sequence[py_environment.PyEnvironment],
    metrics: Sequence[Sequence[py_metric.PyMetric]],
    act: ActFn,
    seeds: Sequence[int],
) -> Iterator[tuple[int, py_environment.PyEnvironment, dict[str, float]]]:
    """Runs one episode per seed; yields the seed, its environment and metrics, in seed order.

    The policy's noise at step t of an episode comes from (episode seed, t) alone, so results do
    not depend on how many environments run side by side. An environment that was yielded is
    as its episode has left it.

    Args:
      environments: E unbatched environments, each used for one episode at a time.
      metrics: for each environment, metrics that look at one episode.
      act: policy, called once per step with all E environments' time steps.
      seeds: environment seeds.
    """
    width = len(environments)
    for start in range(0, len(seeds), width):
        chunk = seeds[start : start + width]
        for metric in (metric for row in metrics for metric in row):
            metric.reset()
        time_steps = [_start(e, seed) for e, seed in zip(environments, chunk, strict=False)]
        _play(environments, time_steps, metrics, act, chunk, width)
        for environment, row, seed in zip(environments, metrics, chunk, strict=False):
            yield seed, environment, {m.name: float(np.asarray(m.result())) for m in row}


def record_episode(
    environments: Sequence[py_environment.PyEnvironment],
    act: ActFn,
    seed: int,
    path: str | os.PathLike,
) -> None:
    """Writes a video (mp4) of one episode in the first environment.

    Args:
      environments: as `run_episodes`; their number decides the batch that `act` is given.
      act: policy.
      seed: environment seed.
      path: name of the video.
    """
    first = environments[0]
    start = _start(first, seed)
    with video.recording(first, path) as add_frame:
        _play([first], [start], [[lambda _: add_frame()]], act, [seed], len(environments))


def _start(environment: py_environment.PyEnvironment, seed: int) -> time_step.TimeStep:
    environment.seed(seed)
    return environment.reset()


def _play(
    environments: Sequence[py_environment.PyEnvironment],
    time_steps: list[time_step.TimeStep],
    observers: Sequence[Sequence[Observer]],
    act: ActFn,
    seeds: Sequence[int],
    width: int,
) -> None:
    """Plays each environment to the end of its episode; ended ones are no longer stepped."""
    running = list(range(len(time_steps)))
    step = 0
    while running:
        actions = act(*_padded(time_steps, seeds, step, width))
        for k in running:
            following = environments[k].step(
                tf.nest.map_structure(lambda action, k=k: action[k], actions)
            )
            frame = _outcome(time_steps[k], following)
            for observe in observers[k]:
                observe(frame)
            time_steps[k] = following
        running = [k for k in running if not time_steps[k].is_last()]
        step += 1


def _padded(
    time_steps: Sequence[time_step.TimeStep], seeds: Sequence[int], step: int, width: int
) -> tuple[time_step.TimeStep, np.ndarray]:
    """Stacks time steps and noise seeds to exactly `width` rows: the policy is compiled once."""
    missing = width - len(time_steps)
    rows = [*time_steps, *[time_steps[-1]] * missing]
    noise_seeds = [(seed, step) for seed in [*seeds, *[seeds[-1]] * missing]]
    return nest_utils.stack_nested_arrays(rows), np.array(noise_seeds, np.int32)


def _outcome(before: time_step.TimeStep, after: time_step.TimeStep) -> trajectory.Trajectory:
    """Returns what metrics look at, with a leading [1]."""
    return trajectory.Trajectory(
        step_type=np.reshape(before.step_type, (1,)),
        observation=(),
        action=(),
        policy_info=(),
        next_step_type=np.reshape(after.step_type, (1,)),
        reward=np.reshape(after.reward, (1,)),
        discount=np.reshape(after.discount, (1,)),
    )
