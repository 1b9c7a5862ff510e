"""Blocks: a batch or its samples worked on a few thousand rows at a time.

The activations of a training step over all action samples at once do not fit the processor's
caches, so moving them costs more than computing them, and backpropagation keeps them all. Blocks
of a few thousand rows cost neither. They also are what the cores work on side by side.
"""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ibc.utils import gpu
from ibc.utils.parallel import lanes

MAX_ROWS = 4608
"""What fits, and lets 16 examples with the paper's 256 counter-examples form a block."""

GPU_BYTES = 2 << 30
"""Of a GPU's memory, about what a block's activations may take: there they need no caches."""

MIN_ROWS = 16
"""Below this, starting an operation takes longer than the operation."""

MIN_SCORED_ROWS = 64
"""Below this, making blocks of samples to score takes longer than they save."""

_BUSY = 0.9
"""What is enough: more blocks are smaller ones."""


# Before and after its activation function, with dropout, and with respect to the loss.
_COPIES = 4


def max_rows(numbers_per_row: int) -> int:
    """Returns how many rows of activations to work on at a time, where a row has so many."""
    if gpu.device() is None:
        return MAX_ROWS
    bytes_per_row = _COPIES * tf.float32.size * max(1, numbers_per_row)
    return max(MAX_ROWS, GPU_BYTES // bytes_per_row)


def num_blocks(
    batch: int | None, rows_per_example: int, num_lanes: int = 1, most_rows: int | None = None
) -> int:
    """Returns in how many equal blocks to work on a batch.

    Args:
      batch: Number of examples, None if it is not known.
      rows_per_example: Action samples scored per example, at least 1.
      num_lanes: How many blocks are worked on side by side.
      most_rows: Rows of a block, see `max_rows`; `MAX_ROWS` if not given.

    Returns:
      The smallest divisor of `batch` that makes blocks of at most `most_rows` rows, or `batch` if
      an example alone exceeds this; a larger one, with blocks of at least `MIN_ROWS` rows, where
      that keeps the lanes busier; 1 if the batch is not known.
    """
    if batch is None:
        return 1
    divisors = [n for n in range(1, batch + 1) if batch % n == 0]
    most_rows = most_rows or MAX_ROWS
    least = next((n for n in divisors if batch // n * rows_per_example <= most_rows), batch)
    fitting = [n for n in divisors if n > least and batch // n * rows_per_example >= MIN_ROWS]

    def busy(count: int) -> float:
        """Share of the lanes that have a block in an average round."""
        return count / (-(-count // num_lanes) * num_lanes)

    candidates = [least, *fitting]
    return next((n for n in candidates if busy(n) >= _BUSY), max(candidates, key=busy))


def block(nest: Any, index: tf.Tensor, count: int) -> Any:
    """Returns block `index` of `count` equal ones of a nest of tensors [B, ...]."""

    def rows(tensor: tf.Tensor) -> tf.Tensor:
        shape = tensor.shape
        return tf.reshape(tensor, [count, shape[0] // count, *shape[1:]])[index]

    return tf.nest.map_structure(rows, nest)


def summed(fn: Callable[[tf.Tensor], Any], count: int) -> Any:
    """Returns fn(0) + … + fn(count − 1), as many of them side by side as there are lanes.

    Args:
      fn: Maps a scalar int32 to a nest of tensors, of shapes known beforehand. In a graph it is
        traced once.
      count: Number of terms, at least 1.
    """
    num_lanes = min(lanes.count(), count)
    with lanes.limited_to(1):
        if tf.executing_eagerly():
            terms = (fn(tf.constant(index)) for index in range(count))
            return functools.reduce(
                lambda total, each: tf.nest.map_structure(tf.add, total, each), terms
            )
        term = tf.function(fn, autograph=False).get_concrete_function(tf.TensorSpec([], tf.int32))
    sums = [_sum_of_every(term, lane, num_lanes, count) for lane in range(num_lanes)]
    return tf.nest.map_structure(lambda *of_lanes: tf.add_n(of_lanes), *sums)


def _sum_of_every(fn: Callable[[tf.Tensor], Any], first: int, step: int, count: int) -> Any:
    """Returns fn(first) + fn(first + step) + …, arguments below `count`, one after the other."""
    if first + step >= count:
        return fn(tf.constant(first))
    like = fn.structured_outputs

    def body(index: tf.Tensor, *sums: tf.Tensor) -> list[tf.Tensor]:
        terms = tf.nest.flatten(fn(index))
        return [index + step, *(total + each for total, each in zip(sums, terms, strict=True))]

    _, *sums = tf.while_loop(
        lambda index, *_: index < count,
        body,
        [tf.constant(first), *(tf.zeros(each.shape, each.dtype) for each in tf.nest.flatten(like))],
        parallel_iterations=1,
    )
    return tf.nest.pack_sequence_as(like, sums)


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
    blocks = num_blocks(count, batch, num_lanes)
    if blocks == 1 or batch * count < blocks * MIN_SCORED_ROWS:
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
