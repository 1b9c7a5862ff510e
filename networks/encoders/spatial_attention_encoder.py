"""A residual encoder of images that ends in feature positions."""

import tensorflow as tf

from ibc.networks.encoders import image_prepro, spatial_soft_argmax
from ibc.utils import precision

_WIDTH = 64
_BLOCKS = 8
_HEADS = 64


class SpatialAttentionEncoder(tf.keras.layers.Layer):
    """Positions of 64 learned features.

    Coordinate channels, convolution (3×3), 8 residual bottlenecks at full resolution, convolution
    (1×1) to 64 heads, spatial soft-argmax.
    """

    def __init__(self, **kwargs):
        """Creates the layers; **kwargs are passed to Keras."""
        super().__init__(**kwargs)
        self._input = _convolution(_WIDTH, 3)
        policy = precision.hidden_policy()
        self._blocks = [_Bottleneck(_WIDTH, policy) for _ in range(_BLOCKS)]
        self._heads = _convolution(_HEADS, 1, policy)
        self._soft_argmax = spatial_soft_argmax.SpatialSoftArgmax()

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Encodes images.

        Args:
          images: float32 [B, H, W, C].

        Returns:
          float32 [B, 128], the features' positions in [−1, 1].
        """
        features = self._input(image_prepro.append_coordinates(images))
        for block in self._blocks:
            features = block(features)
        return self._soft_argmax(self._heads(tf.nn.relu(features)))


class _Bottleneck(tf.keras.layers.Layer):
    """relu and convolution three times: 1×1 to a quarter, 3×3, 1×1 back; + identity."""

    def __init__(self, width: int, policy: tf.keras.mixed_precision.Policy):
        super().__init__(dtype=policy)
        self._convolutions = [
            _convolution(width // 4, 1, policy),
            _convolution(width // 4, 3, policy),
            _convolution(width, 1, policy),
        ]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps float32 [B, H, W, width] to the same shape."""
        features = inputs
        for convolution in self._convolutions:
            features = convolution(tf.nn.relu(features))
        return inputs + features


def _convolution(
    filters: int, size: int, policy: tf.keras.mixed_precision.Policy | None = None
) -> tf.keras.layers.Conv2D:
    return tf.keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        kernel_initializer="normal",
        bias_initializer="normal",
        dtype=policy,
    )
