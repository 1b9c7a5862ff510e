"""The random generator Threefry-2×32: random words as a function of a key and a counter.

TensorFlow's own generators take several times as long on CPUs: Philox is not vectorized there, and
Threefry exists for XLA alone, which vectorizes this one, but not its own.
"""

import itertools

import tensorflow as tf

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_ROUNDS = 13
"""The least that passes the authors' statistical tests; they recommend 20 where time allows."""
_PARITY = 0x1BD11BDA


def words(
    key: tuple[tf.Tensor, tf.Tensor], counter: tuple[tf.Tensor, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Encrypts a counter with a key: Threefry-2×32 with 13 rounds (Salmon et al., SC 2011).

    Args:
      key: Two uint32 tensors.
      counter: Two uint32 tensors; all four are broadcast against each other.

    Returns:
      Two uint32 tensors, 64 random bits for each pair of key and counter.
    """
    keys = (*key, tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(*key), _word(_PARITY)))
    first, second = counter[0] + keys[0], counter[1] + keys[1]
    for done, rotation in zip(range(1, _ROUNDS + 1), itertools.cycle(_ROTATIONS)):
        first += second
        second = tf.bitwise.bitwise_xor(_rotated(second, rotation), first)
        if done % 4 == 0:
            injection = done // 4
            first += keys[injection % 3]
            second += keys[(injection + 1) % 3] + _word(injection)
    return first, second


def _rotated(tensor: tf.Tensor, bits: int) -> tf.Tensor:
    left = tf.bitwise.left_shift(tensor, _word(bits))
    return tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(tensor, _word(32 - bits)))


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)
