"""Batch normalization of videos, with moments of each time step's pictures."""

import tensorflow as tf

EPSILON = 1e-5
"""Added to variances."""
MOMENTUM = 0.9
"""Share of itself that a running moment keeps in an update."""


class FrameNorm(tf.Module):
    """y = scale · (x − mean)/√(variance + ε) + offset, for each channel.

    A network that sees a video frame by frame takes, in training, the moments of one time step's
    pictures, and moves its running moments once per step, in the order of time. Here all steps
    come at once: after T of them a running moment is 0.9^T·before + Σ_t 0.1·0.9^(T−1−t)·moment_t.
    """

    def __init__(self, channels: int, name: str = "frame_norm"):
        """Creates the variables, of the identity."""
        super().__init__(name=name)
        self.scale = tf.Variable(tf.ones([channels]), name="scale")
        self.offset = tf.Variable(tf.zeros([channels]), name="offset")
        self.mean = tf.Variable(tf.zeros([channels]), trainable=False, name="mean")
        self.variance = tf.Variable(tf.ones([channels]), trainable=False, name="variance")

    def __call__(self, values: tf.Tensor, frames: tf.Tensor | int, training: bool) -> tf.Tensor:
        """Normalizes by the running moments, or in training by the batch's, which move them.

        Args:
          values: float32 [T·B, …, channels], time step by time step.
          frames: T, how many groups have moments of their own; 1 for moments of all rows.
          training: Whether to take the batch's moments.

        Returns:
          Like `values`.
        """
        channels = self.scale.shape[0]
        rows = tf.reshape(values, [frames, -1, channels])
        if training:
            mean, variance = tf.nn.moments(rows, 1, keepdims=True)
            self._move(mean[:, 0], variance[:, 0], tf.shape(rows)[1])
        else:
            mean, variance = self.mean, self.variance
        factor = self.scale * tf.math.rsqrt(variance + EPSILON)
        return tf.reshape((rows - mean) * factor + self.offset, tf.shape(values))

    def _move(self, means: tf.Tensor, variances: tf.Tensor, count: tf.Tensor) -> None:
        """Moves the running moments; the variance's estimate is the unbiased one, as published."""
        frames = tf.shape(means)[0]
        age = tf.cast(tf.range(frames - 1, -1, -1), means.dtype)[:, tf.newaxis]
        shares = (1 - MOMENTUM) * tf.pow(tf.constant(MOMENTUM, means.dtype), age)
        kept = tf.pow(tf.constant(MOMENTUM, means.dtype), tf.cast(frames, means.dtype))
        unbiased = tf.cast(count, means.dtype) / tf.cast(tf.maximum(count - 1, 1), means.dtype)
        for running, found in ((self.mean, means), (self.variance, unbiased * variances)):
            running.assign(kept * running + tf.reduce_sum(shares * found, 0))
