"""Standardises what it sees by statistics that grow with it, or that are known."""

import numpy as np
import tensorflow as tf

_EPSILON = 1e-5
_BOUND = 5.0


class RunningNormalizer(tf.Module):
    """y = clip((x − mean)/√(var + 1e-5), ±5), as rl_games has it.

    Statistics begin as of one row of mean 0 and variance 1 and are merged with each batch's (Chan
    et al., 1979), the batch's variance being the unbiased one. All state is in variables.
    """

    def __init__(self, size: int, name: str = "running_normalizer"):
        """Creates the variables.

        Args:
          size: D.
          name: Name of the variables.
        """
        super().__init__(name=name)
        zeros, ones = tf.zeros([size], tf.float64), tf.ones([size], tf.float64)
        self.mean = tf.Variable(zeros, trainable=False, name="mean")
        self.var = tf.Variable(ones, trainable=False, name="var")
        self.count = tf.Variable(1.0, trainable=False, dtype=tf.float64, name="count")

    def observe(self, rows: tf.Tensor) -> None:
        """Merges a batch [B, D], B at least 2, into the statistics."""
        rows = tf.cast(rows, tf.float64)
        count = tf.cast(tf.shape(rows)[0], tf.float64)
        mean = tf.reduce_mean(rows, 0)
        var = tf.reduce_sum(tf.square(rows - mean), 0) / (count - 1)
        total, difference = self.count + count, mean - self.mean
        between = tf.square(difference) * self.count * count / total
        squares = self.var * self.count + var * count + between
        self.mean.assign_add(difference * count / total)
        self.var.assign(squares / total)
        self.count.assign(total)

    def set_exact(self, rows: np.ndarray) -> None:
        """Takes mean and variance of all rows [N, D] there are, once and for good."""
        rows = np.asarray(rows, np.float64)
        self.mean.assign(rows.mean(0))
        self.var.assign(rows.var(0))
        self.count.assign(float(len(rows)))

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns standardised rows, float32 [..., D], within ±5."""
        mean, std = self._moments()
        return tf.clip_by_value((rows - mean) / std, -_BOUND, _BOUND)

    def denormalized(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns what standardised rows [..., D] stand for; they are bounded by ±5 first."""
        mean, std = self._moments()
        return tf.clip_by_value(rows, -_BOUND, _BOUND) * std + mean

    def _moments(self) -> tuple[tf.Tensor, tf.Tensor]:
        mean, var = tf.cast(self.mean, tf.float32), tf.cast(self.var, tf.float32)
        return mean, tf.sqrt(var + _EPSILON)
