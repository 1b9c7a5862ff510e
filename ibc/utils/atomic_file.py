"""Writing files and folders so that no reader ever sees half of one."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator

FILE, FOLDER = "a regular file", "a folder"
"""Kinds of what can be replaced."""

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

# What file systems allow, less what temporary names add.
_LONGEST_PATH_BYTES = 4000
_LONGEST_NAME_BYTES = 255
_LONGEST_SHOWN = 200


def kind(path: str | os.PathLike) -> str | None:
    """Says what is under a path, or where a link under it leads; None if nothing is there."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return "a link to itself" if error.errno == errno.ELOOP else None
    return _KINDS.get(stat.S_IFMT(mode), "a special file")


def check_place(path: str | os.PathLike, flag: str = "") -> None:
    """Checks that a file can be made under a path, before the work whose result it is to hold.

    Nothing is made, no folder either.

    Args:
      path: the file; for a folder, any name in it.
      flag: what stands before the path in messages, such as '--picture='.

    Raises:
      OSError: no file can be made there; the message says why, and what to do.
    """
    reason = _why_no_file(pathlib.Path(os.path.realpath(os.path.expanduser(path))))
    if reason is not None:
        shown = os.fspath(path)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
        raise OSError(
            f"{flag}{shown}: no file can be made there ({reason}); give another place, or make "
            "this one writable."
        )


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary path in the same folder that becomes `path` if the body succeeds.

    The temporary name keeps the file's suffix, since encoders choose a format by it. A link stays:
    the file that it leads to is replaced.

    Raises:
      FileExistsError: What is there is no regular file, and would be lost.
    """
    suffix = pathlib.Path(path).suffix
    path = _replaceable(path, FILE)
    remove_stale(path.parent, path.stem)
    temporary = path.with_name(f".{path.stem}.tmp-{os.getpid()}{suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that takes the place of `path` if the body succeeds.

    A link stays: the folder that it leads to is replaced.

    Raises:
      FileExistsError: What is there is no folder.
    """
    path = _replaceable(path, FOLDER)
    remove_stale(path.parent, path.name)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    outdated = path.with_name(f".{path.name}.old-{os.getpid()}")
    try:
        yield temporary
        if path.exists():
            path.rename(outdated)
        temporary.rename(path)
    finally:
        for leftover in (temporary, outdated):
            shutil.rmtree(leftover, ignore_errors=True)


def remove_stale(folder: str | os.PathLike, name: str) -> None:
    """Removes what writers of one name have left in a folder whose processes are no more.

    Args:
      folder: where the file or folder is to be.
      name: start of temporary names, `.<name>.tmp-<process>`.
    """
    _remove_if(folder, re.escape(name), lambda process: not _is_alive(process))


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Removes what writers killed below this folder have left under temporary names."""
    for pattern in (".*.tmp-*", ".*.old-*"):
        for leftover in list(pathlib.Path(folder).rglob(pattern)):
            _remove(leftover)


def remove_leftovers_of(process: int, folder: str | os.PathLike) -> None:
    """Removes what one process that is no more has left in a folder under temporary names."""
    if os.path.isdir(folder):
        _remove_if(folder, ".+", lambda writer: writer == process)


def _remove_if(folder: str | os.PathLike, name: str, is_gone: Callable[[int], bool]) -> None:
    temporary = re.compile(rf"\.{name}\.(?:tmp|old)-(\d+)(?:\..*)?")
    for entry in list(os.scandir(folder)):
        match = temporary.fullmatch(entry.name)
        if match and is_gone(int(match[1])):
            _remove(pathlib.Path(entry.path))


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _why_no_file(path: pathlib.Path) -> str | None:
    sizes = [len(os.fsencode(part)) for part in path.parts]
    if len(os.fsencode(path)) > _LONGEST_PATH_BYTES or max(sizes) > _LONGEST_NAME_BYTES:
        return os.strerror(errno.ENAMETOOLONG)
    folder = next(above for above in path.parents if kind(above) is not None)
    if kind(folder) != FOLDER:
        return f"{folder} is {kind(folder)}, not a folder"
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"{error.strerror} in {folder}"
    return None


def _replaceable(path: str | os.PathLike, expected: str) -> pathlib.Path:
    """Returns where a link leads, of the expected kind or nothing, in a folder that is made."""
    path = os.path.expanduser(path)
    found = kind(path)
    if found not in (None, expected):
        raise FileExistsError(
            f"{path} is {found}, but {expected} is to be written there; move it, or give another "
            "name."
        )
    path = pathlib.Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _remove(leftover: pathlib.Path) -> None:
    if leftover.is_dir():
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        leftover.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine has the number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # someone else's, or no number of a process
        pass
    return True
