"""Checks and bounds of flat actions."""

import numpy as np
import tensorflow as tf
from tf_agents.typing import types


def check_action_spec(action_spec: types.NestedTensorSpec) -> None:
    """Raises ValueError unless the action is one tensor of real numbers."""
    if tf.nest.is_nested(action_spec) or not action_spec.dtype.is_floating:
        raise ValueError(f"Actions must be one tensor of real numbers, but are {action_spec}.")


def bounds(
    action_sampling_spec: types.BoundedTensorSpec, action_spec: tf.TensorSpec
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the lower and the upper bound of each dimension of a flat action.

    Args:
      action_sampling_spec: Bounded spec [A] of flat normalized actions.
      action_spec: Spec of the environment's action, A numbers.

    Returns:
      Two float32 [A].

    Raises:
      ValueError: The spec has another number of dimensions, or a lower bound exceeds its
        upper bound.
    """
    shape = [action_spec.shape.num_elements()]
    if action_sampling_spec.shape.as_list() != shape:
        raise ValueError(
            f"action_sampling_spec has the shape {action_sampling_spec.shape}, but the "
            f"environment's action, flattened, has {shape}."
        )
    minimum, maximum = (
        np.broadcast_to(np.asarray(bound, np.float32), shape)
        for bound in (action_sampling_spec.minimum, action_sampling_spec.maximum)
    )
    if not np.all(minimum <= maximum):
        raise ValueError(f"action_sampling_spec's minimum {minimum} exceeds its maximum {maximum}.")
    return tf.constant(minimum), tf.constant(maximum)
