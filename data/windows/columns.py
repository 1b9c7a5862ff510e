"""What frames consist of, in memory or on disk: gathering rows, going through all of them.

A column is a leaf of the frames' nest: a tensor [n, ...] in memory, `Numbers` or `Images` on disk.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.data.windows import frame_files

# Statistics add up part by part: the parts must be the same in memory and on disk.
_PART_NUMBERS = 1 << 18


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Some columns of a file of rows, each row of them a value float32 of a shape."""

    file: frame_files.RowFile
    start: int
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.file)

    @property
    def columns(self) -> slice:
        """Which columns of the file."""
        return slice(self.start, self.start + math.prod(self.shape))

    def of_rows(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns this column's values [..., *shape] of whole rows [..., width]."""
        return tf.reshape(rows[..., self.columns], [*rows.shape[:-1], *self.shape])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Returns values float32 [stop − start, *shape]."""
        rows = self.file.read_columns(start, stop, self.columns)
        return rows.reshape(stop - start, *self.shape)


@dataclasses.dataclass(frozen=True)
class Images:
    """JPEG data within record files."""

    parts: frame_files.RecordParts

    def __len__(self) -> int:
        return len(self.parts)


Column = tf.Tensor | Numbers | Images


def gather(nest: Any, frames: tf.Tensor) -> Any:
    """Gathers frames of every column, in a graph or outside.

    Args:
      nest: of columns.
      frames: integers of a static shape, frame numbers.

    Returns:
      Nest of tensors [*frames.shape, ...]; images are strings of JPEG data.
    """
    files = {leaf.file for leaf in tf.nest.flatten(nest) if isinstance(leaf, Numbers)}
    rows = {file: _read(file.read, frames, tf.float32, (file.width,)) for file in files}

    def gathered(leaf: Column) -> tf.Tensor:
        if isinstance(leaf, Numbers):
            return leaf.of_rows(rows[leaf.file])
        if isinstance(leaf, Images):
            return _read(leaf.parts.read, frames, tf.string)
        return tf.gather(leaf, frames)

    return tf.nest.map_structure(gathered, nest)


def parts(column: Column) -> Iterator[tuple[slice, np.ndarray]]:
    """Goes through a column of numbers in parts that do not depend on where it is.

    Yields:
      Frame numbers from … to, and their values [m, ...].
    """
    shape = column.shape if isinstance(column, Numbers) else np.shape(column)[1:]
    count = max(1, _PART_NUMBERS // max(1, math.prod(shape)))
    values = column if isinstance(column, Numbers) else np.asarray(column)
    for start in range(0, len(column), count):
        stop = min(start + count, len(column))
        is_on_disk = isinstance(column, Numbers)
        yield slice(start, stop), column.read(start, stop) if is_on_disk else values[start:stop]


def in_bytes(column: Column) -> Iterator[bytes]:
    """Yields all that a column contains, as it is stored, in the order of the frames."""
    if isinstance(column, Images):
        yield from column.parts.in_order()
        return
    if isinstance(column, tf.Tensor) and column.dtype == tf.string:
        yield from column.numpy()
        return
    for _, values in parts(column):
        yield values.tobytes()


def held_bytes(column: Column | np.ndarray) -> int:
    """Returns the memory that a column takes."""
    if isinstance(column, Numbers):
        return 0
    if isinstance(column, Images):
        return column.parts.index_bytes
    if isinstance(column, tf.Tensor) and column.dtype == tf.string:
        return int(tf.reduce_sum(tf.cast(tf.strings.length(column), tf.int64)))
    return np.asarray(column).nbytes


def in_file(file: frame_files.RowFile, nest: Any, shapes: Any) -> Any:
    """Returns a nest of `Numbers` that follow each other in the rows of a file.

    Args:
      file: whose width is that of all shapes together.
      nest: of anything, for its structure.
      shapes: the shape of each leaf's values.
    """
    sizes = [math.prod(shape) for shape in shapes]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    leaves = [
        Numbers(file, start, tuple(shape)) for start, shape in zip(starts, shapes, strict=True)
    ]
    return tf.nest.pack_sequence_as(nest, leaves)


def rows_of(nest: Any) -> np.ndarray:
    """Returns the rows float32 [n, width] of a nest of values [n, ...]."""
    leaves = [np.asarray(leaf) for leaf in tf.nest.flatten(nest)]
    return np.concatenate(
        [leaf.reshape(len(leaf), -1).astype(np.float32) for leaf in leaves], axis=-1
    )


def mapped(nest: Any, layer: Callable[[Any], Any]) -> Any:
    """Applies a layer to all of a nest of `Numbers`.

    Args:
      nest: of one file's `Numbers`.
      layer: maps a nest of tensors [n, ...], row by row, to one of the same structure and shapes.

    Returns:
      Nest of `Numbers` in a new file.
    """
    leaves = tf.nest.flatten(nest)
    width = sum(math.prod(leaf.shape) for leaf in leaves)
    file = frame_files.RowFile(leaves[0].file.folder, width)
    count = max(1, _PART_NUMBERS // width)
    for start in range(0, len(leaves[0]), count):
        stop = min(start + count, len(leaves[0]))
        values = [tf.constant(leaf.read(start, stop)) for leaf in leaves]
        file.append(rows_of(layer(tf.nest.pack_sequence_as(nest, values))))
    return in_file(file, nest, [leaf.shape for leaf in leaves])


def _read(
    read: Callable[[np.ndarray], np.ndarray],
    frames: tf.Tensor,
    dtype: tf.DType,
    shape: tuple[int, ...] = (),
) -> tf.Tensor:
    """Returns what a function reads of each frame, values of a shape."""
    # Flat, since TensorFlow never frees a NumPy array of bytes without dimensions.
    flat = tf.reshape(frames, [-1])
    values = tf.numpy_function(read, [flat], dtype, stateful=False)
    return tf.reshape(values, [*frames.shape, *shape])
