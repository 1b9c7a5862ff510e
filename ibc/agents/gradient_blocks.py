"""A batch's gradients, summed over blocks of its examples.

The activations of a training step over all action samples at once do not fit the processor's
caches, so moving them costs more than computing them, and backpropagation keeps them all. Blocks
of a few thousand rows cost neither.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

MAX_ROWS = 4608
"""What fits, and lets 16 examples with the paper's 256 counter-examples form a block."""


def num_blocks(batch: int | None, rows_per_example: int) -> int:
    """Returns in how many equal blocks to work on a batch, so that none exceeds `MAX_ROWS`.

    Args:
      batch: Number of examples, None if it is not known.
      rows_per_example: Action samples scored per example.

    Returns:
      The smallest divisor of `batch` that suffices; `batch` if an example alone exceeds the
      limit; 1 if the batch is not known.
    """
    if batch is None:
        return 1
    fitting = (n for n in range(1, batch) if batch % n == 0)
    return next((n for n in fitting if batch // n * rows_per_example <= MAX_ROWS), batch)


def block(nest: Any, index: tf.Tensor, count: int) -> Any:
    """Returns block `index` of `count` equal ones of a nest of tensors [B, ...]."""

    def rows(tensor: tf.Tensor) -> tf.Tensor:
        shape = tensor.shape
        return tf.reshape(tensor, [count, shape[0] // count, *shape[1:]])[index]

    return tf.nest.map_structure(rows, nest)


def summed(fn: Callable[[tf.Tensor], Any], count: int) -> Any:
    """Returns fn(0) + … + fn(count − 1), computed one after the other.

    Args:
      fn: Maps a scalar int32 to a nest of tensors.
      count: Number of terms, at least 1.
    """
    first = fn(tf.constant(0))

    def body(index: tf.Tensor, *sums: tf.Tensor) -> list[tf.Tensor]:
        terms = tf.nest.flatten(fn(index))
        return [index + 1, *(total + term for total, term in zip(sums, terms, strict=True))]

    _, *sums = tf.while_loop(
        lambda index, *_: index < count,
        body,
        [tf.constant(1), *tf.nest.flatten(first)],
        parallel_iterations=1,
    )
    return tf.nest.pack_sequence_as(first, sums)
