"""Normalization of feature maps: per image and group of channels, or over the batch."""

import tensorflow as tf

CHANNELS_PER_GROUP = 16
_EPSILON = 1e-5
_BATCH_MOMENTUM = 0.9


class GroupNorm(tf.keras.layers.Layer):
    """Group normalization (arXiv 1803.08494) with a scale and an offset per channel.

    Moments are taken in float32, whatever the layer's type.
    """

    def __init__(self, channels_per_group: int = CHANNELS_PER_GROUP, **kwargs):
        """Creates the layer.

        Args:
          channels_per_group: Channels that are normalized together; divides their number.
          **kwargs: Passed to Keras.
        """
        super().__init__(**kwargs)
        self._channels_per_group = channels_per_group

    def build(self, input_shape) -> None:
        """Creates scale and offset, each [C]."""
        channels = tf.TensorShape(input_shape)[-1]
        options = dict(shape=[channels], experimental_autocast=False)
        self.gamma = self.add_weight(name="gamma", initializer="ones", **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        super().build(input_shape)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalizes [F, H, W, C]; `training` is without effect."""
        del training
        values = tf.cast(features, tf.float32)
        # Pixels first, channels of a group afterwards: what is summed lies side by side.
        mean = self._over_groups(tf.reduce_mean(values, axis=[1, 2], keepdims=True))
        squares = tf.math.squared_difference(values, mean)
        variance = self._over_groups(tf.reduce_mean(squares, axis=[1, 2], keepdims=True))
        scale = self.gamma * tf.math.rsqrt(variance + _EPSILON)
        return tf.cast(values * scale + (self.beta - mean * scale), features.dtype)

    def _over_groups(self, moments: tf.Tensor) -> tf.Tensor:
        """Replaces moments [F, 1, 1, C] by their means over the channels of each group."""
        channels, size = moments.shape[-1], self._channels_per_group
        grouped = tf.reshape(moments, [-1, channels // size, size])
        # tf.repeat computes shapes, which takes most of the time of tracing a large network.
        mean = tf.tile(tf.reduce_mean(grouped, axis=-1, keepdims=True), [1, 1, size])
        return tf.reshape(mean, [-1, 1, 1, channels])


def make(group_norm: bool, policy: tf.keras.mixed_precision.Policy) -> tf.keras.layers.Layer:
    """Returns group normalization, or batch normalization as PyTorch has it by default."""
    if group_norm:
        return GroupNorm(dtype=policy)
    return tf.keras.layers.BatchNormalization(
        momentum=_BATCH_MOMENTUM, epsilon=_EPSILON, dtype=policy
    )
