"""Pictures as robots record them become uint8 [n, height, width, channels]."""

import numpy as np
import tensorflow as tf

from ibc.data.formats import columns

_CHANNELS = (1, 3)
_SMALLEST_SIDE = 8
_LEVELS = 255


def is_picture(column: columns.Column) -> bool:
    """Whether the rows of an array are pictures, by their shape: two long sides and 1 or 3."""
    if len(column.shape) != 3 or column.dtype.kind not in "uf":
        return False
    first, _, last = column.shape
    sides = sorted(column.shape)[1:]
    return (last in _CHANNELS or first in _CHANNELS) and sides[0] >= _SMALLEST_SIDE


class Layout:
    """How one array holds pictures: where the channels are, and what white is.

    Attributes:
      shape: Height, width, channels.
    """

    def __init__(self, path: str, name: str, column: columns.Column):
        """Tells the layout from the shape; what white is, the first pictures tell.

        Args:
          path: File or folder, for messages.
          name: The array's name.
          column: Its shape and type; channels last wins where both fit.

        Raises:
          ValueError: The levels are of a type other than uint8 and floats.
        """
        if column.dtype.kind == "u" and column.dtype != np.uint8:
            raise ValueError(f"{path}: {name} is {column}, expected levels of type uint8.")
        self._name = name
        self._is_first = column.shape[-1] not in _CHANNELS
        self._white: float | None = None
        shape = column.shape
        self.shape = (*shape[1:], shape[0]) if self._is_first else shape

    def uint8(self, where: str, images: np.ndarray) -> np.ndarray:
        """Returns pictures as uint8 [n, height, width, channels].

        Floats are levels up to 1 or up to 255, whichever the first pictures are.

        Raises:
          ValueError: A level is outside of them; the message names the array.
        """
        images = np.moveaxis(images, 1, -1) if self._is_first else images
        if images.dtype == np.uint8:
            return np.ascontiguousarray(images)
        low, high = float(images.min()), float(images.max())
        if self._white is None:
            self._white = 1.0 if high <= 1 else float(_LEVELS)
        if not (low >= 0 and high <= self._white):
            raise ValueError(
                f"{where}: {self._name} holds levels from {low:g} to {high:g}, expected 0 to "
                f"{self._white:g} as in the first episode, or of type uint8."
            )
        return np.rint(images * (_LEVELS / self._white)).astype(np.uint8)


def resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns uint8 pictures [n, height, width, channels], antialiased, made of larger or smaller.

    Args:
      images: uint8 [n, other height, other width, channels].
      height: In pixels.
      width: In pixels.
    """
    smooth = tf.image.resize(images, (height, width), antialias=True)
    return np.clip(np.rint(smooth.numpy()), 0, _LEVELS).astype(np.uint8)


def decoded(data: bytes, channels: int = 3) -> np.ndarray:
    """Decodes a PNG, JPEG or BMP: uint8 [height, width, channels].

    Raises:
      ValueError: It is none, or damaged.
    """
    try:
        return tf.io.decode_image(data, channels=channels, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError("no PNG or JPEG picture, or a damaged one") from error
