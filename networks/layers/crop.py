"""Crops of images: random ones in training, the central one in evaluation."""

from collections.abc import Sequence

import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.layers import dropout
from ibc.utils import keys

_PURPOSE = 2
"""Tells the numbers drawn here from dropout's, which come of the same key with 0 and 1."""

Words = tuple[tf.Tensor, tf.Tensor]
"""Two tensors of random words, uint32; the first decides on the row, the second on the column."""


def draw(rows: types.Int, columns: int, key: keys.Key) -> Words:
    """Draws the words that decide where to crop.

    Args:
      rows: B, examples of the key's share.
      columns: Images per example.
      key: What they follow from, of one seed [2].

    Returns:
      Words [B, columns]. Those of an example are the same whatever share of the batch it is in.
    """
    of_step = tuple(tf.unstack(dropout.word(key.seed)))
    own_key = dropout.threefry(of_step, (dropout.word(0), dropout.word(_PURPOSE)))
    first_row = tf.cast(key.share, tf.int64) * tf.cast(rows, tf.int64)
    row = dropout.word(first_row + tf.range(tf.cast(rows, tf.int64)))
    column = dropout.word(tf.range(columns, dtype=tf.int64))
    return dropout.threefry(own_key, (row[:, tf.newaxis], column))


def offsets(words: tf.Tensor, room: int) -> tf.Tensor:
    """Returns ⌊u · room⌋ for u = word / 2³² in [0, 1).

    So the offset `room` itself, the last one possible, never occurs (as in robomimic).

    Args:
      words: uint32 tensor.
      room: How far a crop can be moved, image size − crop size, at least 0.

    Returns:
      int32 tensor of the same shape, in [0, max(room − 1, 0)].
    """
    # In integers: a product in float32 may be rounded up to the next one.
    product = tf.cast(words, tf.int64) * room
    return tf.cast(tf.bitwise.right_shift(product, tf.constant(32, tf.int64)), tf.int32)


def random(images: tf.Tensor, shape: Sequence[int], words: Words) -> tf.Tensor:
    """Cuts one crop out of each image, at its own random place.

    Args:
      images: [F, H, W, C].
      shape: Height h and width w of the crops, at most those of the images.
      words: Two uint32 tensors [F], see `draw`.

    Returns:
      [F, h, w, C].
    """
    _, height, width, _ = images.shape
    tops = offsets(words[0], height - shape[0])
    lefts = offsets(words[1], width - shape[1])
    return at(images, tops, lefts, shape)


def at(images: tf.Tensor, tops: tf.Tensor, lefts: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Cuts crops out of images [F, H, W, C] at int32 [F] rows and columns: [F, h, w, C]."""
    rows = tops[:, tf.newaxis] + tf.range(shape[0])
    columns = lefts[:, tf.newaxis] + tf.range(shape[1])
    return tf.gather(tf.gather(images, rows, batch_dims=1), columns, axis=2, batch_dims=1)


def centre(images: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Cuts the central crop out of images [F, H, W, C]; returns [F, h, w, C].

    Where a central one lies between two pixels, the even offset is taken.
    """
    top, left = (
        round((size - cut) / 2) for size, cut in zip(images.shape[1:3], shape, strict=True)
    )
    return images[:, top : top + shape[0], left : left + shape[1]]
