"""The lengths of a record file's records, looked at before anybody believes them."""

import mmap
import os
import struct

# Length and its checksum before, checksum after the data of every record.
OVERHEAD = 8 + 4 + 4
_LENGTH = struct.Struct("<Q")


def check(path: str, what_to_do: str) -> None:
    """Checks that no record announces more than its file can hold.

    TensorFlow allocates whatever a record announces, and a wrong length ends the process.

    Args:
      path: TFRecord file.
      what_to_do: end of the message.

    Raises:
      ValueError: a record does.
    """
    size, start = os.path.getsize(path), 0
    if not size:
        return
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents,
    ):
        while start + _LENGTH.size <= size:
            (length,) = _LENGTH.unpack_from(contents, start)
            if length > size:
                raise ValueError(
                    f"{path} is damaged, or no record file (at byte {start} it announces a record "
                    f"of {length} bytes, but has {size} in all): {what_to_do}."
                )
            start += length + OVERHEAD
