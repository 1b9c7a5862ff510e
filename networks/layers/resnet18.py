"""The trunk of ResNet-18 (arXiv 1512.03385): pictures to feature maps of 512 channels."""

from collections.abc import Sequence

import tensorflow as tf

from ibc.networks.layers import group_norm as norms
from ibc.utils import precision

_FIRST_CHANNELS = 64
_STAGES = (64, 128, 256, 512)
_BLOCKS_PER_STAGE = 2


class Convolution(tf.keras.layers.Conv2D):
    """A convolution with the same number of zeros on all sides.

    TensorFlow's 'SAME' puts one zero less on the left and above where strides leave an odd number
    of them. Kernels start normal, with variance 2 / fan_out (arXiv 1502.01852), biases at 0.
    """

    def __init__(self, filters: int, size: int, stride: int = 1, use_bias: bool = False, **kwargs):
        """Creates the layer.

        Args:
          filters: Channels of the result.
          size: Rows and columns of the kernel, odd.
          stride: Rows and columns between two windows.
          use_bias: Whether to add a bias per channel.
          **kwargs: Passed to Keras.
        """
        super().__init__(
            filters,
            size,
            stride,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=tf.keras.initializers.VarianceScaling(
                2.0, "fan_out", "untruncated_normal"
            ),
            **kwargs,
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Convolves [F, H, W, C] to [F, ⌈H / stride⌉, ⌈W / stride⌉, filters]."""
        del training
        padding = symmetric_padding(self.kernel_size[0] // 2)
        convolved = tf.nn.conv2d(images, self.kernel, self.strides, padding)
        return tf.nn.bias_add(convolved, self.bias) if self.use_bias else convolved


def symmetric_padding(margin: int) -> list[list[int]]:
    """Returns TensorFlow's explicit padding of `margin` pixels on each side."""
    return [[0, 0], [margin, margin], [margin, margin], [0, 0]]


class BasicBlock(tf.keras.layers.Layer):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), convolutions 3×3."""

    def __init__(self, filters: int, stride: int, has_shortcut: bool, group_norm: bool, **kwargs):
        """Creates the layers.

        Args:
          filters: Channels of the result.
          stride: Of the first convolution, and of the shortcut.
          has_shortcut: Whether the shortcut is a convolution (1×1) with normalization; otherwise
            it is the identity.
          group_norm: See `ResNet18`.
          **kwargs: Passed to Keras.
        """
        super().__init__(**kwargs)
        policy = self._dtype_policy
        # In the order of the computation, which that of the variables follows.
        self._convolution = Convolution(filters, 3, stride, dtype=policy)
        self._norm = norms.make(group_norm, policy)
        self._convolution_2 = Convolution(filters, 3, dtype=policy)
        self._norm_2 = norms.make(group_norm, policy)
        self._shortcut = []
        if has_shortcut:
            projection = Convolution(filters, 1, stride, dtype=policy)
            self._shortcut = [projection, norms.make(group_norm, policy)]

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [F, H, W, C] to [F, ⌈H / stride⌉, ⌈W / stride⌉, filters]."""
        hidden = tf.nn.relu(self._norm(self._convolution(images), training=training))
        hidden = self._norm_2(self._convolution_2(hidden), training=training)
        for layer in self._shortcut:
            images = layer(images, training=training)
        return tf.nn.relu(hidden + images)


class MaxPool(tf.keras.layers.Layer):
    """The maximum of 3×3 pixels, every other row and column; beyond the edges there is −∞."""

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps [F, H, W, C] to [F, ⌈H / 2⌉, ⌈W / 2⌉, C]."""
        del training
        return tf.nn.max_pool2d(images, 3, 2, symmetric_padding(1))


class Relu(tf.keras.layers.Layer):
    """max(x, 0)."""

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Applies it, to any shape."""
        del training
        return tf.nn.relu(images)


class ResNet18(tf.keras.layers.Layer):
    """Convolution 7×7, normalization, relu, max-pooling, and four stages of two basic blocks.

    Attributes:
      parts: The layers in the order in which they are applied.
    """

    def __init__(self, group_norm: bool = True, **kwargs):
        """Creates the layers.

        Args:
          group_norm: Normalize groups of 16 channels of each picture; otherwise channels over the
            whole batch, with running averages in evaluation.
          **kwargs: Passed to Keras.
        """
        super().__init__(**kwargs)
        policy = precision.hidden_policy()
        self.parts: Sequence[tf.keras.layers.Layer] = [
            Convolution(_FIRST_CHANNELS, 7, 2),
            norms.make(group_norm, policy),
            Relu(dtype=policy),
            MaxPool(dtype=policy),
        ]
        channels = _FIRST_CHANNELS
        for filters in _STAGES:
            for _ in range(_BLOCKS_PER_STAGE):
                grows = filters != channels
                stride = 2 if grows else 1
                self.parts.append(BasicBlock(filters, stride, grows, group_norm, dtype=policy))
                channels = filters

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps pictures float32 [F, H, W, C] to [F, ⌈H / 32⌉, ⌈W / 32⌉, 512]."""
        for part in self.parts:
            images = part(images, training=training)
        return images
