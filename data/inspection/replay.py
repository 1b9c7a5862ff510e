"""Replays recorded actions open-loop and tells how far the environment parts from the recording."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data.formats import d4rl
from ibc.data.records import shard_reader, specs
from ibc.environments import contract, suite
from ibc.environments.d4rl import task as d4rl_tasks

_ANGLE_SUFFIX = "_orientation"


@dataclasses.dataclass(frozen=True)
class Difference:
    """Largest absolute differences between an episode as recorded and as replayed."""

    episode: int
    """Number of the episode in the shard."""
    steps: int
    """Actions that were replayed."""
    start: dict[str, float]
    """Observation key -> difference in the restored first observation."""
    observation: dict[str, float]
    """Observation key -> difference in any later observation."""
    reward: float
    """Difference in any reward."""


def replay(
    path: str,
    task: str,
    num_episodes: int | None = None,
    across_timeouts: bool = False,
) -> Iterator[Difference]:
    """Replays the episodes of a record file in the environment of a task.

    Each starts from the state of its first observation (the environment's `restore`). The
    environment's own ends of episodes are ignored. Noise of sensors is seeded by the episode's
    number, so that every replay tells the same.

    Args:
      path: Record file.
      task: Name of the task it was recorded for.
      num_episodes: How many episodes to replay, the first ones; None for all.
      across_timeouts: Whether an episode goes on after a last frame with discount 1, as D4RL's
        demonstrations do, which are cut for time in their midst.

    Yields:
      A `Difference` per episode.

    Raises:
      FileNotFoundError, ValueError: The file or the task is unknown, or they do not fit.
    """
    shard = shard_reader.read_shard(path)
    env = suite.load(task, max_episode_steps=0)
    contract.required(env, "restore", task)
    frames = _as_observed(shard, env, task)
    inner = suite.gym_env(env)
    rewards = [shard.frames.reward[steps] for steps in episodes(shard.frames)]
    accumulate = d4rl.are_running_counts(rewards, d4rl_tasks.FAMILY_OF.get(task))
    for number, steps in enumerate(episodes(shard.frames, across_timeouts)):
        if num_episodes is not None and number >= num_episodes:
            break
        episode = tf.nest.map_structure(lambda values, steps=steps: values[steps], frames)
        yield _replay_episode(inner, episode, number, accumulate)
    env.close()


def episodes(frames: trajectory.Trajectory, across_timeouts: bool = False) -> list[slice]:
    """Returns where each episode's frames are, from its first to its last one.

    Args:
      frames: Nest of arrays [n, ...].
      across_timeouts: See `replay`.
    """
    firsts = np.flatnonzero(frames.step_type == ts.StepType.FIRST)
    ends = np.flatnonzero(frames.step_type == ts.StepType.LAST) + 1
    if across_timeouts:
        ends = ends[(frames.discount[ends - 1] == 0) | (ends == len(frames.step_type))]
    slices, begin = [], 0
    for end in ends:
        begin = firsts[np.searchsorted(firsts, begin)]
        slices.append(slice(int(begin), int(end)))
        begin = end
        if begin > firsts[-1]:
            break
    return slices


def _as_observed(shard: shard_reader.Shard, env: Any, task: str) -> trajectory.Trajectory:
    """Returns the frames with observations as the task's environment gives them, without images."""
    expected = tensor_spec.from_spec(env.observation_spec())
    stored_spec, stored = shard.spec.observation, shard.frames.observation
    if isinstance(stored_spec, Mapping):
        is_number = {key: not specs.is_image(spec) for key, spec in stored_spec.items()}
        stored_spec = {key: spec for key, spec in stored_spec.items() if is_number[key]}
        stored = {key: values for key, values in stored.items() if is_number[key]}
    ranks = [
        [spec.shape.rank for spec in tf.nest.flatten(nest)] for nest in (stored_spec, expected)
    ]
    if ranks[0] == [rank + 1 for rank in ranks[1]]:
        # Several observations are stacked, the latest is the last.
        stored = tf.nest.map_structure(lambda values: values[:, -1], stored)
        stored_spec = tf.nest.map_structure(
            lambda spec: tf.TensorSpec(spec.shape[1:], spec.dtype), stored_spec
        )
    found = shard.spec._replace(observation=stored_spec)
    specs.check_matches(found, expected, tensor_spec.from_spec(env.action_spec()), task, shard.path)
    return shard.frames._replace(observation=stored)


def _replay_episode(
    env: gymnasium.Env, frames: trajectory.Trajectory, number: int, accumulate: bool
) -> Difference:
    """Replays the actions between the frames of one episode."""
    recorded = specs.leaves(frames.observation)
    names = {key: key or "observation" for key in recorded}
    first = tf.nest.map_structure(lambda values: values[0], frames.observation)
    env.reset(seed=number)  # Sensors may be noisy, as the kitchen's are.
    seen = [specs.leaves(env.restore(first))]
    rewards = []
    for action in frames.action[:-1]:
        observation, reward, *_ = env.step(action)
        seen.append(specs.leaves(observation))
        rewards.append(reward)
    replayed = {key: np.array([values[key] for values in seen]) for key in recorded}
    differences = {key: _difference(key, replayed[key], recorded[key]) for key in recorded}
    found_rewards = np.cumsum(rewards) if accumulate else np.array(rewards)
    return Difference(
        episode=number,
        steps=len(rewards),
        start={names[key]: float(values[0].max()) for key, values in differences.items()},
        observation={names[key]: float(values[1:].max()) for key, values in differences.items()},
        reward=float(np.abs(found_rewards - frames.reward[:-1]).max()),
    )


def _difference(key: str, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Returns absolute differences; those of angles are at most a half turn."""
    difference = np.abs(np.float64(found) - expected)
    if key.endswith(_ANGLE_SUFFIX):
        return np.minimum(difference, np.abs(2 * np.pi - difference))
    return difference
