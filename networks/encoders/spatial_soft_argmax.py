"""Where in a picture each feature is: the layer of Levine et al. (arXiv 1504.00702)."""

import tensorflow as tf

from ibc.networks.encoders import image_prepro


class SpatialSoftArgmax(tf.keras.layers.Layer):
    """Mean pixel position under the softmax over the pixels of feature ÷ temperature.

    The temperature is learned; it is 1 at first. Its logarithm is the variable, so it stays
    positive.
    """

    def build(self, input_shape) -> None:
        """Creates the temperature's logarithm."""
        self.log_temperature = self.add_weight(
            name="log_temperature", shape=(), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Locates features.

        Args:
          features: float32 [B, H, W, K].

        Returns:
          float32 [B, 2 · K]: x and y of feature 0, x and y of feature 1, …, in [−1, 1] as in
          `image_prepro.coordinates`.
        """
        _, height, width, count = features.shape
        pixels = tf.reshape(features, [-1, height * width, count])
        attention = tf.nn.softmax(pixels * tf.exp(-self.log_temperature), axis=1)
        positions = image_prepro.coordinates(height, width).reshape(height * width, 2)
        return tf.reshape(tf.einsum("bpk,pc->bkc", attention, positions), [-1, 2 * count])
