"""Record files seen from outside, without TensorFlow: their names, their companions, their records.

`<shard>.spec` and `<shard>.manifest.json` lie beside a shard. In it, every record is framed by its
length and checksums.
"""

import glob
import os
import struct

from ibc.utils import atomic_file

SPEC_SUFFIX = ".spec"
"""What the name of a record file's spec adds to it."""
MANIFEST_SUFFIX = ".manifest.json"
"""What the name of a record file's manifest adds to it."""

BEFORE_DATA = 8 + 4
"""Bytes of a record before its data: their length and its checksum."""
OVERHEAD = BEFORE_DATA + 4
"""Bytes of a record besides its data, whose checksum comes last."""

_LENGTH = struct.Struct("<Q")
_COMPANIONS = (SPEC_SUFFIX, MANIFEST_SUFFIX)
_SEPARATOR = ","
# What file systems allow, and the number of the process that writes, with as many digits as any.
_LONGEST_NAME_BYTES = 255
_LONGEST_PROCESS = 4_194_304


def is_record_name(name: str) -> bool:
    """Whether a file of this name is read as a record file: no companion, not hidden."""
    return not name.startswith(".") and not name.endswith(_COMPANIONS)


def files_of(path: str) -> list[str]:
    """Returns a record file, its spec and its manifest."""
    return [path, *(path + suffix for suffix in _COMPANIONS)]


def temporary_name(name: str, process: int) -> str:
    """Returns the name under which a process writes a record file until it is complete."""
    return f".{name}.tmp-{process}"


def check_name(path: str | os.PathLike, flag: str = "") -> None:
    """Checks that a record file can be written under a name, and be found under it later.

    Args:
      path: record file to make.
      flag: what stands before the name in messages, such as '--dataset_path='.

    Raises:
      ValueError: the name is that of a folder, a device or the like, too long, or one that
        `dataset_path` never finds.
      OSError: no file can be made there.
    """
    path = os.fspath(path)
    shown = flag + (path if path.strip() and path.isprintable() else ascii(path))
    if "\0" in path:
        raise ValueError(f"{shown} holds a null byte, which no file name can; leave it out.")
    if not path.strip():
        raise ValueError(f"{shown} is no file name; give one, for example oracle.tfrecord.")
    name = os.path.basename(path)
    if not name or os.path.isdir(os.path.expanduser(path)):
        raise ValueError(f"{shown} is a folder; add a file name, for example oracle.tfrecord.")
    reason = _why_never_found(name)
    if reason is not None:
        raise ValueError(
            f"{shown} would never be found as a record file, since its name {reason}; give "
            "another, for example oracle.tfrecord."
        )
    target = os.path.realpath(os.path.expanduser(path))
    most = _LONGEST_NAME_BYTES - max(map(len, files_of(temporary_name("", _LONGEST_PROCESS))))
    for written in (name, os.path.basename(target)):
        if (size := len(os.fsencode(written))) > most:
            raise ValueError(
                f"{shown} has a file name of {size} bytes, but {most} are the most that leave room "
                "for what is added while it is written; give a shorter one."
            )
    found = atomic_file.kind(os.path.expanduser(path))
    if found not in (None, atomic_file.FILE):
        raise ValueError(
            f"{shown} is {found}, which a record file would replace; give another name, for "
            "example oracle.tfrecord."
        )
    for companion in files_of(os.path.expanduser(path))[1:] + files_of(target)[1:]:
        found = atomic_file.kind(companion)
        if found not in (None, atomic_file.FILE):
            raise ValueError(f"{shown} needs {companion} beside it, which is {found}; move it.")
    atomic_file.check_place(path, flag)


def check_record_lengths(path: str, what_to_do: str) -> int:
    """Checks that no record announces more than its file can hold.

    TensorFlow allocates whatever a record announces, and a wrong length ends the process.

    Args:
      path: TFRecord file.
      what_to_do: end of the message.

    Returns:
      The length of the longest record's data, 0 if there is none.

    Raises:
      ValueError: a record does.
    """
    size, start, longest = os.path.getsize(path), 0, 0
    # Not a memory map, whose pages would count as memory of this process.
    with open(path, "rb") as file:
        while start + _LENGTH.size <= size:
            file.seek(start)
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            if length > size:
                raise ValueError(
                    f"{path} is damaged, or no record file (at byte {start} it announces a record "
                    f"of {length} bytes, but has {size} in all): {what_to_do}."
                )
            longest = max(longest, length)
            start += length + OVERHEAD
    return longest


def _why_never_found(name: str) -> str | None:
    if name.startswith("."):
        return "begins with a dot, like a hidden file's"
    if not is_record_name(name):
        return f"ends in {' or '.join(_COMPANIONS)}, like what lies beside a record file"
    if glob.escape(name) != name:
        return "holds a character of glob patterns (*, ? or [)"
    if _SEPARATOR in name:
        return "holds a comma, which separates file names"
    return "begins or ends with a space" if name != name.strip() else None
