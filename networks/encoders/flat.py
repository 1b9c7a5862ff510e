"""Encodes state observations: a window of vectors becomes one vector per example.

Every encoder is made for an observation's specs and maps a batch of observations, in which
`training` is what `EnergyNetwork.encode` gets, to float32 [B, features].
"""

import tensorflow as tf
from tf_agents.typing import types
from tf_agents.utils import nest_utils

_ADVICE = (
    "as train_eval.network choose one that takes images, HybridEBM, HybridMSE or HybridMDN for any "
    "number of them with vectors, PixelEBM, ConvMLPMSE or ConvMLPMDN for a single one; or train on "
    "data without images."
)


class FlatEncoder:
    """Concatenates an observation's keys, in sorted order, and its time steps."""

    def __init__(self, obs_spec: types.NestedTensorSpec):
        """Checks what it will flatten.

        Args:
          obs_spec: Nest of specs [T, size] of one observation window.

        Raises:
          ValueError: A key holds images or anything else that is not a vector per time step.
        """
        for path, leaf in nest_utils.flatten_with_joined_paths(obs_spec):
            if leaf.shape.rank != 2:
                raise ValueError(
                    "A network over states takes windows of vectors, [time, size], but the "
                    f"observation{f' {path!r}' if path else ''} has the shape "
                    f"{tuple(leaf.shape)}: {_ADVICE}"
                )

    def __call__(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Flattens observations.

        Args:
          observation: Nest of float tensors [B, T, size of the key].
          training: Without effect.

        Returns:
          float32 [B, T · sum of the keys' sizes]; time is the slower axis.
        """
        del training
        leaves = [tf.cast(leaf, tf.float32) for leaf in tf.nest.flatten(observation)]
        window = tf.concat(leaves, axis=-1)
        return tf.reshape(window, [-1, window.shape[1] * window.shape[2]])


def flat_size(spec: types.NestedTensorSpec) -> int:
    """Returns the number of values that one example of `spec` holds."""
    return sum(leaf.shape.num_elements() for leaf in tf.nest.flatten(spec))


def zeros(spec: types.NestedTensorSpec) -> types.NestedTensor:
    """Returns one example of `spec`, all zeros; its batch dimension is 1."""
    return tf.nest.map_structure(lambda leaf: tf.zeros([1, *leaf.shape], leaf.dtype), spec)
