"""Opens folders of zarr (format 2) and says what is wrong with them."""

import os
import pathlib
import struct
from typing import Any

from ibc.data.formats import hdf5

_MADE_BY_ZARR = (".zgroup", "zarr.json", os.path.join("data", ".zgroup"))
_COPY_AGAIN = "copy the folder again from where it came from"
# Blosc's header tells the size of the whole chunk; decompressing a shorter one makes up its end.
_BLOSC_SIZE = struct.Struct("<12xI")


def is_zarr(path: str) -> bool:
    """Whether a path is a folder that zarr has made."""
    return any(os.path.exists(os.path.join(path, name)) for name in _MADE_BY_ZARR)


def open_arrays(path: str, groups: tuple[str, ...]) -> dict[str, Any]:
    """Returns the arrays of some groups by their names; they are read when they are sliced.

    Args:
      path: A folder that `is_zarr`.
      groups: Names of groups at its top; those that are missing hold nothing.

    Raises:
      ImportError: The package zarr is not installed.
      ValueError: The folder is damaged, or of format 3.
    """
    try:
        import zarr
    except ImportError as error:
        raise ImportError(
            f"{path} is a zarr, which needs the package zarr, but {error}: run pip install "
            "'ibc-tf[zarr]'."
        ) from error
    if os.path.exists(os.path.join(path, "zarr.json")):
        raise ValueError(f"{path} is of zarr's format 3, expected 2: write it anew with zarr 2.")
    try:
        return _opened(path, groups, zarr)
    except zarr.errors.MetadataError as error:
        raise ValueError(f"{path} is damaged ({error}): {_COPY_AGAIN}.") from error


def _opened(path: str, groups: tuple[str, ...], zarr: Any) -> dict[str, Any]:
    with hdf5.reading(path):
        root = zarr.open_group(path, mode="r")
        found = {}
        for group in (group for group in groups if group in root):
            for name, array in _arrays(root[group], zarr):
                _check_chunks(pathlib.Path(path, group, name), array)
                found[name] = array
        return found


def _arrays(group: Any, zarr: Any) -> list[tuple[str, Any]]:
    """Lists the arrays in a group and its groups, by their names in it."""
    members: list[tuple[str, Any]] = []
    group.visititems(lambda name, member: members.append((name, member)))
    return [(name, member) for name, member in members if isinstance(member, zarr.Array)]


def _check_chunks(folder: pathlib.Path, array: Any) -> None:
    """Checks that all chunks are there, and whole; zarr makes up what is not."""
    if not array.shape:
        raise ValueError(f"{folder} is one number, expected an array with a row for each step.")
    if array.nchunks_initialized != array.nchunks:
        raise ValueError(
            f"{folder} has {array.nchunks_initialized} of {array.nchunks} chunks: {_COPY_AGAIN}."
        )
    if getattr(array.compressor, "codec_id", None) != "blosc":
        return
    for file in (file for file in folder.rglob("[0-9]*") if file.is_file()):
        with open(file, "rb") as chunk:
            header = chunk.read(_BLOSC_SIZE.size)
        expected = _BLOSC_SIZE.unpack(header)[0] if len(header) == _BLOSC_SIZE.size else None
        if file.stat().st_size != expected:
            raise ValueError(
                f"{file} is damaged ({file.stat().st_size} bytes, expected {expected}): "
                f"{_COPY_AGAIN}."
            )
