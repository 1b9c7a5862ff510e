"""What frames consist of, in memory or on disk: gathering rows, going through all of them.

A column is a leaf of the frames' nest: a tensor [n, ...] in memory, `Numbers` or `Images` on disk.
Files are read, not mapped to memory: pages of a mapped file would count as memory of the process.
"""

import dataclasses
import errno
import math
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

# Statistics add up part by part: the parts must be the same in memory and on disk.
_PART_NUMBERS = 1 << 18
_FLOAT = np.dtype(np.float32)
_BLOCK_BYTES = 1 << 20


class RowFile:
    """Rows of numbers, float32 [n, width], in a file without a name.

    The operating system removes it when the process ends, however it ends.
    """

    def __init__(self, folder: str | os.PathLike, width: int):
        """Makes an empty file.

        Args:
          folder: where there is room; what of it does not exist is not made.
          width: numbers per row, at least 1.
        """
        folder = pathlib.Path(folder).expanduser().absolute()
        self.folder = next(path for path in (folder, *folder.parents) if path.is_dir())
        self.width = width
        self._row_bytes = width * _FLOAT.itemsize
        self._file = tempfile.TemporaryFile(dir=self.folder, buffering=_BLOCK_BYTES)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: np.ndarray) -> None:
        """Writes rows [m, width] behind the others.

        Raises:
          OSError: they cannot be written; the message names the folder.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, _FLOAT).data)
            self._file.flush()
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror} in {self.folder}, where numbers of the data are kept because of "
                "train_eval.memory_limit_mb: make room, or choose another train_eval.root_dir",
            ) from error
        self._rows += len(rows)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the rows float32 [..., width] of integers [...]; each is read once."""
        distinct, positions = np.unique(numbers, return_inverse=True)
        rows = np.empty((len(distinct), self.width), _FLOAT)
        # Adjacent rows, such as those of a window, are read together.
        starts = np.flatnonzero(np.diff(distinct, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(distinct)], strict=True):
            self._read_into(rows[start:stop], int(distinct[start]))
        return rows[positions].reshape(*np.shape(numbers), self.width)

    def read_columns(self, start: int, stop: int, columns: slice) -> np.ndarray:
        """Returns float32 [stop − start, …], some columns of adjacent rows."""
        values = np.empty((stop - start, columns.stop - columns.start), _FLOAT)
        step = max(1, _BLOCK_BYTES // self._row_bytes)
        for begin in range(start, stop, step):
            block = np.empty((min(step, stop - begin), self.width), _FLOAT)
            self._read_into(block, begin)
            values[begin - start : begin - start + len(block)] = block[:, columns]
        return values

    def _read_into(self, rows: np.ndarray, start: int) -> None:
        view, position = memoryview(rows).cast("B"), start * self._row_bytes
        while len(view):
            count = os.preadv(self._file.fileno(), [view], position)
            if not count:
                raise OSError(f"row {start} of {self._rows} is missing in a file of {self.folder}.")
            view, position = view[count:], position + count


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Some columns of a file of rows, each row of them a value float32 of a shape."""

    file: RowFile
    start: int
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.file)

    @property
    def columns(self) -> slice:
        """Which columns of the file."""
        return slice(self.start, self.start + math.prod(self.shape))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Returns values float32 [stop − start, *shape]."""
        rows = self.file.read_columns(start, stop, self.columns)
        return rows.reshape(stop - start, *self.shape)


class Images:
    """Image files within record files, read from where they are."""

    def __init__(
        self,
        paths: Sequence[str],
        lengths: Sequence[int],
        offsets: np.ndarray,
        sizes: np.ndarray,
    ):
        """Remembers where images are; the files must not change from now on.

        Args:
          paths: record files.
          lengths: records of each.
          offsets: int64 [n], where each image starts in its file, file after file.
          sizes: int32 [n], how many bytes it has.
        """
        self._paths = list(paths)
        self._ends = np.cumsum(lengths)
        self._offsets = offsets
        self._sizes = sizes
        self._states = [_size_and_time(os.stat(path)) for path in paths]

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def index_bytes(self) -> int:
        """Memory that is taken to know where images are."""
        return self._offsets.nbytes + self._sizes.nbytes

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the images of integers [...], an array of bytes (object) of that shape.

        Raises:
          OSError: a file is gone, or has changed since.
        """
        flat = np.ravel(numbers)
        images = np.empty(len(flat), object)
        files = np.searchsorted(self._ends, flat, side="right")
        for file in np.unique(files):
            path = self._paths[file]
            with open(path, "rb", buffering=0) as opened:
                if _size_and_time(os.fstat(opened.fileno())) != self._states[file]:
                    # One of the operating system's messages, which TensorFlow's error quotes.
                    stale = os.strerror(errno.ESTALE)
                    raise OSError(errno.ESTALE, f"{stale}: {path} has changed during training")
                for position in np.flatnonzero(files == file):
                    size, start = self._sizes[flat[position]], self._offsets[flat[position]]
                    images[position] = os.pread(opened.fileno(), int(size), int(start))
        return images.reshape(np.shape(numbers))


Column = tf.Tensor | Numbers | Images


def gather(nest: Any, frames: tf.Tensor) -> Any:
    """Gathers frames of every column, in a graph or outside.

    Args:
      nest: of columns.
      frames: integers of a static shape, frame numbers.

    Returns:
      Nest of tensors [*frames.shape, ...]; images are strings, encoded.
    """
    files = {leaf.file for leaf in tf.nest.flatten(nest) if isinstance(leaf, Numbers)}
    rows = {file: _read_in_graph(file.read, frames, tf.float32, (file.width,)) for file in files}

    def gathered(leaf: Column) -> tf.Tensor:
        if isinstance(leaf, Numbers):
            return tf.reshape(rows[leaf.file][..., leaf.columns], [*frames.shape, *leaf.shape])
        if isinstance(leaf, Images):
            return _read_in_graph(leaf.read, frames, tf.string)
        return tf.gather(leaf, frames)

    return tf.nest.map_structure(gathered, nest)


def parts(column: Column) -> Iterator[tuple[slice, np.ndarray]]:
    """Goes through a column of numbers in parts that do not depend on where it is.

    Yields:
      Frame numbers from … to, and their values [m, ...].
    """
    is_on_disk = isinstance(column, Numbers)
    values = column if is_on_disk else np.asarray(column)
    size = math.prod(column.shape if is_on_disk else values.shape[1:])
    count = max(1, _PART_NUMBERS // max(1, size))
    for start in range(0, len(values), count):
        stop = min(start + count, len(values))
        yield slice(start, stop), values.read(start, stop) if is_on_disk else values[start:stop]


def stored_bytes(column: Column) -> Iterator[bytes]:
    """Yields all that a column contains, as it is stored, in the order of the frames."""
    if isinstance(column, Images):
        yield from (column.read(np.array([number]))[0] for number in range(len(column)))
    elif isinstance(column, tf.Tensor) and column.dtype == tf.string:
        yield from column.numpy()
    else:
        yield from (values.tobytes() for _, values in parts(column))


def held_bytes(column: Column | np.ndarray) -> int:
    """Returns the memory that a column takes."""
    if isinstance(column, Numbers):
        return 0
    if isinstance(column, Images):
        return column.index_bytes
    if isinstance(column, tf.Tensor) and column.dtype == tf.string:
        return int(tf.reduce_sum(tf.cast(tf.strings.length(column), tf.int64)))
    return np.asarray(column).nbytes


def consecutive_numbers(file: RowFile, nest: Any, shapes: Any) -> Any:
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
    file = RowFile(leaves[0].file.folder, width)
    count = max(1, _PART_NUMBERS // width)
    for start in range(0, len(leaves[0]), count):
        stop = min(start + count, len(leaves[0]))
        values = [tf.constant(leaf.read(start, stop)) for leaf in leaves]
        file.append(rows_of(layer(tf.nest.pack_sequence_as(nest, values))))
    return consecutive_numbers(file, nest, [leaf.shape for leaf in leaves])


def _read_in_graph(
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


def _size_and_time(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
