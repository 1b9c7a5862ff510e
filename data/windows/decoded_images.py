"""Images decoded once and kept as they are in batches, uint8, where there is memory for them."""

import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data.records import specs
from ibc.data.windows import batches
from ibc.utils import bars

# Of the memory that is free, where no limit is set.
_SHARE = 0.5
_IMAGES_AT_ONCE = 64
_ALIGNMENT = 64
_MEMORY = pathlib.Path("/proc/meminfo")
# What a container may take, and takes.
_MOST, _TAKEN = (pathlib.Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))


class DecodedImages:
    """The decoded images of some columns, for all data sets that share the columns."""

    def __init__(self):
        """Holds none."""
        self._columns: list[tf.Tensor] = []
        self._pictures: list[tf.Tensor] = []

    @property
    def held_bytes(self) -> int:
        """Memory that they take."""
        return sum(_decoded_bytes(len(each), each.shape[1:]) for each in self._pictures)

    def hold(self, nest: Any, spec: Any, room: float) -> None:
        """Decodes all images of some columns, unless they are held already or have no room.

        Args:
          nest: columns in memory; those of images are strings [n] of image files.
          spec: nest of the specs of one frame.
          room: memory for the decoded images, in bytes.
        """
        pairs = zip(tf.nest.flatten(nest), tf.nest.flatten(spec), strict=True)
        encoded = [pair for pair in pairs if specs.is_image(pair[1]) and not self._has(pair[0])]
        needed = sum(_decoded_bytes(len(column), leaf.shape) for column, leaf in encoded)
        if not encoded:
            return
        if needed > room:
            logging.info(
                "Every batch decodes its images: to decode all of them takes %.0f MB, and there is "
                "room for %.0f MB.",
                needed / 1e6,
                max(0, room) / 1e6,
            )
            return
        logging.info("Images are decoded once, which takes %.0f MB.", needed / 1e6)
        for column, leaf in encoded:
            self._pictures.append(_decode(column, leaf))
            self._columns.append(column)

    def instead_of(self, nest: Any) -> Any:
        """Returns a nest of columns with the images that are held, uint8 [n, height, width, C]."""
        return tf.nest.map_structure(self._of, nest)

    def _has(self, column: Any) -> bool:
        return any(column is known for known in self._columns)

    def _of(self, column: Any) -> Any:
        pairs = zip(self._columns, self._pictures, strict=True)
        return next((pictures for known, pictures in pairs if column is known), column)


def room_without_limit() -> float:
    """Returns how much memory decoded images may take where nobody has set a limit, in bytes."""
    if not _MEMORY.exists():
        return 0.0
    told = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMORY.read_text(), re.MULTILINE)
    free = int(told[1]) * 1024 if told else 0
    if _MOST.exists() and (most := _MOST.read_text().strip()) != "max":
        free = min(free, int(most) - int(_TAKEN.read_text()))
    return _SHARE * free


def _decode(encoded: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Returns the images uint8 [n, height, width, channels] of image files [n]."""
    decoded = tf.data.Dataset.from_tensor_slices(encoded).map(
        lambda each: batches.decode_image(each, spec), num_parallel_calls=tf.data.AUTOTUNE
    )
    pictures, done = _aligned([len(encoded), *spec.shape]), 0
    with bars.bar(len(encoded), "image", "decoding", passing=True) as advance:
        for some in decoded.batch(_IMAGES_AT_ONCE):
            pictures[done : done + len(some)] = some
            done += len(some)
            advance(len(some))
    # The array's own memory becomes the tensor's: parts put together would be there twice.
    return tf.experimental.dlpack.from_dlpack(pictures.__dlpack__())


def _aligned(shape: Sequence[int]) -> np.ndarray:
    """Returns an array uint8 of any content that begins where TensorFlow wants a tensor to."""
    size = _decoded_bytes(shape[0], shape[1:])
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].reshape(shape)


def _decoded_bytes(count: int, shape: Sequence[int]) -> int:
    return count * int(np.prod(shape))
