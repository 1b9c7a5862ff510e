"""Variables that are uniform within ±1/√fan_in at first, kernels and biases alike."""

from collections.abc import Sequence

import tensorflow as tf


class Drawing:
    """Draws variables one after the other, each from a seed and its place in the row."""

    def __init__(self, seed: int):
        """Begins a row."""
        self._seed, self._count = seed, 0

    def __call__(self, shape: Sequence[int], fan_in: int, name: str) -> tf.Variable:
        """Returns the next variable, float32, uniform within ±1/√fan_in."""
        bound = fan_in**-0.5
        seed = [self._seed, self._count]
        self._count += 1
        return tf.Variable(tf.random.stateless_uniform(shape, seed, -bound, bound), name=name)
