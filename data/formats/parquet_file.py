"""Opens parquet and Arrow files, whose rows are read piece by piece, as arrays of NumPy."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ibc.data.formats import columns as columns_lib
from ibc.data.formats import hdf5, pictures

PICTURE = np.dtype(np.uint8)
"""Type of what a column of encoded pictures is decoded to."""

_SIGNATURE = b"PAR1"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_BYTES = "bytes"


def is_parquet(path: str) -> bool:
    """Whether a path is a parquet file, by its first bytes."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def import_arrow(path: str) -> Any:
    """Returns the package pyarrow.

    Raises:
      ImportError: It is not installed; the message names the path that needs it.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"{path} needs the package pyarrow, but {error}: run pip install 'ibc-tf[lerobot]'."
        ) from error
    return pyarrow


class ParquetFile:
    """The columns of a parquet file.

    Attributes:
      path: The file.
      num_rows: Number of its rows.
      columns: Its columns by name, pictures as they are decoded; what is no array is left out.
    """

    def __init__(self, path: str, picture_at: Callable[[str], bytes] | None = None):
        """Opens the file and reads its first row.

        Args:
          path: The file.
          picture_at: Reads a picture that is kept in a file of its own, by the path in the cell.

        Raises:
          ImportError: pyarrow is not installed.
          ValueError: The file is damaged.
        """
        arrow = import_arrow(path)
        self.path, self._picture_at = path, picture_at
        with hdf5.reading(path):
            self._file = arrow.parquet.ParquetFile(path)
            metadata = self._file.metadata
            self.num_rows = metadata.num_rows
            sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
            self._starts = np.cumsum([0, *sizes])
            self._held: tuple[Any, Any] | None = None
            names = self._file.schema_arrow.names
        self.columns: dict[str, columns_lib.Column] = {}
        for name in names if self.num_rows else ():
            if (column := self._column(name)) is not None:
                self.columns[name] = column

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Reads the rows of a column: [n, ...], pictures decoded.

        Raises:
          ValueError: A cell is empty, or rows are of different sizes, or the file is damaged.
        """
        with hdf5.reading(self.path):
            groups = range(
                int(np.searchsorted(self._starts, start, "right")) - 1,
                max(1, int(np.searchsorted(self._starts, stop, "left"))),
            )
            # Pictures are large and other columns are not, so that each is read on its own.
            key = name, groups
            if self._held is None or self._held[0] != key:
                self._held = key, self._file.read_row_groups(list(groups), columns=[name])
            rows = self._held[1].slice(start - self._starts[groups[0]], stop - start)
            where = f"{self.path}: {name}"
            return to_numpy(where, rows.column(0).combine_chunks(), self._picture_at)

    def _column(self, name: str) -> columns_lib.Column | None:
        try:
            first = self.read(name, 0, 1)
        except TypeError:
            return None
        return columns_lib.Column(first.shape[1:], first.dtype)


def to_numpy(
    where: str, values: Any, picture_at: Callable[[str], bytes] | None = None
) -> np.ndarray:
    """Returns an Arrow array as an array [n, ...]: lists have one size, pictures are decoded.

    Args:
      where: File and column, for messages.
      values: `pyarrow.Array`.
      picture_at: See `ParquetFile`.

    Raises:
      ValueError: A cell is empty, or lists have different lengths.
      TypeError: These are no numbers, lists of numbers, pictures, times or text.
    """
    import pyarrow as arrow

    kind, types = values.type, arrow.types
    if isinstance(values, arrow.ExtensionArray):
        return to_numpy(where, values.storage, picture_at)
    if values.null_count:
        raise ValueError(f"{where} has {values.null_count} empty cells, expected a value in each.")
    if types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind):
        sizes = np.unique(values.value_lengths().to_numpy(zero_copy_only=False))
        if len(sizes) > 1:
            raise ValueError(f"{where} has rows of {sizes[0]} and of {sizes[-1]} numbers.")
        inner = to_numpy(where, values.flatten(), picture_at)
        return inner.reshape(len(values), int(sizes[0]) if len(sizes) else 0, *inner.shape[1:])
    if types.is_struct(kind) and _BYTES in [field.name for field in kind]:
        return _decoded(where, [_data(cell, picture_at) for cell in values.to_pylist()])
    if types.is_binary(kind) or types.is_large_binary(kind):
        return _decoded(where, values.to_pylist())
    if types.is_timestamp(kind) or types.is_duration(kind):
        return values.cast(arrow.int64()).to_numpy(zero_copy_only=False) * _SECONDS[kind.unit]
    if types.is_string(kind) or types.is_large_string(kind):
        return np.array(values.to_pylist(), np.str_)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return values.to_numpy(zero_copy_only=False)
    raise TypeError(f"{where} is {kind}")


def _data(cell: dict[str, Any], picture_at: Callable[[str], bytes] | None) -> bytes | None:
    if cell[_BYTES] is None and cell.get("path") and picture_at is not None:
        return picture_at(cell["path"])
    return cell[_BYTES]


def _decoded(where: str, cells: Sequence[bytes | None]) -> np.ndarray:
    """Returns the pictures of encoded ones: uint8 [n, height, width, 3]."""
    found: list[np.ndarray] = []
    for number, cell in enumerate(cells):
        try:
            found.append(pictures.decoded(cell or b""))
        except ValueError as error:
            raise ValueError(f"{where} of row {number} is {error}.") from error
        if found[-1].shape != found[0].shape:
            sizes = [list(image.shape) for image in (found[0], found[-1])]
            raise ValueError(f"{where} has pictures of {sizes[0]} and of {sizes[1]}.")
    return np.stack(found) if found else np.zeros((0, 0, 0, 3), np.uint8)
