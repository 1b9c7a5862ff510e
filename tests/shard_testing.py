"""Small record files with random content, for tests and benchmarks."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from ibc.data.records import shard_writer

OBSERVATION_SPEC = {
    "position": tf.TensorSpec([2], tf.float32),
    "angle": tf.TensorSpec([1], tf.float64),
    "count": tf.TensorSpec([1], tf.int64),
}
ACTION_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, minimum=-2.0, maximum=2.0)


def frame_spec(
    observation_spec: Any = OBSERVATION_SPEC, action_spec: Any = ACTION_SPEC
) -> trajectory.Trajectory:
    """The spec of one frame with these observations and actions."""
    return trajectory.from_transition(
        ts.time_step_spec(observation_spec),
        policy_step.PolicyStep(action_spec, (), ()),
        ts.time_step_spec(observation_spec),
    )


def frames(
    spec: trajectory.Trajectory, episode_lengths: Sequence[int], seed: int = 0
) -> Iterator[trajectory.Trajectory]:
    """Yields the frames of whole episodes with random content, as a driver emits them.

    Args:
      spec: of one frame.
      episode_lengths: steps of each episode, at least 1; one more frame joins it to the next.
      seed: of the random values.
    """
    random = np.random.RandomState(seed)

    def draw(leaf: tf.TensorSpec) -> np.ndarray:
        values = 255 * random.uniform(size=leaf.shape)
        if leaf.dtype.is_floating:
            values = random.normal(size=leaf.shape)
        return np.asarray(values, leaf.dtype.as_numpy_dtype)

    for length in episode_lengths:
        step_types = [ts.StepType.FIRST] + [ts.StepType.MID] * (length - 1) + [ts.StepType.LAST]
        following = [*step_types[1:], ts.StepType.FIRST]
        for step_type, next_step_type in zip(step_types, following, strict=True):
            discount = 0.0 if next_step_type == ts.StepType.LAST else 1.0
            yield tf.nest.map_structure(draw, spec)._replace(
                step_type=step_type,
                next_step_type=next_step_type,
                discount=np.asarray(discount, np.float32),
            )


def write(
    path: str | os.PathLike,
    episode_lengths: Sequence[int] = (4, 3),
    spec: trajectory.Trajectory | None = None,
    seed: int = 0,
) -> str:
    """Writes a shard of random episodes, of `frame_spec()` by default, and returns its path."""
    spec = spec or frame_spec()
    with shard_writer.ShardWriter(str(path), spec) as writer:
        for frame in frames(spec, episode_lengths, seed):
            writer(frame)
    return str(path)
