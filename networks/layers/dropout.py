"""Dropout whose masks are a function of a seed, so that a resumed run repeats them."""

import contextlib
import contextvars
import dataclasses
import numbers
from collections.abc import Iterator, Sequence

import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.layers import threefry

_PER_COUNTER = 8
"""Decisions of a byte each that Threefry makes of a counter."""

_HIGHEST_RATE = 255 / 256
"""What a byte can decide to drop."""


@dataclasses.dataclass
class _Draws:
    """Where masks come from inside `step_seed`."""

    seed: tf.Tensor
    part: types.Int
    drawn: int = 0
    """Masks drawn so far."""


_draws: contextvars.ContextVar[_Draws | None] = contextvars.ContextVar(
    "ibc_dropout_draws", default=None
)


@contextlib.contextmanager
def step_seed(seed: tf.Tensor, part: types.Int = 0) -> Iterator[None]:
    """Derives every dropout mask drawn inside from `seed`.

    Masks differ between layers, and depend on nothing but the seed, the order of the layers and
    the widest one of their stack.

    Args:
      seed: int32 or int64 [2], usually derived from the run's seed and the training step; of
        each number the lower 32 bits count.
      part: Which of a batch's equal parts goes through the layers, from 0: masks of part i are
        rows i·B … (i + 1)·B − 1 of those that the whole batch would get.

    Yields:
      Nothing.
    """
    token = _draws.set(_Draws(seed, part))
    try:
        yield
    finally:
        _draws.reset(token)


def checked_rate(rate: float) -> float:
    """Returns `rate`; raises ValueError unless it is a fraction to drop, in [0, 255/256]."""
    if not (isinstance(rate, numbers.Real) and 0 <= rate <= _HIGHEST_RATE):
        raise ValueError(f"The dropout rate must be in [0, {_HIGHEST_RATE}], but is {rate!r}.")
    return float(rate)


def masks(
    rows: types.Int, units: Sequence[int], rate: float, dtype: tf.DType = tf.float32
) -> list[tf.Tensor]:
    """Draws what to multiply activations with: 0, or 1 / (1 − rate) with probability 1 − rate.

    A mask drops a whole number of 256ths, the one below `rate` or the one above it as the seed
    decides, so that each number is dropped with probability `rate`. Outside `step_seed` the masks
    come from TensorFlow's global generator.

    All masks of a stack of layers are drawn at once, in graphs compiled with XLA; not where the
    number of rows is known late, as XLA would compile anew, for a second, for each number of rows.

    Args:
      rows: Rows of each mask.
      units: Columns of each mask.
      rate: Fraction to drop, as `checked_rate` returns it.
      dtype: Type of the masks.

    Returns:
      A tensor [rows, columns] for each of `units`.
    """
    draws = _draws.get()
    if draws is None:
        draws = _Draws(tf.random.uniform([2], tf.int32.min, tf.int32.max, tf.int32), 0)
    first_row = tf.cast(draws.part, tf.int64) * tf.cast(rows, tf.int64)
    first_mask = tf.constant(draws.drawn, tf.int64)
    draws.drawn += len(units)
    draw = _masks if tf.executing_eagerly() or tf.is_tensor(rows) else _compiled_masks
    drawn, _ = draw(draws.seed, first_row, first_mask, rows, tuple(units), rate)
    return [tf.cast(mask, dtype) for mask in drawn]


def _masks(
    seed: tf.Tensor,
    first_row: tf.Tensor,
    first_mask: tf.Tensor,
    rows: types.Int,
    units: tuple[int, ...],
    rate: float,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Draws float32 masks.

    Returns the random words, too: of a single mask XLA would make them again for every number.
    """
    of_step = tuple(tf.unstack(_word(seed)))
    mask = _word(first_mask + tf.range(len(units), dtype=tf.int64))[:, tf.newaxis, tf.newaxis]
    key = threefry.words(of_step, (mask, _word(0)))
    rounding = tf.cast(threefry.words(of_step, (mask, _word(1)))[0], tf.float32) / 2**32
    # In float32 a sum just below 256 may be 256.
    dropped = tf.cast(tf.minimum(tf.floor(rate * 2**8 + rounding), 2**8 - 1), tf.uint8)
    row = _word(first_row + tf.range(tf.cast(rows, tf.int64)))[:, tf.newaxis]
    counters = -(-max(units) // _PER_COUNTER)
    column = _word(tf.range(counters, dtype=tf.int64))
    words = tf.concat(threefry.words(key, (row, column)), axis=-1)
    decisions = tf.reshape(tf.bitcast(words, tf.uint8), [len(units), rows, counters * _PER_COUNTER])
    masks = tf.where(decisions >= dropped, 1 / (1 - rate), tf.zeros([]))
    cut = zip(tf.unstack(masks), units, strict=True)
    return [of_layer[:, :columns] for of_layer, columns in cut], words


_compiled_masks = tf.function(_masks, jit_compile=True, autograph=False)


def _word(number: types.Int) -> tf.Tensor:
    """Returns the lower 32 bits of integers, uint32."""
    low = tf.bitwise.bitwise_and(tf.cast(number, tf.int64), tf.constant(0xFFFFFFFF, tf.int64))
    return tf.cast(low, tf.uint32)
