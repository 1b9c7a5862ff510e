"""Joins the frames and the windows of several shards."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data.records import shard_reader, specs
from ibc.data.windows import windows


def join_frames(
    shards: Sequence[shard_reader.Shard], flatten_action: bool
) -> trajectory.Trajectory:
    """Concatenates the frames of all shards.

    Args:
      shards: at least one, all with the same spec.
      flatten_action: make the action nest one vector, in nest order.

    Returns:
      `Trajectory` nest of arrays [n, ...]: observations and actions float32, images as they are
      stored, JPEG data [n].
    """
    frames = tf.nest.map_structure(
        lambda *arrays: np.concatenate(arrays), *[shard.frames for shard in shards]
    )
    observation = tf.nest.map_structure(
        lambda values, spec: values if specs.is_image(spec) else values.astype(np.float32),
        frames.observation,
        shards[0].spec.observation,
    )
    action = tf.nest.map_structure(lambda values: values.astype(np.float32), frames.action)
    if flatten_action:
        leaves = tf.nest.flatten(action)
        action = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=-1)
    return frames._replace(observation=observation, action=action)


def masked_discounts(frames: trajectory.Trajectory, window_frames: np.ndarray) -> np.ndarray:
    """Discounts of windows, with 0 after the first episode's end in each.

    Args:
      frames: joined frames.
      window_frames: integers [n, T], their numbers.

    Returns:
      float32 [n, T].
    """
    mask = windows.first_episode_mask(frames.step_type[window_frames])
    return np.where(mask, frames.discount[window_frames], np.float32(0))


def join_windows(
    step_types: Sequence[np.ndarray], sequence_length: int, repair: bool
) -> np.ndarray:
    """Lists the windows of all shards, shard after shard.

    Args:
      step_types: integers [n] of each shard, at least one.
      sequence_length: frames per window (T).
      repair: see `windows.window_frames`.

    Returns:
      int32 [n, T] numbers of joined frames.
    """
    offsets = np.cumsum([0] + [len(shard) for shard in step_types[:-1]])
    return np.concatenate(
        [
            windows.window_frames(shard, sequence_length, repair) + np.int32(offset)
            for shard, offset in zip(step_types, offsets, strict=True)
        ]
    )
