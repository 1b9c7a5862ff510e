"""Record files that are larger than memory: what is kept of their frames instead of the frames.

Numbers go to a file without a name, images stay where they are in the record files. In memory
are step types, rewards and where images are.
"""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data.records import shard_files, shard_reader, shards, specs
from ibc.data.windows import columns

_PART_BYTES = 4 << 20


@dataclasses.dataclass(frozen=True)
class StreamedShards:
    """The frames of several record files, on disk."""

    paths: list[str]
    """The record files."""
    spec: trajectory.Trajectory
    """Nest of `TensorSpec`s of one frame."""
    step_types: list[np.ndarray]
    """Step types int32 [n] of each file."""
    reward: np.ndarray
    """float32 [n] of all files."""
    discount: np.ndarray
    """The same."""
    observation: Any
    """Nest of columns of all files, numbers as float32."""
    action: Any
    """Nest of `columns.Numbers`."""

    def frames(self, flatten_action: bool) -> trajectory.Trajectory:
        """Returns `WindowDataset.frames`, with columns on disk."""
        action = self.action
        if flatten_action:
            leaves = tf.nest.flatten(action)
            size = sum(math.prod(leaf.shape) for leaf in leaves)
            action = columns.Numbers(leaves[0].file, leaves[0].start, (size,))
        return trajectory.Trajectory(
            step_type=np.concatenate(self.step_types),
            observation=self.observation,
            action=action,
            policy_info=(),
            next_step_type=(),
            reward=self.reward,
            discount=self.discount,
        )


def stream_shards(paths: Sequence[str], folder: str | os.PathLike) -> StreamedShards:
    """Reads record files in small parts and keeps their frames on disk.

    Args:
      paths: at least one record file; they must not change while the result is used.
      folder: where there is room for the numbers.

    Raises:
      FileNotFoundError, ValueError: a file is missing, damaged, or unlike the first one.
      OSError: the numbers cannot be written.
    """
    spec = shard_reader.load_spec(paths[0])
    nest = (spec.observation, spec.action)
    leaves = tf.nest.flatten(nest)
    shapes = [tuple(leaf.shape) for leaf in leaves if not specs.is_image(leaf)]
    file = columns.RowFile(folder, sum(map(math.prod, shapes)))
    read = [_read_file(path, paths[0], spec, file) for path in paths]
    step_types, rewards, discounts, spans = zip(*read, strict=True)
    numbers = iter(columns.consecutive_numbers(file, [None] * len(shapes), shapes))
    lengths = list(map(len, step_types))
    images = (
        columns.Images(paths, lengths, *map(np.concatenate, zip(*found, strict=True)))
        for found in zip(*spans, strict=True)
    )
    observation, action = tf.nest.pack_sequence_as(
        nest, [next(images if specs.is_image(leaf) else numbers) for leaf in leaves]
    )
    every = map(np.concatenate, (rewards, discounts))
    return StreamedShards(list(paths), spec, list(step_types), *every, observation, action)


def _read_file(
    path: str, first_path: str, spec: trajectory.Trajectory, file: columns.RowFile
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Reads a record file like the first one; appends its frames' numbers to the file of rows.

    Returns step types, rewards, discounts, and offsets and sizes of each image of the frames.
    """
    is_image = [specs.is_image(leaf) for leaf in tf.nest.flatten((spec.observation, spec.action))]
    step_types, rewards, discounts, spans = [], [], [], []
    position = 0
    for part in shard_reader.read_parts(path, _PART_BYTES):
        shards.check_alike(path, part.spec, first_path, spec)
        values = tf.nest.flatten((part.frames.observation, part.frames.action))
        values = list(zip(values, is_image, strict=True))
        file.append(columns.rows_of([value for value, image in values if not image]))
        step_types.append(np.asarray(part.frames.step_type, np.int32))
        rewards.append(np.asarray(part.frames.reward, np.float32))
        discounts.append(np.asarray(part.frames.discount, np.float32))
        sizes = np.array([len(record) + shard_files.OVERHEAD for record in part.records])
        starts = position + np.cumsum(sizes) - sizes + shard_files.BEFORE_DATA
        position += int(sizes.sum())
        spans.append(
            [_image_spans(starts, part.records, value) for value, image in values if image]
        )
    joined = [
        tuple(map(np.concatenate, zip(*found, strict=True))) for found in zip(*spans, strict=True)
    ]
    return *map(np.concatenate, (step_types, rewards, discounts)), joined


def _image_spans(
    starts: np.ndarray, records: np.ndarray, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds images within records that start at the given bytes: offsets and sizes."""
    within = [record.index(image) for record, image in zip(records, images, strict=True)]
    sizes = np.array([len(image) for image in images], np.int32)
    return (starts + within).astype(np.int64), sizes
