"""What TensorFlow reports of disks and folders, as the error that Python itself would raise."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator

_DECORATION = re.compile(r"\{\{.*?\}\} ?|\[Op:.*")
# What TensorFlow makes of the operating system's errors, from the most to the least frequent.
_MEANINGS = {
    "ResourceExhaustedError": "the disk, or the memory, is full",
    "PermissionDeniedError": "a file or folder may not be written",
    "DataLossError": "a file is damaged",
    "OutOfRangeError": "a file has reached the size limit",
    "FailedPreconditionError": "a file or folder cannot be written",
    "NotFoundError": "a file or folder is missing",
    "AlreadyExistsError": "a file is in the way of a folder",
    "UnknownError": "the file system failed",
}
# The first three are about nothing else; the others only where the operating system is quoted.
_UNMISTAKABLE = ("ResourceExhaustedError", "PermissionDeniedError", "DataLossError")
_QUOTED = tuple(os.strerror(number).lower() for number in errno.errorcode)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raises OSError, in one line, for TensorFlow's errors about files.

    TensorFlow need not have been imported. Its other errors are defects and pass unchanged.
    """
    try:
        yield
    except Exception as error:
        message = described(error)
        if message is None:
            raise
        raise OSError(message) from error


def described(error: Exception) -> str | None:
    """Returns one line about one of TensorFlow's errors, None if it is not about files."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return None
    for kind, meaning in _MEANINGS.items():
        if isinstance(error, getattr(tensorflow.errors, kind)):
            quoted = any(phrase in error.message.lower() for phrase in _QUOTED)
            if not quoted and kind not in _UNMISTAKABLE:
                return None
            text = _DECORATION.sub("", error.message).strip() or kind
            cause = text.splitlines()[0].rstrip(". ")
            return (
                f"{meaning} ({cause}). What was complete before is whole; once this is mended, "
                "the same command goes on from it."
            )
    return None
