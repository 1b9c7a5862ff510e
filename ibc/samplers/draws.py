"""Random draws that are functions of a seed, shared by a batch or one per row.

A *seed* here is an integer tensor [2], shared by all rows of what is drawn, or [B, 2]: row i
then depends on seed i alone, whatever the other rows are.
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
from tf_agents.typing import types

from ibc.samplers import endless_row

_INT32 = tf.int32
_UNIFORM = tf.raw_ops.StatelessRandomUniformV2
_NORMAL = tf.raw_ops.StatelessRandomNormalV2

_share: contextvars.ContextVar["tuple[types.Int, int]"] = contextvars.ContextVar(
    "ibc_draws_share", default=(0, 1)
)


@contextlib.contextmanager
def share_of_batch(index: types.Int, count: int) -> Iterator[None]:
    """Draws inside for one of `count` equal shares of a batch what the whole batch would get.

    With a seed [2], the rows [B, ...] drawn for share i are rows i·B … (i + 1)·B − 1 of what is
    drawn for B · count rows, so devices that share a batch draw what one device would. Shares
    inside a share are shares of it.

    Args:
      index: Which share, from 0.
      count: How many shares there are.

    Yields:
      Nothing.
    """
    outer_index, outer_count = _share.get()
    token = _share.set((outer_index * count + index, outer_count * count))
    try:
        yield
    finally:
        _share.reset(token)


def fresh_seed(op_seed: int | None = None) -> tf.Tensor:
    """Draws a new seed, int32 [2], from TensorFlow's global generator.

    Args:
      op_seed: Seed of the drawing operation; with it, successive draws repeat in every process.

    Returns:
      int32 [2], different at every execution.
    """
    return tf.random.uniform([2], _INT32.min, _INT32.max, _INT32, seed=op_seed)


def as_seed(seed: types.Seed | None) -> tf.Tensor:
    """Turns what a policy's `action` was given into a seed.

    Args:
      seed: None or an int for a fresh seed per execution, or an integer tensor [2] or [B, 2].

    Returns:
      int32 or int64 [2] or [B, 2].

    Raises:
      ValueError: A tensor of another shape.
    """
    if seed is None or isinstance(seed, int):
        return fresh_seed(seed)
    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank not in (1, 2) or seed.shape[-1] != 2:
        raise ValueError(
            "A policy's seed must be None, an int, or an integer tensor of shape [2] or "
            f"[batch, 2], but has the shape {seed.shape}."
        )
    return seed


def split(seed: tf.Tensor, count: int) -> tf.Tensor:
    """Derives independent seeds.

    Args:
      seed: Integer tensor [2] or [B, 2].
      count: How many.

    Returns:
      Seeds stacked along a new first axis: [count, 2] or [count, B, 2].
    """
    if seed.shape.rank == 1:
        return tf.random.split(seed, count)
    rows = tf.map_fn(lambda row: tf.random.split(row, count), seed)
    return tf.transpose(rows, [1, 0, 2])


def normal_like(tensor: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws float32 of the shape of `tensor`, [B, ...], from the standard normal distribution."""
    known = tensor.shape.is_fully_defined()
    shape = tensor.shape.as_list() if known else tf.unstack(tf.shape(tensor))
    return tf.ensure_shape(_draw(_NORMAL, shape, seed), tensor.shape)


def uniform_actions(
    batch: types.Int, count: int, minimum: tf.Tensor, maximum: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Draws actions uniformly within bounds.

    Args:
      batch: B.
      count: N, actions per row.
      minimum: float32 [A].
      maximum: float32 [A].
      seed: Integer tensor [2] or [B, 2].

    Returns:
      float32 [B, N, A].
    """
    unit = _draw(_UNIFORM, [batch, count, minimum.shape[0]], seed)
    return minimum + unit * (maximum - minimum)


def indices(logits: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws indices with replacement from softmax(logits), row by row.

    Inverts the cumulative distribution, so memory grows with N + count, not N · count.

    Args:
      logits: float32 [B, N].
      count: Indices per row.
      seed: Integer tensor [2] or [B, 2].

    Returns:
      int32 [B, count].
    """
    cumulative = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    total = cumulative[:, -1:]
    unit = _draw(_UNIFORM, [logits.shape[0] or tf.shape(logits)[0], count], seed)
    found = tf.searchsorted(cumulative, unit * total, side="right")
    return tf.minimum(found, tf.shape(logits)[1] - 1)


def _draw(
    operation: Callable[..., tf.Tensor], shape: Sequence[types.Int], seed: tf.Tensor
) -> tf.Tensor:
    if seed.shape.rank == 1:
        return _numbers(operation, shape, seed, _share.get()[0])
    row_shape = shape[1:]
    static = [size if isinstance(size, int) else None for size in row_shape]
    signature = tf.TensorSpec(static, tf.float32)
    return tf.map_fn(
        lambda row: _numbers(operation, row_shape, row, 0), seed, fn_output_signature=signature
    )


def _numbers(
    operation: Callable[..., tf.Tensor],
    shape: Sequence[types.Int],
    seed: tf.Tensor,
    index: types.Int,
) -> tf.Tensor:
    """Draws tensor `index` of the endless row of tensors of a shape: float32 [shape]."""
    count = math.prod(shape)
    first = tf.cast(index, tf.int64) * tf.cast(count, tf.int64)
    aligned = isinstance(count, int) and count % 4 == 0
    drawn = endless_row.draw(operation, first, count, seed, aligned)
    return tf.reshape(drawn, shape)
