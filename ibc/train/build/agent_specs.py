"""What an agent observes and does: an environment's specs, or those of a data set alone."""

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.specs import tensor_spec
from tf_agents.train.utils import spec_utils
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from tf_agents.typing import types

_FLOAT_MAX = np.finfo(np.float32).max


def of_environment(
    environment: py_environment.PyEnvironment,
) -> tuple[ts.TimeStep, types.BoundedTensorSpec]:
    """Returns time step spec and action spec of an environment, as tensor specs."""
    _, action_spec, time_step_spec = spec_utils.get_tensor_specs(environment)
    return time_step_spec, action_spec


def of_data(
    frame_spec: trajectory.Trajectory, sequence_length: int
) -> tuple[ts.TimeStep, types.BoundedTensorSpec]:
    """Returns time step spec and action spec for data that no environment here belongs to.

    Args:
      frame_spec: `Trajectory` of the specs of one stored frame.
      sequence_length: T, frames per observation window.

    Returns:
      Time step spec with observations [T, ...], numbers as float32 and images as uint8; action
      spec float32 [A], with the data's bounds if it has some.

    Raises:
      ValueError: the action is not one vector.
    """

    def window_of(spec: tf.TensorSpec) -> tf.TensorSpec:
        dtype = tf.uint8 if spec.dtype == tf.uint8 else tf.float32
        return tf.TensorSpec([sequence_length, *spec.shape], dtype, spec.name)

    action = frame_spec.action
    if tf.nest.is_nested(action) or action.shape.rank != 1:
        raise ValueError(
            f"without a --task, the data's action must be one vector, but it is {action}: record "
            "it as one float32 vector."
        )
    # Plain numbers have no bounds of their own: those of the data decide what is sampled.
    action_spec = tensor_spec.BoundedTensorSpec(
        action.shape,
        tf.float32,
        minimum=getattr(action, "minimum", -_FLOAT_MAX),
        maximum=getattr(action, "maximum", _FLOAT_MAX),
        name="action",
    )
    return ts.time_step_spec(tf.nest.map_structure(window_of, frame_spec.observation)), action_spec
