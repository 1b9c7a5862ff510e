"""From a window of observations with images to one vector per example."""

import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.encoders import conv_maxpool_encoder, image_prepro, spatial_attention_encoder

_ENCODERS = {
    "ConvMaxpoolEncoder": conv_maxpool_encoder.ConvMaxpoolEncoder,
    "SpatialAttentionEncoder": spatial_attention_encoder.SpatialAttentionEncoder,
}


class WindowEncoder(tf.keras.layers.Layer):
    """Resizes and stacks a window's frames and encodes them; ignores all but the image."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        encoder_network: str,
        target_height: int,
        target_width: int,
        coord_conv: bool = False,
        **kwargs,
    ):
        """Creates the encoder.

        Args:
          obs_spec: Nest of specs of one observation window, with one image [T, H, W, C].
          encoder_network: 'ConvMaxpoolEncoder' or 'SpatialAttentionEncoder'.
          target_height: Rows that images are resized to.
          target_width: Columns that images are resized to.
          coord_conv: Whether to append the channels x and y.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: There is not one image, the encoder is unknown, or a size is not a whole
            number of at least 1.
        """
        super().__init__(**kwargs)
        if encoder_network not in _ENCODERS:
            raise ValueError(
                f"encoder_network must be one of {sorted(_ENCODERS)}, but is {encoder_network!r}."
            )
        for name, value in dict(target_height=target_height, target_width=target_width).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"The network's {name} is {value!r}; it must be a whole number of at least 1."
                )
        image_prepro.only_image(obs_spec, rank=4)
        self._target_size = target_height, target_width
        self._coord_conv = coord_conv
        self._encoder = _ENCODERS[encoder_network]()

    def call(self, observation: types.NestedTensor) -> tf.Tensor:
        """Encodes the image window of normalized observations, [B, T, ...] each, to [B, size]."""
        images = image_prepro.only_image(observation, rank=5)
        images = image_prepro.preprocess(images, *self._target_size)
        if self._coord_conv:
            images = image_prepro.append_coordinates(images)
        return self._encoder(images)
