"""Turns windows of images into one picture per example, frames as groups of channels."""

from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.typing import types


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
            "for a task with images set train_eval.image_obs = True."
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
