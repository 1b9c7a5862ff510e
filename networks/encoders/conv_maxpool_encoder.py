"""A small convolutional encoder of images."""

import tensorflow as tf

from ibc.utils import precision

_FILTERS = (32, 64, 128, 256)
_POOL = 2


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
        super().__init__(
            filters,
            3,
            padding="same",
            kernel_initializer="normal",
            bias_initializer="normal",
            dtype=precision.hidden_policy(),
        )

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Maps float32 [B, H, W, C] to [B, H // 2, W // 2, filters]."""
        convolved = tf.nn.conv2d(images, self.kernel, strides=1, padding="SAME")
        pooled = tf.nn.max_pool2d(convolved, ksize=_POOL, strides=_POOL, padding="VALID")
        return tf.nn.relu(tf.nn.bias_add(pooled, self.bias))
