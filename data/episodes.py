"""Writes episodes of arrays, such as a robot's logs, as record files for training."""

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import array_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from ibc.data.records import shard_writer


@dataclasses.dataclass(frozen=True)
class Episode:
    """What was seen and done in one episode of n steps."""

    observation: Any
    """Array [n, ...] or [n + 1, ...], or a nest of them (a dict by name): what each action was
    chosen from; one more for what was seen after the last action. Images are uint8."""
    action: np.ndarray
    """Array [n, A], float32."""
    reward: np.ndarray | None = None
    """Array [n]: what each action brought; zeros if None."""
    terminated: bool = True
    """Whether the episode ended by itself (discount 0), not at a limit."""


def write_episodes(path: str | os.PathLike, episodes: Iterable[Episode]) -> str:
    """Writes one record file with its spec and manifest; it appears when it is complete.

        def episodes():
            for log in sorted(pathlib.Path("logs").glob("*.npz")):
                arrays = np.load(log)
                yield Episode({"joints": arrays["joints"], "rgb": arrays["rgb"]}, arrays["command"])

        write_episodes("datasets/my_robot/demonstrations.tfrecord", episodes())

    Args:
      path: the record file.
      episodes: at least one, read one at a time; names, shapes and types are the first one's.

    Returns:
      The path.

    Raises:
      ValueError: there is no episode, or one is not like the first or of no length; the message
        says which and how. No file is left.
    """
    remaining = iter(episodes)
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"{path}: there are no episodes to write.")
    if not len(first.action):
        raise ValueError(f"{path}: episode 0 has no actions.")
    spec = frame_spec(first)
    with shard_writer.ShardWriter(os.fspath(path), spec) as writer:
        for number, episode in enumerate(itertools.chain([first], remaining)):
            problem = _problem(episode, spec)
            if problem:
                raise ValueError(f"{writer.path}: episode {number} {problem}.")
            for frame in unstacked(frames(episode)):
                writer(frame)
    return os.fspath(path)


def frames(episode: Episode) -> trajectory.Trajectory:
    """Returns an episode's frames as a driver emits them, arrays [n + 1, ...].

    That is one per step, and one that joins the episode to the next: it holds what was seen after
    the last action and, as nothing was done then, the last action again.
    """
    length = len(episode.action)

    def with_joint(values: np.ndarray) -> np.ndarray:
        return np.asarray(values)[np.minimum(np.arange(length + 1), len(values) - 1)]

    reward = np.zeros(length) if episode.reward is None else episode.reward
    result = stacked_frames(
        tf.nest.map_structure(lambda values: _stored(with_joint(values)), episode.observation),
        np.float32(with_joint(episode.action)),
        np.float32(np.append(reward, 0.0)),
        terminated=False,
    )
    result.discount[length - 1] = not episode.terminated
    return result


def stacked_frames(
    observation: Any, action: np.ndarray, reward: np.ndarray, terminated: bool
) -> trajectory.Trajectory:
    """Returns an episode's frames, one per step, without one that joins it to the next.

    Args:
      observation: Nest of arrays [n, ...].
      action: [n, A].
      reward: [n].
      terminated: Whether the episode ended by itself, so that its last discount is 0.
    """
    step_type = np.full(len(action), ts.StepType.MID, np.int32)
    step_type[0], step_type[-1] = ts.StepType.FIRST, ts.StepType.LAST
    discount = np.ones(len(action), np.float32)
    discount[-1] = not terminated
    return trajectory.Trajectory(
        step_type=step_type,
        observation=observation,
        action=action,
        policy_info=(),
        next_step_type=np.append(step_type[1:], np.int32(ts.StepType.FIRST)),
        reward=reward,
        discount=discount,
    )


def are_steps(frames: trajectory.Trajectory) -> np.ndarray:
    """Returns which frames [n, ...] are steps, whose action was done: bool [n].

    An episode's last frame is none if it joins the episode to the next: reward 0, discount 1. In
    recordings without such frames, as D4RL's, it counts where it brings a reward or ends the
    episode.
    """
    step_type, reward, discount = map(
        np.asarray, (frames.step_type, frames.reward, frames.discount)
    )
    return (step_type != ts.StepType.LAST) | (reward != 0) | (discount != 1)


def num_steps(frames: trajectory.Trajectory) -> int:
    """Returns how many of an episode's frames [n, ...] are steps, see `are_steps`."""
    return int(np.sum(are_steps(frames)))


def unstacked(frames: trajectory.Trajectory) -> Iterator[trajectory.Trajectory]:
    """Yields frames one by one, given arrays [n, ...] of all."""
    for values in zip(*tf.nest.flatten(frames), strict=True):
        yield tf.nest.pack_sequence_as(frames, values)


def _problem(episode: Episode, spec: trajectory.Trajectory) -> str | None:
    """Says what is wrong with an episode, if anything is."""
    length = len(episode.action)
    if not length:
        return "has no actions"
    if episode.reward is not None and len(episode.reward) != length:
        return f"has {length} actions but {len(episode.reward)} rewards"
    lengths = {len(values) for values in tf.nest.flatten(episode.observation)}
    if lengths not in ({length}, {length + 1}):
        return (
            f"has {length} actions, but observations of length {sorted(lengths)}: all need "
            f"{length}, or {length + 1} with what was seen at the end"
        )
    found = frame_spec(episode)
    if found.observation != spec.observation or found.action != spec.action:
        return (
            f"has observation {found.observation} and action {found.action}, but the first one has "
            f"{spec.observation} and {spec.action}"
        )
    return None


def frame_spec(episode: Episode) -> trajectory.Trajectory:
    """Returns the spec of one frame of an episode: images are uint8, all else is float32."""
    observation = tf.nest.map_structure(
        lambda values: array_spec.ArraySpec.from_array(_stored(values[:1])[0]), episode.observation
    )
    time_step_spec = ts.time_step_spec(observation)
    action = array_spec.ArraySpec(np.shape(episode.action)[1:], np.float32)
    return trajectory.from_transition(
        time_step_spec, policy_step.PolicyStep(action, (), ()), time_step_spec
    )


def _stored(values: np.ndarray) -> np.ndarray:
    """Returns values [n, ...] in the type they are stored in: images as they are, else float32."""
    values = np.asarray(values)
    return values if values.dtype == np.uint8 and values.ndim == 4 else values.astype(np.float32)
