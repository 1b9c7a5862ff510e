"""Writes episodes of arrays, such as a robot's logs, as record files for training."""

import dataclasses
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
    spec = _frame_spec(first)
    with shard_writer.ShardWriter(os.fspath(path), spec) as writer:
        _write(writer, first, spec, 0)
        for number, episode in enumerate(remaining, start=1):
            _write(writer, episode, spec, number)
    return os.fspath(path)


def frames(episode: Episode) -> Iterator[trajectory.Trajectory]:
    """Yields an episode's frames as a driver emits them.

    That is one per step, and one that joins the episode to the next: it holds what was seen after
    the last action and, as nothing was done then, the last action again.

    Args:
      episode: of n steps.

    Yields:
      n + 1 unbatched `Trajectory`s.
    """
    length = len(episode.action)
    reward = np.zeros(length) if episode.reward is None else np.asarray(episode.reward)
    seen = len(tf.nest.flatten(episode.observation)[0])
    for i in range(length + 1):
        is_joint = i == length
        last = i == length - 1
        yield trajectory.Trajectory(
            step_type=_scalar(
                ts.StepType.LAST if is_joint else ts.StepType.FIRST if i == 0 else ts.StepType.MID
            ),
            observation=tf.nest.map_structure(
                lambda values, i=i: _stored(values[min(i, seen - 1)]), episode.observation
            ),
            action=np.asarray(episode.action[min(i, length - 1)], np.float32),
            policy_info=(),
            next_step_type=_scalar(
                ts.StepType.FIRST if is_joint else ts.StepType.LAST if last else ts.StepType.MID
            ),
            reward=np.asarray(0.0 if is_joint else reward[i], np.float32),
            discount=np.asarray(0.0 if last and episode.terminated else 1.0, np.float32),
        )


def _write(
    writer: shard_writer.ShardWriter,
    episode: Episode,
    spec: trajectory.Trajectory,
    number: int,
) -> None:
    problem = _problem(episode, spec)
    if problem:
        raise ValueError(f"{writer.path}: episode {number} {problem}.")
    for frame in frames(episode):
        writer(frame)


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
    found = _frame_spec(episode)
    if found.observation != spec.observation or found.action != spec.action:
        return (
            f"has observation {found.observation} and action {found.action}, but the first one has "
            f"{spec.observation} and {spec.action}"
        )
    return None


def _frame_spec(episode: Episode) -> trajectory.Trajectory:
    observation = tf.nest.map_structure(
        lambda values: array_spec.ArraySpec.from_array(_stored(values[0])), episode.observation
    )
    time_step_spec = ts.time_step_spec(observation)
    action = array_spec.ArraySpec(np.shape(episode.action)[1:], np.float32)
    return trajectory.from_transition(
        time_step_spec, policy_step.PolicyStep(action, (), ()), time_step_spec
    )


def _stored(value: np.ndarray) -> np.ndarray:
    """Returns one frame's value in the type it is stored in: images as they are, else float32."""
    value = np.asarray(value)
    is_image = value.dtype == np.uint8 and value.ndim == 3
    return value if is_image else value.astype(np.float32)


def _scalar(step_type: np.ndarray) -> np.ndarray:
    return np.asarray(step_type, np.int32)
