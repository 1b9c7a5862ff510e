"""Losses of energy networks, from predictions that are higher for better actions."""

import gin
import tensorflow as tf

_KERAS_EPSILON = 1e-7


@gin.configurable(denylist=["predictions", "temperature"])
def info_nce(predictions: tf.Tensor, temperature: float = 1.0, faithful: bool = False) -> tf.Tensor:
    """Cross-entropy of the true action among its counter-examples (paper, eq. 2).

    −log softmax(predictions / temperature)[last], from log-softmax, so that the gradient
    survives however far the true action lies below the others.

    Args:
      predictions: float32 [B, N + 1], the true action in the last column.
      temperature: Divides the predictions.
      faithful: Computes the published code's loss instead: the Kullback-Leibler divergence from
        a one-hot label, both sides clipped at 1e-7. It saturates at 16.118, without gradient.

    Returns:
      float32 [B].
    """
    logits = predictions / temperature
    if not faithful:
        return -tf.nn.log_softmax(logits)[:, -1]
    label = tf.one_hot(tf.shape(logits)[1] - 1, tf.shape(logits)[1])
    label = tf.clip_by_value(label, _KERAS_EPSILON, 1.0)
    probabilities = tf.clip_by_value(tf.nn.softmax(logits), _KERAS_EPSILON, 1.0)
    return tf.reduce_sum(label * tf.math.log(label / probabilities), axis=-1)


EBM_LOSSES = {"info_nce": info_nce}
