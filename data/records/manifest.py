"""The manifest beside a record file: what the file must contain, so that a cut one is noticed.

A TFRecord file that ends at a record boundary reads like a complete one, however many records
are missing. `<shard>.manifest.json` says how many there must be.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ibc.data.records import shard_files, specs

MANIFEST_SUFFIX = shard_files.MANIFEST_SUFFIX
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Contents of a record file and its spec."""

    records: int
    """Number of records (frames)."""
    episodes: int
    """Number of episodes, that is of frames with step type FIRST."""
    bytes: int
    """Size of the record file in bytes."""
    sha256: str
    """Hexadecimal SHA-256 of the record file."""
    spec_sha256: str
    """Hexadecimal SHA-256 of the spec file."""
    format_version: int = FORMAT_VERSION
    """Version of this description."""
    about: dict[str, Any] | None = None
    """What is known besides: `fps`; `tasks` in words, one for each episode; `action_parts`, key →
    [start, stop) in the action's vector. Left out of the file where nothing is."""


def write(
    shard_path: str, records: int, episodes: int, about: Mapping[str, Any] | None = None
) -> None:
    """Writes the manifest of a record file and a spec file that are complete on disk."""
    manifest = Manifest(
        records=records,
        episodes=episodes,
        bytes=os.path.getsize(shard_path),
        sha256=_sha256(shard_path),
        spec_sha256=_sha256(shard_path + specs.SPEC_SUFFIX),
        about=dict(about) if about else None,
    )
    contents = {key: v for key, v in dataclasses.asdict(manifest).items() if v is not None}
    with open(shard_path + MANIFEST_SUFFIX, "w", encoding="utf-8") as file:
        json.dump(contents, file, indent=2)


def load(shard_path: str) -> Manifest | None:
    """Reads the manifest of a shard; None if it has none (the published system writes none).

    Raises:
      ValueError: the manifest is damaged or of an unknown version.
    """
    path = shard_path + MANIFEST_SUFFIX
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            manifest = Manifest(**json.load(file))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({specs.first_line(error)}): delete it if you trust {shard_path}, "
            f"or {specs.RECORD_AGAIN}."
        ) from error
    if manifest.format_version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format_version {manifest.format_version!r}, but this program knows "
            f"{FORMAT_VERSION}: update the program, or delete the manifest if you trust the shard."
        )
    return manifest


def check_files(shard_path: str, manifest: Manifest) -> None:
    """Compares sizes and checksums of a shard's files with its manifest.

    Raises:
      ValueError: they differ.
    """
    _check(shard_path, "bytes", os.path.getsize(shard_path), manifest.bytes)
    _check(shard_path, "sha256", _sha256(shard_path), manifest.sha256)
    spec_path = shard_path + specs.SPEC_SUFFIX
    _check(spec_path, "sha256", _sha256(spec_path), manifest.spec_sha256, shard_path)


def check_counts(shard_path: str, manifest: Manifest, records: int, episodes: int) -> None:
    """Compares what was decoded from a shard with its manifest.

    Raises:
      ValueError: they differ.
    """
    _check(shard_path, "records", records, manifest.records)
    _check(shard_path, "episodes", episodes, manifest.episodes)


def _check(path: str, what: str, found: object, expected: object, shard_path: str = "") -> None:
    if found != expected:
        raise ValueError(
            f"{path} does not match its manifest {(shard_path or path) + MANIFEST_SUFFIX}: {what} "
            f"is {str(found)[:12]}, expected {str(expected)[:12]}; the file was cut, damaged or "
            f"replaced: copy it again, or {specs.RECORD_AGAIN}."
        )


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
