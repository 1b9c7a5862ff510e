"""Frames on disk of which a batch reads the few that it needs.

Files are read, not mapped to memory: pages of a mapped file would count as memory of the process.
"""

import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

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
        distinct, places = np.unique(numbers, return_inverse=True)
        rows = np.empty((len(distinct), self.width), _FLOAT)
        # Adjacent rows, such as those of a window, are read together.
        starts = np.flatnonzero(np.diff(distinct, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(distinct)], strict=True):
            self._read_into(rows[start:stop], int(distinct[start]))
        return rows[places].reshape(*np.shape(numbers), self.width)

    def read_columns(self, start: int, stop: int, columns: slice) -> np.ndarray:
        """Returns float32 [stop − start, …], some columns of adjacent rows."""
        first, last, _ = columns.indices(self.width)
        values = np.empty((stop - start, last - first), _FLOAT)
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


class RecordParts:
    """Bytes within record files, such as images, read from where they are."""

    def __init__(
        self,
        paths: Sequence[str],
        lengths: Sequence[int],
        offsets: np.ndarray,
        sizes: np.ndarray,
    ):
        """Keeps the places; the files must not change from now on.

        Args:
          paths: record files.
          lengths: records of each.
          offsets: int64 [n], where each part starts in its file, file after file.
          sizes: int32 [n], how many bytes it has.
        """
        self._paths = list(paths)
        self._ends = np.cumsum(lengths)
        self._offsets = offsets
        self._sizes = sizes
        self._states = [_state(os.stat(path)) for path in paths]

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def index_bytes(self) -> int:
        """Memory that the places take."""
        return self._offsets.nbytes + self._sizes.nbytes

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the parts of integers [...], an array of bytes (object) of that shape.

        Raises:
          OSError: a file is gone, or has changed since.
        """
        flat = np.ravel(numbers)
        parts = np.empty(len(flat), object)
        files = np.searchsorted(self._ends, flat, side="right")
        for file in np.unique(files):
            path = self._paths[file]
            with open(path, "rb", buffering=0) as opened:
                if _state(os.fstat(opened.fileno())) != self._states[file]:
                    # One of the operating system's messages, which TensorFlow's error quotes.
                    stale = os.strerror(errno.ESTALE)
                    raise OSError(errno.ESTALE, f"{stale}: {path} has changed during training")
                for place in np.flatnonzero(files == file):
                    parts[place] = self._read(opened.fileno(), flat[place])
        return parts.reshape(np.shape(numbers))

    def in_order(self) -> Iterator[bytes]:
        """Yields all parts, one after the other."""
        for number in range(len(self)):
            yield self.read(np.array([number]))[0]

    def _read(self, file: int, number: int) -> bytes:
        return os.pread(file, int(self._sizes[number]), int(self._offsets[number]))


def _state(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
