"""Random numbers from anywhere in the row that a seed stands for, without those before them.

TensorFlow's stateless operations fill a tensor with the first numbers of a row that never ends.
Devices and cores that share a batch each draw their own rows of what the whole batch would get.
"""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.typing import types

_BLOCK = 4
"""Numbers of 32 bits per step of the generator's counter (Philox 4×32)."""


def draw(
    operation: Callable[..., tf.Tensor],
    first: types.Int,
    count: types.Int,
    seed: tf.Tensor,
    aligned: bool = False,
) -> tf.Tensor:
    """Draws numbers `first` … `first` + `count` − 1 of a seed's row.

    Args:
      operation: One of TensorFlow's raw stateless operations (`…V2`) that make a float32
        of each random word.
      first: Where to start.
      count: How many numbers.
      seed: Integer tensor [2].
      aligned: Promises that `first` and `count` are multiples of 4, which saves copying.

    Returns:
      float32 [count].
    """
    first = tf.cast(first, tf.int64)
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    skipped = tf.stack([first // _BLOCK, tf.zeros([], tf.int64)])
    numbers = operation(
        shape=[count if aligned else count + _BLOCK - 1],
        key=key,
        counter=counter + tf.cast(skipped, tf.uint64),
        alg=tf.random.Algorithm.PHILOX.value,
        dtype=tf.float32,
    )
    if aligned:
        return numbers
    start = tf.cast(first % _BLOCK, tf.int32)
    return tf.slice(numbers, [start], [count])
