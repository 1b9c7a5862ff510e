"""Dropout whose masks are a function of a seed, so that a resumed run repeats them."""

import contextlib
import contextvars
import itertools
from collections.abc import Iterator

import tensorflow as tf

_step_seeds: contextvars.ContextVar["Iterator[tf.Tensor] | None"] = contextvars.ContextVar(
    "ibc_dropout_step_seeds", default=None
)


@contextlib.contextmanager
def step_seed(seed: tf.Tensor) -> Iterator[None]:
    """Derives every dropout mask drawn inside from `seed`.

    The n-th mask drawn inside the context uses `fold_in(seed, n)`: masks differ between layers
    and depend on nothing but the seed and the order of the layers.

    Args:
      seed: int32 or int64 [2], usually derived from the run's seed and the training step.

    Yields:
      Nothing.
    """
    seeds = (tf.random.fold_in(seed, n) for n in itertools.count())
    token = _step_seeds.set(seeds)
    try:
        yield
    finally:
        _step_seeds.reset(token)


class Dropout(tf.keras.layers.Layer):
    """Zeroes a fraction of its input in training and scales the rest by 1 / (1 − rate).

    Holds no variables. Outside `step_seed` the masks come from TensorFlow's global generator.
    """

    def __init__(self, rate: float, **kwargs):
        """Creates the layer.

        Args:
          rate: Fraction to drop, in [0, 1).
          **kwargs: Passed to Keras.

        Raises:
          ValueError: `rate` is outside [0, 1).
        """
        super().__init__(autocast=False, **kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"The dropout rate must be in [0, 1), but is {rate}.")
        self._rate = rate

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drops in training, passes `inputs` through otherwise."""
        if not training or self._rate == 0:
            return inputs
        seeds = _step_seeds.get()
        if seeds is None:
            return tf.nn.dropout(inputs, self._rate)
        kept = tf.cast(_kept(tf.shape(inputs), self._rate, next(seeds)), inputs.dtype)
        return inputs * (kept * tf.constant(1 / (1 - self._rate), inputs.dtype))


def _kept(shape: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Draws which numbers to keep, bool [shape], each with probability 1 − rate to 2⁻¹⁷.

    Two decisions are made of each random word: drawing words takes longer than all else here.
    """
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform(
        [(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32
    )
    halves = tf.reshape(tf.bitcast(words, tf.int16), [-1])[:count]
    lowest = min(round(rate * 2**16), 2**16 - 1) - 2**15
    return tf.reshape(halves, shape) >= tf.constant(lowest, tf.int16)
