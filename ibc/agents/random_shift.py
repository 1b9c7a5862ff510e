"""Random shifts of pictures: all the augmentation that DrQ (arXiv 2004.13649) makes."""

import tensorflow as tf

PAD = 4
"""Pixels that the edge is repeated by, on each side."""


def draw(rows: int, seed: tf.Tensor, pad: int = PAD) -> tf.Tensor:
    """Draws offsets int32 [rows, 2], x and y, uniform in 0 … 2 · pad.

    Args:
      rows: How many pictures there are; stacked frames are one.
      seed: Integer tensor [2].
      pad: Of the shift.
    """
    return tf.random.stateless_uniform([rows, 2], seed, 0, 2 * pad + 1, tf.int32)


def shifted(pictures: tf.Tensor, offsets: tf.Tensor, pad: int = PAD) -> tf.Tensor:
    """Repeats the edge by `pad` pixels, and cuts out the original size at an offset.

    The published code samples on a grid in float32, which gives the same to 4e-4 of 255.

    Args:
      pictures: [B, H, W, C].
      offsets: int32 [B, 2], x and y of the cut.
      pad: The edge's.

    Returns:
      Like `pictures`.
    """
    _, height, width, _ = pictures.shape

    def places(offset: tf.Tensor, size: int) -> tf.Tensor:
        return tf.clip_by_value(tf.range(size) + offset[:, tf.newaxis] - pad, 0, size - 1)

    rows, columns = places(offsets[:, 1], height), places(offsets[:, 0], width)
    return tf.gather(tf.gather(pictures, rows, batch_dims=1), columns, axis=2, batch_dims=1)
