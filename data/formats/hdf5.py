"""Opens HDF5 files with h5py and says what is wrong with them; for the formats that use them."""

import contextlib
import functools
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ibc.environments.d4rl import task as d4rl_tasks

SUFFIXES = (".hdf5", ".h5")
"""What names of HDF5 files end with."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Slices of episodes do not fall on the chunks of compressed files, which should not be
# decompressed for each episode again.
_CHUNK_CACHE_BYTES = 64 << 20
_LISTED_KEYS = 8
_NUMBER_KINDS = "biuf"
# What h5py raises where a file's parts contradict each other or links lead nowhere.
_IN_HDF5 = (KeyError, IndexError, MemoryError, OSError, OverflowError, RuntimeError, TypeError)
_OF_DAMAGE = (*_IN_HDF5, zipfile.BadZipFile, zlib.error, EOFError)


def top_level(path: str) -> list[str]:
    """Lists what an HDF5 file holds; nothing if the path is no such file.

    Raises:
      ImportError: h5py is not installed.
      ValueError: The file is damaged, or only its name is that of an HDF5 file.
    """
    if not os.path.isfile(path):
        return []
    with open(path, "rb") as file:
        is_hdf5 = path.endswith(SUFFIXES) or file.read(len(_SIGNATURE)) == _SIGNATURE
    if not is_hdf5:
        return []
    with reading(path), _open(path) as file:
        return list(file)


def members(path: str, group: str) -> list[str]:
    """Lists what a group at the top of an HDF5 file holds; nothing if there is no such group.

    Raises:
      ImportError, ValueError: See `top_level`; or a part of the file is kept in another file.
    """
    if group not in top_level(path):
        return []
    with open_hdf5(path) as file, reading(path):
        found = file.get(group)
        return list(found) if hasattr(found, "keys") else []


def open_hdf5(path: str) -> Any:
    """Opens an HDF5 file (`h5py.File`) for reading, which must take nothing from other files.

    Raises:
      ImportError: h5py is not installed.
      ValueError: It is no HDF5 file, or a part of it is kept in another file.
    """
    with closed_if_refused(_open(path)) as file, reading(path):
        _check_self_contained(file)
    return file


@contextlib.contextmanager
def closed_if_refused(file: Any) -> Iterator[Any]:
    """Closes an open file whose reading fails: errors may be kept, and hold it open with them."""
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _open(path: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"HDF5 files need h5py, but {error}: run pip install 'ibc-tf[robomimic]', or "
            "'ibc-tf[d4rl]' with D4RL's simulators."
        ) from error
    try:
        return h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
    except OSError as error:
        raise ValueError(
            f"{path} is no HDF5 file, or a damaged one ({error}): copy it again from where it came "
            "from."
        ) from error


@contextlib.contextmanager
def reading(path: str) -> Iterator[None]:
    """Says in one line what h5py has found wrong while it reads a file.

    Raises:
      ValueError: The file is damaged.
    """
    try:
        yield
    except (ValueError, *_OF_DAMAGE) as error:
        if isinstance(error, ValueError) and path in str(error):
            raise  # It says itself what is wrong.
        reason = str(error.args[0] if error.args else type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} is damaged, or not all of it is there ({reason}): copy it again from where it "
            "came from."
        ) from error


def reads(method: Callable) -> Callable:
    """Decorates a method of an object with a `path` that reads from that file; see `reading`."""

    @functools.wraps(method)
    def guarded(self, *args):
        with reading(self.path):
            return method(self, *args)

    return guarded


def _check_self_contained(file: Any) -> None:
    """Checks that an open file takes nothing from others, which its author would choose.

    Raises:
      ValueError: A link, a virtual array or an array's storage leads to another file.
    """
    import h5py

    # Looked at afterwards: h5py loses errors that are raised while it visits.
    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    for name, link in links.items():
        others = set()
        if isinstance(link, h5py.ExternalLink):
            others = {link.filename}
        elif isinstance(link, h5py.HardLink) and isinstance(array := file[name], h5py.Dataset):
            sources = array.virtual_sources() if array.is_virtual else ()
            others = {source.file_name for source in sources}
            others.update(external for external, *_ in array.external or ())
            others.discard(".")
        if others:
            raise ValueError(
                f"{file.filename}: {name} is kept in another file, {min(others)}: copy all of it "
                "into one file."
            )


def check_keys(where: str, group: Any, keys: tuple[str, ...]) -> None:
    """Checks that a group has members of these names.

    Raises:
      ValueError: One is missing; the message says what is there.
    """
    missing = [key for key in keys if key not in group]
    if missing:
        found = ", ".join(map(str, list(group)[:_LISTED_KEYS]))
        raise ValueError(f"{where} has no {', '.join(missing)}; it holds {found}.")


def check_group(where: str, key: str, stored: Any) -> None:
    """Checks that a member is a group, and not an empty one.

    Args:
      where: File, or file and group, that it is in.
      key: Its name; '' if `where` says it already.
      stored: A data set or a group (`h5py.Dataset`, `h5py.Group`).

    Raises:
      ValueError: It is an array, or holds nothing.
    """
    found = "an empty group" if hasattr(stored, "keys") else "an array"
    if not (hasattr(stored, "keys") and len(stored)):
        name = f"{where}: {key}" if key else where
        raise ValueError(f"{name} is {found}, expected a group of arrays.")


def check_array(where: str, key: str, stored: Any, shape: str) -> None:
    """Checks that a member is an array of numbers of this shape.

    Args:
      where: File, or file and group, that it is in.
      key: Its name.
      stored: A data set or a group (`h5py.Dataset`, `h5py.Group`).
      shape: `[n]` (or a column `[n, 1]`), `[n, size]` or `[n, ...]`.

    Raises:
      ValueError: It is something else.
    """
    if not hasattr(stored, "shape"):
        found = "a group"
    elif stored.dtype.kind not in _NUMBER_KINDS:
        found = f"{stored.dtype} values"
    elif not stored.shape:
        found = "one number"
    else:
        size = stored.shape[1:]
        fits = {"[n]": size in ((), (1,)), "[n, size]": len(size) == 1}.get(shape, True)
        if fits and 0 not in size:
            _check_stored(where, key, stored)
            return
        found = f"of shape {list(stored.shape)}"
    raise ValueError(f"{where}: {key} is {found}, expected an array {shape} of numbers.")


def _check_stored(where: str, key: str, array: Any) -> None:
    """Checks that values were written: HDF5 makes up those that were not, however many."""
    if array.is_virtual:
        return
    if array.chunks is None:
        whole = array.id.get_storage_size() > 0 or not array.size
    else:
        counts = (-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True))
        whole = array.id.get_num_chunks() == math.prod(counts)
    if not whole:
        raise ValueError(
            f"{where}: {key} of shape {list(array.shape)} was not written to its end: copy the "
            "file again from where it came from."
        )


def read_flags(where: str, group: Any, key: str) -> np.ndarray:
    """Reads which steps a file marks: bool [n].

    Raises:
      ValueError: A value is neither 0 nor 1.
    """
    values = np.ravel(group[key][:])
    wrong = values[(values != 0) & (values != 1)]
    if len(wrong):
        raise ValueError(f"{where}: {key} holds {wrong[0]}, expected 0 or 1 for each step.")
    return values.astype(bool)


def check_lengths(where: str, lengths: dict[str, int]) -> None:
    """Checks that arrays, name -> length, are equally long and not empty.

    Raises:
      ValueError: They are not.
    """
    if len(set(lengths.values())) != 1 or not all(lengths.values()):
        described = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ValueError(f"{where}: arrays must be equally long and not empty: {described}.")


def check_sizes(
    where: str, family: d4rl_tasks.Family | None, observation: tuple, action: tuple
) -> None:
    """Checks the shapes of one observation and one action against those of a task.

    Raises:
      ValueError: They are another task's.
    """
    if family is None:
        return
    expected = (family.observation_size,), (family.action_size,)
    if (tuple(observation), tuple(action)) != expected:
        raise ValueError(
            f"{where}: observations of shape {list(observation)} and actions of shape "
            f"{list(action)} are not those of {family.data_sets[0]}, {list(expected[0])} and "
            f"{list(expected[1])}: check --task."
        )
