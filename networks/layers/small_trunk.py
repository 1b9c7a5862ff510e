"""A trunk for computers without a GPU: pictures to feature maps of few channels."""

import tensorflow as tf

from ibc.networks.layers import resnet18
from ibc.utils import precision

_LAYERS = ((16, 5, 2), (32, 3, 2), (32, 3, 1))
"""Channels, kernel and stride of each convolution."""


class SmallTrunk(tf.keras.layers.Layer):
    """Three convolutions, each followed by relu; a quarter of the resolution.

    Without normalization, which would take as long on a CPU as the convolutions.
    """

    def __init__(self, **kwargs):
        """Creates the layers; **kwargs are passed to Keras."""
        super().__init__(**kwargs)
        hidden = precision.hidden_policy()
        self._convolutions = [
            resnet18.Convolution(*layer, use_bias=True, dtype=hidden if index else None)
            for index, layer in enumerate(_LAYERS)
        ]

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps pictures float32 [F, H, W, C] to [F, ⌈H / 4⌉, ⌈W / 4⌉, 32]."""
        del training
        for convolution in self._convolutions:
            images = tf.nn.relu(convolution(images))
        return images
