"""One process at a time in a folder.

The operating system holds the lock for as long as the process lives, however it ends: a lock of a
process that was killed, or of a computer that was switched off, keeps nobody out. What the file
says of its holder is for people.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import pathlib
import socket
from collections.abc import Iterator

from absl import logging

FILE = "lock.json"

# File systems that know no locks.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def held(folder: pathlib.Path, elsewhere: str = "use another folder") -> Iterator[None]:
    """Makes a folder and keeps other processes out of it during the block.

    The lock's file is there during the block alone. A folder that is still empty then is removed:
    a start that is refused, for its data say, leaves nothing.

    Args:
      folder: what one process at a time may write in, such as a run's.
      elsewhere: what else is to be done where it cannot be used.

    Raises:
      BlockingIOError: another process holds the lock; the message says which.
      PermissionError: the folder cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path, elsewhere)
    except BlockingIOError:
        raise
    except OSError as error:
        _remove_empty(missing)
        raise PermissionError(
            f"cannot make the folder {folder}, or a file in it ({error.strerror}); {elsewhere}."
        ) from error
    try:
        yield
    finally:
        # First the file, then the lock: whoever waits must not lock a file that goes away.
        path.unlink(missing_ok=True)
        os.close(descriptor)
        _remove_empty(missing)


def is_held(folder: pathlib.Path) -> bool:
    """Returns whether a process is in a folder now."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # A file system without locks keeps nobody out.
        return False
    finally:
        os.close(descriptor)
    return False


def _locked(path: pathlib.Path, elsewhere: str) -> int:
    """Locks a file, which is made or taken over, and writes into it who has it."""
    while True:
        # Closed in programs that this one starts, so that the lock ends with this process alone.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, path, elsewhere)
            if _is_still_there(descriptor, path):
                _sign(descriptor, path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # Its holder has just removed it.


def _lock(descriptor: int, path: pathlib.Path, elsewhere: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(
            f"{path.parent} is in use: {_holder(descriptor)}. Wait for its end, or {elsewhere}."
        ) from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        logging.warning(
            "%s is on a file system without locks (%s): nothing keeps a second process out.",
            path.parent,
            error.strerror,
        )


def _is_still_there(descriptor: int, path: pathlib.Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int, path: pathlib.Path) -> None:
    """Writes this process into a file whose last holder, if there was one, is no more."""
    if os.fstat(descriptor).st_size:
        logging.warning("Taking over %s: %s, and has ended.", path, _holder(descriptor))
    own = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (json.dumps(own) + "\n").encode(), 0)


def _holder(descriptor: int) -> str:
    """Says who has written into a lock's file."""
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {found['pid']} of {found['host']} has run there since {found['started']}"
    except (ValueError, KeyError, TypeError):
        return "a process has run there that has not said its number"


def _remove_empty(folders: list[pathlib.Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):  # It is not empty, or was never made.
            folder.rmdir()
