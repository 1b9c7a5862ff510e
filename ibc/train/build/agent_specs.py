"""What an agent observes, does and samples: specs of an environment, or of a data set alone."""

from collections.abc import Callable

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


def get_sampling_spec(
    action_spec: tensor_spec.BoundedTensorSpec,
    min_actions: np.ndarray,
    max_actions: np.ndarray,
    uniform_boundary_buffer: float,
    act_norm_layer: Callable[[tf.Tensor], tf.Tensor],
    action_range: np.ndarray | None = None,
) -> tensor_spec.BoundedTensorSpec:
    """Widens the data's action bounds, keeps them within the environment's, and normalizes them.

    Every dimension has its own bounds. (The published code uses those of dimension 0 for all.)

    Args:
      action_spec: the environment's action, float32 [A], bounded.
      min_actions: smallest action in the data per dimension, [A].
      max_actions: largest action in the data per dimension, [A].
      uniform_boundary_buffer: how far to widen on both sides, as a share of the data's range.
      act_norm_layer: maps actions [1, A] to normalized actions.
      action_range: what bounds are widened by a share of, [A]; None: the data's range.

    Returns:
      Spec of normalized actions, float32 [A], with bounds per dimension.

    Raises:
      ValueError: the data's bounds do not have the shape of the action, or no value of the data
        lies within the environment's bounds.
    """
    if np.shape(min_actions) != tuple(action_spec.shape):
        raise ValueError(
            f"the data's actions have shape {list(np.shape(min_actions))}, but the environment's "
            f"{list(action_spec.shape)}: the data was made for another task."
        )
    if action_range is None:
        action_range = np.asarray(max_actions) - np.asarray(min_actions)
    buffer = uniform_boundary_buffer * action_range
    minimum = np.clip(min_actions - buffer, action_spec.minimum, action_spec.maximum)
    maximum = np.clip(max_actions + buffer, action_spec.minimum, action_spec.maximum)
    if np.any((minimum == maximum) & (min_actions != minimum)):
        found = np.stack([min_actions, max_actions]).tolist()
        allowed = np.stack([action_spec.minimum, action_spec.maximum]).tolist()
        raise ValueError(
            "actions in the data lie outside the environment's bounds: [minima, maxima] are "
            f"{found} in the data, {allowed} in the environment: the data was made for another "
            "task."
        )
    bounds = act_norm_layer(np.stack([minimum, maximum]).astype(np.float32))
    return tensor_spec.BoundedTensorSpec(
        action_spec.shape, tf.float32, minimum=bounds[0].numpy(), maximum=bounds[1].numpy()
    )
