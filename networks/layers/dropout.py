"""Dropout whose masks are a function of a seed, so that a resumed run repeats them."""

import contextlib
import contextvars
import itertools
from collections.abc import Iterator

import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.utils import endless_row

_step_masks: contextvars.ContextVar["tuple[Iterator[tf.Tensor], types.Int] | None"] = (
    contextvars.ContextVar("ibc_dropout_step_masks", default=None)
)


@contextlib.contextmanager
def step_seed(seed: tf.Tensor, part: types.Int = 0) -> Iterator[None]:
    """Derives every dropout mask drawn inside from `seed`.

    The n-th mask drawn inside the context uses `fold_in(seed, n)`: masks differ between layers
    and depend on nothing but the seed and the order of the layers.

    Args:
      seed: int32 or int64 [2], usually derived from the run's seed and the training step.
      part: Which of a batch's equal parts goes through the layers, from 0: masks of part i are
        rows i·B … (i + 1)·B − 1 of those that the whole batch would get.

    Yields:
      Nothing.
    """
    seeds = (tf.random.fold_in(seed, n) for n in itertools.count())
    token = _step_masks.set((seeds, part))
    try:
        yield
    finally:
        _step_masks.reset(token)


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
        masks = _step_masks.get()
        if masks is None:
            return tf.nn.dropout(inputs, self._rate)
        seeds, part = masks
        shape = inputs.shape if inputs.shape.is_fully_defined() else tf.shape(inputs)
        kept = tf.cast(_kept(shape, self._rate, next(seeds), part), inputs.dtype)
        return inputs * (kept * tf.constant(1 / (1 - self._rate), inputs.dtype))


def _kept(
    shape: tf.TensorShape | tf.Tensor, rate: float, seed: tf.Tensor, part: types.Int
) -> tf.Tensor:
    """Draws which numbers to keep, bool [shape], each with probability 1 − rate.

    Four decisions, of a byte each, are made of every random word: drawing words takes longer
    than all else here. A mask drops a whole number of 256ths, the one below `rate` or the one
    above it as the seed decides, so that each number is dropped with probability `rate` (at
    most 255/256).
    """
    count = tf.reduce_prod(shape) if tf.is_tensor(shape) else shape.num_elements()
    decisions = tf.reshape(_decisions(count, seed, part), shape)
    rounding = tf.cast(seed[0] & 0xFFFF, tf.float32) / 2**16
    dropped = tf.minimum(tf.floor(rate * 2**8 + rounding), 2**8 - 1)
    return decisions >= tf.cast(dropped - 2**7, tf.int8)


def _decisions(count: types.Int, seed: tf.Tensor, part: types.Int) -> tf.Tensor:
    """Draws int8 [count]: those from `part` · `count` on of the seed's row of them."""
    first = tf.cast(part, tf.int64) * tf.cast(count, tf.int64)
    draw = tf.raw_ops.StatelessRandomUniformFullIntV2
    if isinstance(count, int) and count % 16 == 0:
        words = endless_row.draw(draw, first // 4, count // 4, seed, tf.int32, aligned=True)
        return tf.reshape(tf.bitcast(words, tf.int8), [-1])
    words = endless_row.draw(draw, first // 4, count // 4 + 2, seed, tf.int32)
    start = tf.cast(first % 4, tf.int32)
    return tf.slice(tf.reshape(tf.bitcast(words, tf.int8), [-1]), [start], [count])
