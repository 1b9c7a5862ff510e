"""Spatial softmax (arXiv 1504.00702): where in a picture learned features are."""

import tensorflow as tf

from ibc.networks.encoders import image_encoders
from ibc.networks.layers import fan_in


class SpatialSoftmax(tf.keras.layers.Layer):
    """A convolution (1×1) to K features, and each one's mean position under a softmax.

    The softmax is over the pixels. Computed in float32: these are positions.
    """

    def __init__(self, num_features: int = 32, temperature: float = 1.0, **kwargs):
        """Creates the convolution.

        Args:
          num_features: K.
          temperature: What features are divided by before the softmax.
          **kwargs: Passed to Keras.
        """
        super().__init__(**kwargs)
        self._num_features = num_features
        self._temperature = temperature
        self._convolution = fan_in.FanInConv(num_features, 1)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Locates features.

        Args:
          features: [F, H, W, C].

        Returns:
          float32 [F, K, 2], x and y in [−1, 1]; x grows to the right, y downwards.
        """
        _, height, width, _ = features.shape
        maps = tf.reshape(self._convolution(features), [-1, height * width, self._num_features])
        attention = tf.nn.softmax(maps / self._temperature, axis=1)
        positions = image_encoders.coordinates(height, width).reshape(height * width, 2)
        return tf.einsum("fpk,pc->fkc", attention, positions)
