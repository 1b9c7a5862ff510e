"""The lengths of a record file's records, looked at before anybody believes them."""

import os
import struct

# Length and its checksum before, checksum after the data of every record.
OVERHEAD = 8 + 4 + 4
_LENGTH = struct.Struct("<Q")


def check(path: str, what_to_do: str) -> int:
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
