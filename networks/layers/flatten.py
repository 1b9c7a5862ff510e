"""Turns windows of state observations into one vector per example."""

import tensorflow as tf
from tf_agents.typing import types


def flat_size(spec: types.NestedTensorSpec) -> int:
    """Returns the number of values that one example of `spec` holds."""
    return sum(leaf.shape.num_elements() for leaf in tf.nest.flatten(spec))


def zeros(spec: types.NestedTensorSpec) -> types.NestedTensor:
    """Returns one example of `spec`, all zeros; its batch dimension is 1."""
    return tf.nest.map_structure(lambda leaf: tf.zeros([1, *leaf.shape], leaf.dtype), spec)


def flatten_window(observation: types.NestedTensor) -> tf.Tensor:
    """Concatenates an observation's keys, in sorted order, and its time steps.

    Args:
      observation: Nest of float tensors [B, T, size of the key].

    Returns:
      float32 [B, T · sum of the keys' sizes]; time is the slower axis.

    Raises:
      ValueError: A key holds images or anything else that is not a vector per time step.
    """
    leaves = [tf.convert_to_tensor(leaf) for leaf in tf.nest.flatten(observation)]
    for leaf in leaves:
        if leaf.shape.rank != 3:
            raise ValueError(
                "This network takes windows of vectors, [batch, time, size], but an observation "
                f"has the shape {leaf.shape}; use a pixel network for images."
            )
    window = tf.concat([tf.cast(leaf, tf.float32) for leaf in leaves], axis=-1)
    return tf.reshape(window, [-1, window.shape[1] * window.shape[2]])
