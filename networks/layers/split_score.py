"""Scores many actions per observation without repeating the observation."""

from collections.abc import Callable

import tensorflow as tf

from ibc.networks.layers import dense


def split_score(
    first_layer: dense.Dense,
    after_first: Callable[[tf.Tensor], tf.Tensor],
    encoding: tf.Tensor,
    actions: tf.Tensor,
    training: bool,
) -> tf.Tensor:
    """Applies a value network to every pair of an observation and one of its actions.

    Args:
      first_layer: The network's first layer, on [observation's features, action].
      after_first: The rest of the network: [rows, width] to [rows, 1].
      encoding: float32 [B, width], `first_layer.head` of the observations' features.
      actions: float32 [B, N, A].
      training: Whether this is part of a training step.

    Returns:
      float32 [B, N].
    """
    count, size = tf.shape(actions)[1], actions.shape[2]
    per_action = first_layer.tail(tf.reshape(actions, [-1, size]), training)
    width = per_action.shape[1]
    hidden = encoding[:, tf.newaxis] + tf.reshape(per_action, [-1, count, width])
    if training:
        first_layer.commit()
    # Rows, not [B, N, width]: one large matrix product per layer.
    scores = tf.reshape(after_first(tf.reshape(hidden, [-1, width])), [-1, count])
    scores.set_shape(actions.shape[:2])
    return scores
