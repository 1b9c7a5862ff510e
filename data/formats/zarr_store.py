"""Opens stores of zarr (format 2), folders or zip archives, and says what is wrong with them."""

import os
import pathlib
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from ibc.data.formats import hdf5

ZIP_SUFFIX = ".zarr.zip"
"""What names of zip archives end with that are told by their names, even where they are damaged."""

_GROUP, _FORMAT_3 = ".zgroup", "zarr.json"
_MADE_BY_ZARR = (_GROUP, _FORMAT_3, os.path.join("data", _GROUP))
_COPY_AGAIN = "copy it again from where it came from"
_ZIP_SIGNATURE = b"PK\x03\x04"
# Blosc's header tells the size of the whole chunk; decompressing a shorter one makes up its end.
_BLOSC_SIZE = struct.Struct("<12xI")


def is_zarr(path: str) -> bool:
    """Whether a path is a folder that zarr has made, or a zip archive of one."""
    if not os.path.isfile(path):
        return any(os.path.exists(os.path.join(path, name)) for name in _MADE_BY_ZARR)
    if path.endswith(ZIP_SUFFIX):
        return True
    with open(path, "rb") as file:
        if file.read(len(_ZIP_SIGNATURE)) != _ZIP_SIGNATURE:
            return False
    return zipfile.is_zipfile(path) and _top_of_zip(path) is not None


def open_arrays(path: str, groups: tuple[str, ...]) -> dict[str, Any]:
    """Returns the arrays of some groups by their names; they are read when they are sliced.

    Args:
      path: What `is_zarr`. In a zip archive the groups may be within a folder.
      groups: Names of groups at its top; those that are missing hold nothing.

    Raises:
      ImportError: The package zarr is not installed.
      ValueError: The store is damaged, of format 3, or compressed by what is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise ImportError(
            f"{path} is a zarr, which needs the package zarr, but {error}: run pip install "
            "'ibc-tf[zarr]'."
        ) from error
    try:
        with hdf5.reading(path):
            return _opened(path, groups, zarr)
    except zarr.errors.MetadataError as error:
        raise ValueError(f"{path} is damaged ({error}): {_COPY_AGAIN}.") from error


def _opened(path: str, groups: tuple[str, ...], zarr: Any) -> dict[str, Any]:
    is_zip = os.path.isfile(path)
    top = (_top_of_zip(path) or "") if is_zip else ""
    store = zarr.ZipStore(path, mode="r") if is_zip else zarr.DirectoryStore(path)
    if f"{top}{_FORMAT_3}" in store:
        raise ValueError(f"{path} is of zarr's format 3, expected 2: write it anew with zarr 2.")
    root = zarr.open_group(store, mode="r", path=top)
    found = {}
    for group in (group for group in groups if group in root):
        for name, array in _arrays(path, root[group], zarr):
            _check_chunks(path, array)
            found[name] = array
    return found


def _top_of_zip(path: str) -> str | None:
    """Returns the folder in a zip archive that zarr has made, with a slash at its end."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    tops = [
        name.removesuffix(made)
        for name in names
        for made in (_GROUP, _FORMAT_3)
        if name == made or name.endswith(f"/{made}")
    ]
    return min(tops, key=len, default=None)


def _arrays(path: str, group: Any, zarr: Any) -> list[tuple[str, Any]]:
    """Lists the arrays in a group and its groups, by their names in it."""
    members: list[tuple[str, Any]] = []
    try:
        group.visititems(lambda name, member: members.append((name, member)))
    except ValueError as error:
        if "codec" not in str(error):
            raise
        raise ValueError(
            f"{path} is compressed by what zarr alone cannot read ({error}): write it anew with "
            "another compressor, such as Blosc."
        ) from error
    return [(name, member) for name, member in members if isinstance(member, zarr.Array)]


def _check_chunks(path: str, array: Any) -> None:
    """Checks that all chunks are there, and whole; zarr makes up what is not."""
    where = os.path.join(path, array.path)
    if not array.shape:
        raise ValueError(f"{where} is one number, expected an array with a row for each step.")
    is_blosc = getattr(array.compressor, "codec_id", None) == "blosc"
    chunks = list(_chunks(path, array))
    for name, size, header in chunks:
        whole = len(header) == _BLOSC_SIZE.size
        expected = _BLOSC_SIZE.unpack(header)[0] if whole else None
        if is_blosc and size != expected:
            raise ValueError(
                f"{os.path.join(where, name)} is damaged ({size} bytes, expected {expected}): "
                f"{_COPY_AGAIN}."
            )
    if len(chunks) != array.nchunks:
        raise ValueError(f"{where} has {len(chunks)} of {array.nchunks} chunks: {_COPY_AGAIN}.")


def _chunks(path: str, array: Any) -> Iterator[tuple[str, int, bytes]]:
    """Yields the name of each chunk of an array in a store, its size and its first bytes."""
    archive = getattr(array.chunk_store, "zf", None)
    if archive is not None:
        folder = f"{array.path}/"
        for info in archive.infolist():
            name = info.filename.removeprefix(folder)
            if info.filename.startswith(folder) and name[:1].isdigit() and not info.is_dir():
                with archive.open(info) as chunk:
                    yield name, info.file_size, chunk.read(_BLOSC_SIZE.size)
        return
    folder = pathlib.Path(path, array.path)
    for file in (file for file in folder.rglob("[0-9]*") if file.is_file()):
        with open(file, "rb") as chunk:
            header = chunk.read(_BLOSC_SIZE.size)
        yield str(file.relative_to(folder)), file.stat().st_size, header
