"""Damages record files, specs and manifests in every way that a seed can think of."""

import random
import struct
from collections.abc import Callable

from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

# Lengths that a reader may take seriously: more than there is memory, than fits a signed number.
_LENGTHS = (0, 1, 1 << 20, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 62, (1 << 63) - 8, (1 << 64) - 17)
_NUMBERS = (b"-1", b"0", b"7", b"2147483648", b"1152921504606846976", b"1e999", b"nan")


masked_crc = pywrap_tensorflow.masked_crc32c
"""The checksum that TFRecord files store: CRC-32C, rotated and shifted."""


def record(data: bytes) -> bytes:
    """A record as it is stored: length and data, each with its checksum."""
    length = struct.pack("<Q", len(data))
    checks = [struct.pack("<I", masked_crc(part)) for part in (length, data)]
    return length + checks[0] + data + checks[1]


def split(contents: bytes) -> list[bytes]:
    """The data of the records of a whole file."""
    found, start = [], 0
    while start < len(contents):
        (length,) = struct.unpack_from("<Q", contents, start)
        found.append(contents[start + 12 : start + 12 + length])
        start += length + 16
    return found


def mutate_anything(contents: bytes, rng: random.Random) -> bytes:
    """Flips a bit, cuts, inserts, doubles or blanks a part of a file."""
    start = rng.randrange(len(contents))
    end = min(len(contents), start + rng.choice((1, 2, 8, 40)))
    noise = rng.randbytes(end - start)
    return rng.choice(
        (
            contents[:start]
            + bytes([contents[start] ^ 1 << rng.randrange(8)])
            + contents[start + 1 :],
            contents[:start],
            contents[:start] + contents[end:],
            contents[:start] + noise + contents[start:],
            contents[:end] + contents[start:],
            contents[:start] + bytes(end - start) + contents[end:],
            contents[:start] + b"\xff" * (end - start) + contents[end:],
            contents + noise,
            contents + bytes(end - start),
        )
    )


def mutate_region(contents: bytes, rng: random.Random) -> bytes:
    """Damages one of a record's four parts: length, its checksum, data, its checksum."""
    parts = split(contents)
    number = rng.randrange(len(parts))
    start = sum(len(part) + 16 for part in parts[:number])
    size = len(parts[number])
    first, length = rng.choice(((0, 8), (8, 4), (12, size), (12 + size, 4)))
    first += start
    region = contents[first : first + length]
    damaged = mutate_anything(region, rng)
    if rng.random() < 0.5:
        damaged = (damaged + rng.randbytes(length))[:length]
    return contents[:first] + damaged + contents[first + length :]


def mutate_with_right_checksums(contents: bytes, rng: random.Random) -> bytes:
    """Changes records, their order or number, and computes the checksums anew."""
    parts = split(contents)
    number = rng.randrange(len(parts))
    kind = rng.choice(("anything", "double", "drop", "swap", "length"))
    if kind == "anything":
        parts[number] = mutate_anything(parts[number], rng)
    elif kind != "length":
        _rearrange(parts, number, kind, rng)
    else:
        length = struct.pack("<Q", rng.choice(_LENGTHS))
        head = length + struct.pack("<I", masked_crc(length))
        before = b"".join(map(record, parts[:number]))
        return before + head + record(parts[number])[12:]
    return b"".join(map(record, parts))


def mutate_text(contents: bytes, rng: random.Random) -> bytes:
    """Damages a text: its lines, its numbers, its words, or anything."""
    lines = contents.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    kind = rng.choice(("drop", "double", "number", "swap", "anything"))
    if kind == "anything":
        return mutate_anything(contents, rng)
    if kind == "number":
        lines[number] = _with_other_number(lines[number], rng)
    else:
        _rearrange(lines, number, kind, rng)
    return b"".join(lines)


def _rearrange(parts: list[bytes], number: int, kind: str, rng: random.Random) -> None:
    if kind == "drop":
        del parts[number]
    elif kind == "double":
        parts.insert(rng.randrange(len(parts)), parts[number])
    else:
        other = rng.randrange(len(parts))
        parts[number], parts[other] = parts[other], parts[number]


def _with_other_number(line: bytes, rng: random.Random) -> bytes:
    head, colon, _ = line.partition(b":")
    return head + colon + b" " + rng.choice(_NUMBERS) + b"\n" if colon else line.upper()


MUTATIONS: dict[str, tuple[str, Callable[[bytes, random.Random], bytes], int]] = {
    "a part of a record": ("", mutate_region, 1000),
    "anything in a record file": ("", mutate_anything, 300),
    "records with right checksums": ("", mutate_with_right_checksums, 400),
    "a part of a spec": (".spec", mutate_region, 200),
    "specs with right checksums": (".spec", mutate_with_right_checksums, 400),
    "manifest": (".manifest.json", mutate_text, 400),
}
"""What is damaged → suffix of the file, how, and how often."""
