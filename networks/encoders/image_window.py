"""Encodes a window of images: one picture per example, frames as groups of channels."""

from typing import Any

import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.encoders import image_encoders
from ibc.utils import parameters

_ENCODERS = {
    "ConvMaxpoolEncoder": image_encoders.ConvMaxpoolEncoder,
    "SpatialAttentionEncoder": image_encoders.SpatialAttentionEncoder,
}


class WindowEncoder(tf.keras.layers.Layer):
    """Resizes and stacks a window's frames and encodes them; ignores all but the image."""

    def __init__(
        self,
        owner: str,
        obs_spec: types.NestedTensorSpec,
        encoder_network: str,
        target_height: int,
        target_width: int,
        coord_conv: bool = False,
        **kwargs,
    ):
        """Creates the encoder.

        Args:
          owner: The configurable whose parameters the others are, 'PixelEBM' say.
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
                f"{owner}.encoder_network must be one of {sorted(_ENCODERS)}, but is "
                f"{encoder_network!r}."
            )
        parameters.check_whole(owner, target_height=target_height, target_width=target_width)
        only_image(obs_spec, rank=4)
        self._target_size = target_height, target_width
        self._coord_conv = coord_conv
        self._encoder = _ENCODERS[encoder_network]()

    def call(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Encodes the image window of normalized observations, [B, T, ...] each, to [B, size]."""
        del training
        images = only_image(observation, rank=5)
        images = preprocess(images, *self._target_size)
        if self._coord_conv:
            images = image_encoders.append_coordinates(images)
        return self._encoder(images)


def only_image(observation: Any, rank: int) -> Any:
    """Finds the image among an observation's parts.

    Args:
      observation: Nest of specs or tensors of observation windows.
      rank: Number of an image's dimensions: 4 in specs, [T, height, width, channels], 5 in
        batches.

    Returns:
      The image's spec or tensor.

    Raises:
      ValueError: There is no image, or more than one.
    """
    leaves = tf.nest.flatten(observation)
    images = [leaf for leaf in leaves if len(leaf.shape) == rank]
    if len(images) != 1:
        raise ValueError(
            "A pixel network needs exactly one image [time, height, width, channels] in the "
            f"observation, but the observation's shapes are {[tuple(x.shape) for x in leaves]}; "
            + (
                "several are for HybridEBM, HybridMSE and HybridMDN."
                if images
                else "for a task with images set train_eval.image_obs = True."
            )
        )
    return images[0]


def normalized_spec(obs_spec: types.NestedTensorSpec) -> types.NestedTensorSpec:
    """Returns the spec of an observation after normalization: the same shapes, float32."""
    return tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, tf.float32), obs_spec)


def stack_frames(images: tf.Tensor) -> tf.Tensor:
    """Stacks the frames of a window along the channels.

    Time is moved next to the channels first, so that each group of C channels is one frame. The
    published code reshapes [B, T, H, W, C] to [B, H, W, C · T] at once, which scrambles pixels of
    all frames for T > 1.

    Args:
      images: [B, T, H, W, C].

    Returns:
      [B, H, W, T · C], the oldest frame's channels first.
    """
    _, frames, height, width, channels = images.shape
    return tf.reshape(tf.transpose(images, [0, 2, 3, 1, 4]), [-1, height, width, frames * channels])


def preprocess(images: tf.Tensor, target_height: int, target_width: int) -> tf.Tensor:
    """Resizes a window's frames (bilinear interpolation) and stacks them.

    Args:
      images: [B, T, H, W, C]; integers are converted to numbers in [0, 1], floats are taken as
        they are.
      target_height: Rows of the result.
      target_width: Columns of the result.

    Returns:
      float32 [B, target_height, target_width, T · C].
    """
    frames, channels = images.shape[1], images.shape[4]
    images = tf.image.convert_image_dtype(images, tf.float32)
    # Resized before they are stacked: less is left to move.
    resized = tf.image.resize(
        tf.reshape(images, [-1, *images.shape[2:]]), [target_height, target_width]
    )
    return stack_frames(tf.reshape(resized, [-1, frames, target_height, target_width, channels]))
