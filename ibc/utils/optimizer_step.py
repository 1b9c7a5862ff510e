"""An optimizer's step, alone or with other replicas."""

from collections.abc import Sequence

import tensorflow as tf


def apply(
    optimizer: tf.keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
) -> None:
    """Makes a step; gradients are summed over replicas where there are several.

    Keras sums over a single one, too, in a function whose gradient TensorFlow keeps as long as the
    process lives, and with it the graph of each step that was ever traced.

    Args:
      optimizer: A Keras optimizer.
      gradients: One for each variable.
      variables: What is changed.
    """
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    pairs = zip(gradients, variables, strict=True)
    optimizer.apply_gradients(pairs, experimental_aggregate_gradients=several)
