"""What files were like: told by their names, sizes and times, without reading them."""

import glob
import hashlib
import os
from collections.abc import Iterator

CACHE_SUFFIX = ".ibc-cache"
"""End of the names of folders that `cache` makes beside recordings."""


def of(pattern: str) -> str:
    """Returns a text that changes when a file changes which a path, a glob or several name.

    Args:
      pattern: Files, folders or globs, separated by commas. What is missing counts as such.
    """
    digest = hashlib.sha256()
    for part in pattern.split(","):
        part = os.path.expanduser(part.strip())
        for path in [part] if os.path.exists(part) else sorted(glob.glob(part)):
            for name, file in _files(path):
                stat = os.stat(file)
                digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(path: str) -> Iterator[tuple[str, str]]:
    """Yields names below a path and files, always in the same order."""
    if os.path.isfile(path):
        yield os.path.basename(path), path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.endswith(CACHE_SUFFIX))
        for name in sorted(names):
            file = os.path.join(folder, name)
            yield os.path.relpath(file, path), file
