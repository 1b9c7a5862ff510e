"""Small record files with random content, for tests and benchmarks."""

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import example_encoding_dataset

from ibc.data.records import manifest, shard_writer

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


IMAGES = frame_spec({"rgb": tf.TensorSpec([16, 24, 3], tf.uint8)})


def write_as_tf_agents(
    path: str | os.PathLike, spec: Any, frames: Iterable[Any], **options: Any
) -> None:
    """Writes frames with TF-Agents' observer; skips the test where that one fails."""
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        pytest.skip("TF-Agents' own writer of records fails under NumPy 2")
    observer = example_encoding_dataset.TFRecordObserver(str(path), spec, py_mode=True, **options)
    for frame in frames:
        observer(frame)
    observer.close()


def noise_spec(images: bool = False) -> trajectory.Trajectory:
    """The spec of one frame of an unknown robot, which may have a camera of 24×32 pixels."""
    camera = {"rgb": tf.TensorSpec([24, 32, 3], tf.uint8)} if images else {}
    action = tensor_spec.BoundedTensorSpec([2], tf.float32, -9.0, 9.0)
    return frame_spec({"position": tf.TensorSpec([3], tf.float32), **camera}, action)


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
    with_manifest: bool = True,
) -> str:
    """Writes a shard of random episodes, of `frame_spec()` by default, and returns its path."""
    spec = spec or frame_spec()
    with shard_writer.ShardWriter(str(path), spec) as writer:
        for frame in frames(spec, episode_lengths, seed):
            writer(frame)
    if not with_manifest:
        os.remove(f"{path}{manifest.MANIFEST_SUFFIX}")
    return str(path)


def assert_only_unfinished(folder: pathlib.Path) -> None:
    """Checks that of two replicas nothing is left but what the same command goes on from."""
    suffixes = ("", ".spec", ".journal")
    allowed = {f".a_{i}.tfrecord.unfinished{suffix}" for i in range(2) for suffix in suffixes}
    assert {path.name for path in folder.iterdir()} <= allowed


def write_several(
    folder: pathlib.Path,
    episode_lengths: Sequence[Sequence[int]],
    spec: trajectory.Trajectory | None = None,
) -> list[str]:
    """Writes a shard for each list of lengths, with another seed each, and returns their paths."""
    return [
        write(folder / f"{number}.tfrecord", lengths, spec, seed=number)
        for number, lengths in enumerate(episode_lengths)
    ]


def assert_equal(found: Any, expected: Any) -> None:
    """Checks that two nests hold the same numbers."""
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def change_record(path: str, number: int, change: Callable[[Any], None]) -> None:
    """Changes the features of one record of a file, name -> `tf.train.Feature`."""
    records = [tf.train.Example.FromString(r.numpy()) for r in tf.data.TFRecordDataset(path)]
    change(records[number].features.feature)
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record.SerializeToString())
