"""Trajectory specs of record files: reading, listing and comparing them."""

import os
import re
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import struct_pb2
from tf_agents.specs import array_spec, tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import nest_utils

from ibc.data.records import shard_files

SPEC_SUFFIX = shard_files.SPEC_SUFFIX
_TENSORFLOW_DECORATION = re.compile(r"\{\{.*?\}\}|\[Op:.*")
RECORD_AGAIN = "record it again with data/policy_eval.py, or take it out of dataset_path"
_COPY_AGAIN = f"copy it again from where the shard came from, or {RECORD_AGAIN}"
_PARTS_OF_TRANSITIONS = {
    "time_step": ts.TimeStep,
    "action_step": policy_step.PolicyStep,
    "next_time_step": ts.TimeStep,
}


def load_stored_spec(path: str) -> trajectory.Trajectory | trajectory.Transition:
    """Reads the spec that lies beside a record file, as it is; see `as_trajectory`.

    Args:
      path: the record file; its spec is `<path>.spec`.

    Returns:
      `TensorSpec`s for one frame (no batch dimension); dicts are in the order of their keys.

    Raises:
      FileNotFoundError: there is no record file or no spec file.
      ValueError: the spec file is damaged or describes neither trajectories nor transitions.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} does not exist: give the name of a record file.")
    spec_path = path + SPEC_SUFFIX
    if not os.path.isfile(spec_path):
        raise FileNotFoundError(
            f"{spec_path} is missing: {path} cannot be decoded without it; copy it from where "
            f"the shard came from, or {RECORD_AGAIN}."
        )
    shard_files.check_record_lengths(spec_path, _COPY_AGAIN)
    try:
        record = iter(stored_records(spec_path, buffer_bytes=0)).get_next().numpy()
        spec = tensor_spec.from_proto(struct_pb2.StructuredValue.FromString(record))
    except Exception as error:  # whatever a damaged file makes TensorFlow or protobuf raise
        reason = first_line(error)
        raise ValueError(f"{spec_path} is damaged ({reason}): {_COPY_AGAIN}.") from error
    unclear = [
        name
        for name, leaf in leaves(spec).items()
        if not (isinstance(leaf, tf.TensorSpec) and leaf.shape.is_fully_defined())
    ]
    if unclear:
        raise ValueError(
            f"{spec_path} leaves the shape of {', '.join(unclear)} open, but every frame has the "
            f"same: {_COPY_AGAIN}."
        )
    spec = _with_sorted_keys(spec)
    if _has_fields_of(trajectory.Transition, spec):
        # What is decoded are namedtuples of their own.
        parts = [(getattr(spec, name), kind) for name, kind in _PARTS_OF_TRANSITIONS.items()]
        if all(_has_fields_of(kind, part) for part, kind in parts):
            return trajectory.Transition(*(kind(*part) for part, kind in parts))
    if not _has_fields_of(trajectory.Trajectory, spec):
        raise ValueError(
            f"{spec_path} describes {type(spec).__name__} records, but training reads Trajectory "
            "or Transition records (one frame each): convert the shard to trajectories."
        )
    return trajectory.Trajectory(*spec)


def stored_records(path: str, buffer_bytes: int) -> tf.data.Dataset:
    """Returns the serialized records of a file, whose checksums are looked at.

    As `tf.data.TFRecordDataset`, which traces a function to go through a list of files. That takes
    longer than to read a small one.

    Args:
      path: one TFRecord file.
      buffer_bytes: how much is read at once; 0 for what is asked for.
    """
    records = tf.raw_ops.TFRecordDataset(
        filenames=[path], compression_type="", buffer_size=buffer_bytes
    )
    return tf.data.experimental.from_variant(records, tf.TensorSpec([], tf.string))


def as_trajectory(
    stored: trajectory.Trajectory | trajectory.Transition,
) -> trajectory.Trajectory:
    """Returns a frame, or its spec, as a `Trajectory`.

    A `Transition` holds the reward and the discount of its step in its next time step, as the
    published D4RL shards of locomotion tasks have it. Its next observation is left out.

    Args:
      stored: nest of values or specs.
    """
    if isinstance(stored, trajectory.Trajectory):
        return stored
    return trajectory.Trajectory(
        step_type=stored.time_step.step_type,
        observation=stored.time_step.observation,
        action=stored.action_step.action,
        policy_info=stored.action_step.info,
        next_step_type=stored.next_time_step.step_type,
        reward=stored.next_time_step.reward,
        discount=stored.next_time_step.discount,
    )


def is_image(spec: tf.TensorSpec | array_spec.ArraySpec) -> bool:
    """Whether values of this spec are stored as image files: uint8 tensors of rank 3."""
    return spec.dtype == tf.uint8 and len(spec.shape) == 3


def leaves(spec: Any, prefix: str = "") -> dict[str, tf.TensorSpec]:
    """Lists a nest of specs by path, such as `observation/rgb`; one tensor has the path ''.

    Args:
      spec: nest of specs, or of anything.
      prefix: put before every path, for example `observation`.
    """
    is_nested = tf.nest.is_nested(spec)
    paths = nest_utils.flatten_with_joined_paths(spec) if is_nested else [("", spec)]
    return {"/".join(filter(None, (prefix, path))): leaf for path, leaf in paths}


def differences(found: Any, expected: Any, prefix: str = "") -> list[str]:
    """Says where two nests of specs differ in keys, shapes or types.

    Bounds and names are not compared. Types are compared as training sees them: every number
    is cast to float32, so only an image and a number count as different.

    Args:
      found: nest of specs.
      expected: nest of specs.
      prefix: see `leaves`.

    Returns:
      One phrase per difference, empty if there is none.
    """
    found, expected = leaves(found, prefix), leaves(expected, prefix)
    phrases = []
    for name in sorted(found.keys() | expected.keys()):
        if name not in found:
            phrases.append(f"{name} {describe(expected[name])} is missing")
        elif name not in expected:
            phrases.append(f"{name} {describe(found[name])} is not expected")
        elif _signature(found[name]) != _signature(expected[name]):
            phrases.append(f"{name} is {describe(found[name])}, not {describe(expected[name])}")
    return phrases


def check_matches(
    dataset_spec: trajectory.Trajectory,
    observation_spec: Any,
    action_spec: Any,
    task: str,
    dataset_path: str,
) -> None:
    """Checks that a dataset was recorded in the environment a policy is trained for.

    Args:
      dataset_spec: spec of one frame of the dataset.
      observation_spec: nest of the environment's observations, without history dimension.
      action_spec: nest of the environment's actions.
      task: name of the environment, for the message.
      dataset_path: where the dataset is, for the message.

    Raises:
      ValueError: keys, shapes or types differ; the message names every difference.
    """
    phrases = differences(dataset_spec.observation, observation_spec, "observation")
    phrases += differences(dataset_spec.action, action_spec, "action")
    if phrases:
        raise ValueError(
            f"the dataset {dataset_path} does not fit the environment of task {task}: in the "
            f"dataset {'; '.join(phrases)}. It was made for another task, or with other settings "
            "(ParticleEnv.n_dim, images or their size, flattened observations)."
        )


def describe(spec: tf.TensorSpec) -> str:
    """Shape and type of a spec for a message, such as `float32[2]`."""
    return f"{spec.dtype.name}{list(spec.shape)}"


def first_line(error: Exception) -> str:
    """The first line of an error's message, without TensorFlow's node decorations."""
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return _TENSORFLOW_DECORATION.sub("", message.splitlines()[0]).strip()


def _with_sorted_keys(nest: Any) -> Any:
    """Puts dicts in the order of their keys: decoded ones have another one in each process."""
    if isinstance(nest, dict):
        return {key: _with_sorted_keys(nest[key]) for key in sorted(nest)}
    if hasattr(nest, "_fields"):
        return type(nest)(*map(_with_sorted_keys, nest))
    return nest


def _has_fields_of(kind: type, spec: Any) -> bool:
    return getattr(spec, "_fields", None) == kind._fields


def _signature(spec: tf.TensorSpec) -> tuple[tuple[int, ...], bool]:
    return tuple(spec.shape), is_image(spec)
