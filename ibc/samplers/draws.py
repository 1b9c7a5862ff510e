"""Seeded draws: functions of a key, whoever else draws and on however many devices and cores.

TensorFlow's stateless operations fill a tensor with the first numbers of a row that never ends and
that a seed stands for. Who draws for a share of a batch takes that share's numbers from the row.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf
from tf_agents.typing import types

from ibc.utils import keys

_UNIFORM = tf.raw_ops.StatelessRandomUniformV2
_NORMAL = tf.raw_ops.StatelessRandomNormalV2
_NUMBERS_PER_COUNT = 4
"""Numbers of 32 bits per step of the generator's counter (Philox 4×32)."""


def uniform(shape: Sequence[types.Int], key: keys.Key) -> tf.Tensor:
    """Draws float32 of a shape [B, ...] uniformly from [0, 1)."""
    return _drawn(_UNIFORM, shape, key)


def normal(shape: Sequence[types.Int], key: keys.Key) -> tf.Tensor:
    """Draws float32 of a shape [B, ...] from the standard normal distribution."""
    return _drawn(_NORMAL, shape, key)


def normal_like(tensor: tf.Tensor, key: keys.Key) -> tf.Tensor:
    """Draws float32 of the shape of `tensor`, [B, ...], from the standard normal distribution."""
    known = tensor.shape.is_fully_defined()
    shape = tensor.shape.as_list() if known else tf.unstack(tf.shape(tensor))
    return tf.ensure_shape(normal(shape, key), tensor.shape)


def indices(logits: tf.Tensor, count: int, key: keys.Key) -> tf.Tensor:
    """Draws indices with replacement from softmax(logits), row by row.

    Inverts the cumulative distribution, so memory grows with N + count, not N · count.

    Args:
      logits: float32 [B, N].
      count: Indices per row.
      key: What they follow from.

    Returns:
      int32 [B, count].
    """
    cumulative = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    total = cumulative[:, -1:]
    unit = uniform([logits.shape[0] or tf.shape(logits)[0], count], key)
    found = tf.searchsorted(cumulative, unit * total, side="right")
    return tf.minimum(found, tf.shape(logits)[1] - 1)


def numbers(
    operation: Callable[..., tf.Tensor],
    first: types.Int,
    count: types.Int,
    seed: tf.Tensor,
    aligned: bool = False,
) -> tf.Tensor:
    """Draws numbers `first` … `first` + `count` − 1 of a seed's row, without those before them.

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
    skipped = tf.stack([first // _NUMBERS_PER_COUNT, tf.zeros([], tf.int64)])
    drawn = operation(
        shape=[count if aligned else count + _NUMBERS_PER_COUNT - 1],
        key=key,
        counter=counter + tf.cast(skipped, tf.uint64),
        alg=tf.random.Algorithm.PHILOX.value,
        dtype=tf.float32,
    )
    if aligned:
        return drawn
    start = tf.cast(first % _NUMBERS_PER_COUNT, tf.int32)
    return tf.slice(drawn, [start], [count])


def _drawn(
    operation: Callable[..., tf.Tensor], shape: Sequence[types.Int], key: keys.Key
) -> tf.Tensor:
    if key.seed.shape.rank == 1:
        return _of_share(operation, shape, key)
    row_shape = shape[1:]
    static = [size if isinstance(size, int) else None for size in row_shape]
    return tf.map_fn(
        lambda seed: _of_share(operation, row_shape, keys.Key(seed)),
        key.seed,
        fn_output_signature=tf.TensorSpec(static, tf.float32),
    )


def _of_share(
    operation: Callable[..., tf.Tensor], shape: Sequence[types.Int], key: keys.Key
) -> tf.Tensor:
    """Draws tensor number `key.share` of the endless row of tensors of a shape: float32 [shape]."""
    count = math.prod(shape)
    first = tf.cast(key.share, tf.int64) * tf.cast(count, tf.int64)
    aligned = isinstance(count, int) and count % _NUMBERS_PER_COUNT == 0
    return tf.reshape(numbers(operation, first, count, key.seed, aligned), shape)
