"""Encoders of images, under their published names: [B, H, W, C] to one vector per image."""

import numpy as np
import tensorflow as tf

from ibc.utils import precision

_FILTERS = (32, 64, 128, 256)
_POOL = 2
_ATTENTION_WIDTH = 64
_ATTENTION_BLOCKS = 8
_ATTENTION_HEADS = 64
_CONVOLUTION = dict(padding="same", kernel_initializer="normal", bias_initializer="normal")


class ConvMaxpoolEncoder(tf.keras.layers.Layer):
    """Four times convolution (3×3), relu and max-pooling (2×2), then the mean over the picture."""

    def __init__(self, **kwargs):
        """Creates the convolutions; **kwargs are passed to Keras."""
        super().__init__(**kwargs)
        self._convolutions = [_ConvMaxpool(filters) for filters in _FILTERS]

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Encodes images.

        Args:
          images: float32 [B, H, W, C].

        Returns:
          float32 [B, 256].

        Raises:
          ValueError: The images are too small to be halved four times.
        """
        smallest = _POOL ** len(_FILTERS)
        if min(images.shape[1:3]) < smallest:
            raise ValueError(
                f"ConvMaxpoolEncoder needs images of at least {smallest}×{smallest} pixels, but "
                f"gets {images.shape[1]}×{images.shape[2]}; set the network's target_height and "
                "target_width."
            )
        for convolution in self._convolutions:
            images = convolution(images)
        return tf.reduce_mean(tf.cast(images, self.compute_dtype), axis=[1, 2])


class _ConvMaxpool(tf.keras.layers.Conv2D):
    """Convolution, relu, max-pooling.

    The maximum of relu(x + bias) is relu(maximum of x, + bias), exactly, so that three quarters
    of the sums and relus, and of what their gradients keep, are left out.
    """

    def __init__(self, filters: int):
        super().__init__(filters, 3, **_CONVOLUTION, dtype=precision.hidden_policy())

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Maps float32 [B, H, W, C] to [B, H // 2, W // 2, filters]."""
        convolved = tf.nn.conv2d(images, self.kernel, strides=1, padding="SAME")
        pooled = tf.nn.max_pool2d(convolved, ksize=_POOL, strides=_POOL, padding="VALID")
        return tf.nn.relu(tf.nn.bias_add(pooled, self.bias))


class SpatialAttentionEncoder(tf.keras.layers.Layer):
    """Positions of 64 learned features.

    Coordinate channels, convolution (3×3), 8 residual bottlenecks at full resolution, convolution
    (1×1) to 64 heads, spatial soft-argmax.
    """

    def __init__(self, **kwargs):
        """Creates the layers; **kwargs are passed to Keras."""
        super().__init__(**kwargs)
        self._input = _convolution(_ATTENTION_WIDTH, 3)
        policy = precision.hidden_policy()
        self._blocks = [_Bottleneck(_ATTENTION_WIDTH, policy) for _ in range(_ATTENTION_BLOCKS)]
        self._heads = _convolution(_ATTENTION_HEADS, 1, policy)
        self._soft_argmax = SpatialSoftArgmax()

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Encodes images.

        Args:
          images: float32 [B, H, W, C].

        Returns:
          float32 [B, 128], the features' positions in [−1, 1].
        """
        features = self._input(append_coordinates(images))
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
    return tf.keras.layers.Conv2D(filters, size, **_CONVOLUTION, dtype=policy)


class SpatialSoftArgmax(tf.keras.layers.Layer):
    """Where each feature is (arXiv 1504.00702): its mean pixel position under a softmax.

    The softmax is over the pixels, of feature ÷ temperature.

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
          `coordinates`.
        """
        _, height, width, count = features.shape
        pixels = tf.reshape(features, [-1, height * width, count])
        attention = tf.nn.softmax(pixels * tf.exp(-self.log_temperature), axis=1)
        positions = coordinates(height, width).reshape(height * width, 2)
        return tf.reshape(tf.einsum("bpk,pc->bkc", attention, positions), [-1, 2 * count])


def coordinates(height: int, width: int) -> np.ndarray:
    """Returns every pixel's position: float32 [height, width, 2], x and y in [−1, 1].

    x grows to the right, y downwards; the outermost pixels' centres are at −1 and 1.
    """
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return np.stack([x, y], axis=-1).astype(np.float32)


def append_coordinates(images: tf.Tensor) -> tf.Tensor:
    """Appends the channels x and y of `coordinates` (arXiv 1807.03247).

    Args:
      images: float32 [B, H, W, C].

    Returns:
      float32 [B, H, W, C + 2].
    """
    _, height, width, _ = images.shape
    shape = [tf.shape(images)[0], height, width, 2]
    return tf.concat([images, tf.broadcast_to(coordinates(height, width), shape)], axis=-1)
