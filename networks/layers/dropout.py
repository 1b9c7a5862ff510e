"""Dropout whose masks are a function of a key, so that a resumed run repeats them."""

import itertools
import numbers
from collections.abc import Sequence

import tensorflow as tf
from tf_agents.typing import types

from ibc.utils import keys

Training = keys.Key | bool
"""Whether layers are applied in training, and there where dropout's masks come from.

False outside of training. In training the step's key; True draws a key from TensorFlow's global
generator, another one at every execution.
"""

_PER_COUNTER = 8
"""Decisions of a byte each that Threefry makes of a counter."""
_HIGHEST_RATE = 255 / 256
"""What a byte can decide to drop."""

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_ROUNDS = 13
"""The least that passes the authors' statistical tests; they recommend 20 where time allows."""
_PARITY = 0x1BD11BDA


def checked_rate(rate: float) -> float:
    """Returns `rate`; raises ValueError unless it is a fraction to drop, in [0, 255/256]."""
    if not (isinstance(rate, numbers.Real) and 0 <= rate <= _HIGHEST_RATE):
        raise ValueError(f"The dropout rate must be in [0, {_HIGHEST_RATE}], but is {rate!r}.")
    return float(rate)


def masks(
    rows: types.Int,
    units: Sequence[int],
    rate: float,
    training: keys.Key | bool = True,
    dtype: tf.DType = tf.float32,
    first_mask: int = 0,
) -> list[tf.Tensor]:
    """Draws what to multiply activations with: 0, or 1 / (1 − rate) with probability 1 − rate.

    A mask drops a whole number of 256ths, the one below `rate` or the one above it as the seed
    decides, so that each number is dropped with probability `rate`. Masks differ between layers,
    and depend on nothing but the key, their number and the widest one of their stack.

    All masks of a stack of layers are drawn at once, in graphs compiled with XLA; not where the
    number of rows is known late, as XLA would compile anew, for a second, for each number of rows.

    Args:
      rows: Rows of each mask, all that the key's share has.
      units: Columns of each mask.
      rate: Fraction to drop, as `checked_rate` returns it.
      training: The step's key, of one seed [2], of whose numbers the lower 32 bits count; or
        True, see `Training`.
      dtype: Type of the masks.
      first_mask: Number of the first mask, where several stacks draw theirs from one key.

    Returns:
      A tensor [rows, columns] for each of `units`.
    """
    key = keys.fresh() if training is True else training
    first_row = tf.cast(key.share, tf.int64) * tf.cast(rows, tf.int64)
    first_mask = tf.constant(first_mask, tf.int64)
    draw = _masks if tf.executing_eagerly() or tf.is_tensor(rows) else _compiled_masks
    drawn, _ = draw(key.seed, first_row, first_mask, rows, tuple(units), rate)
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
    of_step = tuple(tf.unstack(word(seed)))
    mask = word(first_mask + tf.range(len(units), dtype=tf.int64))[:, tf.newaxis, tf.newaxis]
    key = threefry(of_step, (mask, word(0)))
    rounding = tf.cast(threefry(of_step, (mask, word(1)))[0], tf.float32) / 2**32
    # In float32 a sum just below 256 may be 256.
    dropped = tf.cast(tf.minimum(tf.floor(rate * 2**8 + rounding), 2**8 - 1), tf.uint8)
    row = word(first_row + tf.range(tf.cast(rows, tf.int64)))[:, tf.newaxis]
    counters = -(-max(units) // _PER_COUNTER)
    column = word(tf.range(counters, dtype=tf.int64))
    words = tf.concat(threefry(key, (row, column)), axis=-1)
    decisions = tf.reshape(tf.bitcast(words, tf.uint8), [len(units), rows, counters * _PER_COUNTER])
    masks = tf.where(decisions >= dropped, 1 / (1 - rate), tf.zeros([]))
    cut = zip(tf.unstack(masks), units, strict=True)
    return [of_layer[:, :columns] for of_layer, columns in cut], words


_compiled_masks = tf.function(_masks, jit_compile=True, autograph=False)


def threefry(
    key: tuple[tf.Tensor, tf.Tensor], counter: tuple[tf.Tensor, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Encrypts a counter with a key: Threefry-2×32 with 13 rounds (Salmon et al., SC 2011).

    TensorFlow's own generators take several times as long on CPUs: Philox is not vectorized
    there, and its Threefry exists for XLA alone, which vectorizes this one, but not its own.

    Args:
      key: Two uint32 tensors.
      counter: Two uint32 tensors; all four are broadcast against each other.

    Returns:
      Two uint32 tensors, 64 random bits for each pair of key and counter.
    """
    words = (*key, tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(*key), _constant(_PARITY)))
    first, second = counter[0] + words[0], counter[1] + words[1]
    for done, rotation in zip(range(1, _ROUNDS + 1), itertools.cycle(_ROTATIONS)):
        first += second
        second = tf.bitwise.bitwise_xor(_rotated(second, rotation), first)
        if done % 4 == 0:
            injection = done // 4
            first += words[injection % 3]
            second += words[(injection + 1) % 3] + _constant(injection)
    return first, second


def _rotated(tensor: tf.Tensor, bits: int) -> tf.Tensor:
    left = tf.bitwise.left_shift(tensor, _constant(bits))
    return tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(tensor, _constant(32 - bits)))


def _constant(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)


def word(number: types.Int) -> tf.Tensor:
    """Returns the lower 32 bits of integers, uint32, as `threefry` takes them."""
    low = tf.bitwise.bitwise_and(tf.cast(number, tf.int64), tf.constant(0xFFFFFFFF, tf.int64))
    return tf.cast(low, tf.uint32)
