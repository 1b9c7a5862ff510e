"""Scores of many samples, on all cores."""

from collections.abc import Callable

import tensorflow as tf

from ibc.utils.parallel import gradient_blocks, lanes

MIN_ROWS = 64
"""Below this, making blocks takes longer than they save."""


def scored(score_fn: Callable[[tf.Tensor], tf.Tensor], actions: tf.Tensor) -> tf.Tensor:
    """Returns score_fn(actions), computed in blocks, as many side by side as there are lanes.

    The blocks' activations fit the caches. With one lane, or few samples, there is one block. Not
    to be differentiated.

    Args:
      score_fn: Maps actions [B, n, A] to scores [B, n], each from its own action alone.
      actions: float32 [B, N, A]; not in blocks where B is not known.

    Returns:
      float32 [B, N].
    """
    batch, count, size = actions.shape
    num_lanes = lanes.count()
    if batch is None or num_lanes == 1:
        return score_fn(actions)
    blocks = gradient_blocks.num_blocks(count, batch, num_lanes)
    if blocks == 1 or batch * count < blocks * MIN_ROWS:
        return score_fn(actions)
    samples = tf.reshape(actions, [batch, blocks, count // blocks, size])
    with lanes.limited_to(1):
        scores = tf.map_fn(
            score_fn,
            tf.transpose(samples, [1, 0, 2, 3]),
            fn_output_signature=tf.TensorSpec([batch, count // blocks]),
            parallel_iterations=num_lanes,
        )
    return tf.reshape(tf.transpose(scores, [1, 0, 2]), [batch, count])
