"""The activation of a residual sum, such that TensorFlow still fuses the products around it."""

from collections.abc import Callable

import tensorflow as tf


def get(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a Keras activation to apply to residual sums, which are used elsewhere, too.

    Args:
      name: Name of the activation, 'relu' for instance.

    Raises:
      ValueError: The activation is unknown to Keras.
    """
    return relu if name == "relu" else tf.keras.activations.get(name)


@tf.custom_gradient
def relu(sums: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """max(sums, 0), with Relu's gradient.

    TensorFlow's optimizer makes a product, its bias and what follows one operation. Where Relu
    follows a sum that has another use, it tries that too, fails ("remapper failed: … exist for
    missing node") and leaves the whole graph as it was. It does not look at Maximum.
    """
    activated = tf.maximum(sums, tf.zeros([], sums.dtype))
    return activated, lambda upstream: tf.raw_ops.ReluGrad(gradients=upstream, features=activated)
