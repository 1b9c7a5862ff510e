"""Opens npz files, whose arrays are read piece by piece, and says what is wrong with them."""

import contextlib
import dataclasses
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np

SUFFIX = ".npz"
"""What names of npz files end with."""

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_MEMBER_SUFFIX = ".npy"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def is_npz(path: str) -> bool:
    """Whether a file is called an npz, or is a zip archive that holds NumPy arrays."""
    if not os.path.isfile(path):
        return False
    if path.endswith(SUFFIX):
        return True
    with open(path, "rb") as file:
        if file.read(4) not in _SIGNATURES:
            return False
    return zipfile.is_zipfile(path) and any(_members(zipfile.ZipFile(path)))


@dataclasses.dataclass
class NpzArray:
    """An array in an npz file; slices of its rows are read when they are asked for.

    Rows are read fastest in their order, since what is compressed has no other.
    """

    path: str
    """The npz file."""
    name: str
    """The array's name in it."""
    shape: tuple[int, ...]
    """Its shape."""
    dtype: np.dtype
    """Its type; objects are never read."""
    _start: int
    _is_fortran: bool
    _stream: IO[bytes] | None = None
    _whole: np.ndarray | None = None

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Reads rows; a slice with a step, or any other index, reads the array first."""
        if self._is_fortran or not isinstance(rows, slice) or rows.step not in (None, 1):
            return np.asarray(self)[rows]
        first, last, _ = rows.indices(len(self))
        return self._read(first, max(last, first))

    def __array__(self, dtype: np.dtype | None = None) -> np.ndarray:
        """Reads the whole array."""
        if self._whole is None:
            with _reading(self.path), zipfile.ZipFile(self.path) as archive:
                with archive.open(self.name + _MEMBER_SUFFIX) as stream:
                    self._whole = np.lib.format.read_array(stream, allow_pickle=False)
        return self._whole if dtype is None else self._whole.astype(dtype)

    def _read(self, first: int, last: int) -> np.ndarray:
        shape = (last - first, *self.shape[1:])
        row_bytes = math.prod(shape[1:]) * self.dtype.itemsize
        with _reading(self.path):
            if self._stream is None:
                self._stream = zipfile.ZipFile(self.path).open(self.name + _MEMBER_SUFFIX)
            self._stream.seek(self._start + first * row_bytes)
            data = self._stream.read(shape[0] * row_bytes)
            if last == len(self):
                self._stream.read(1)  # At its end the checksum is compared.
            return np.frombuffer(data, self.dtype).reshape(shape)


def open_arrays(path: str) -> dict[str, NpzArray]:
    """Returns the arrays of numbers or text in an npz file by name; no row is read yet.

    Raises:
      ValueError: It is no npz file, a damaged one, or holds Python objects, which may do anything.
    """
    with _reading(path), zipfile.ZipFile(path) as archive:
        return {name: _opened(path, archive, name) for name in _members(archive)}


def _opened(path: str, archive: zipfile.ZipFile, name: str) -> NpzArray:
    info = archive.getinfo(name + _MEMBER_SUFFIX)
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(stream)
        start = stream.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, not numbers")
    expected = math.prod(shape) * dtype.itemsize
    if info.file_size != start + expected:
        raise ValueError(f"{name} has {info.file_size - start} bytes, not {expected}")
    return NpzArray(path, name, shape, dtype, start, is_fortran and len(shape) > 1)


def _members(archive: zipfile.ZipFile) -> Iterator[str]:
    for name in archive.namelist():
        if name.endswith(_MEMBER_SUFFIX):
            yield name[: -len(_MEMBER_SUFFIX)]


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} is no npz file of numbers, or a damaged one ({reason}): copy it again from "
            "where it came from."
        ) from error
