"""Writing files and folders so that no reader ever sees half of one."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary path in the same folder that becomes `path` if the body succeeds.

    The temporary name keeps the file's suffix, since encoders choose a format by it.
    """
    path = pathlib.Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that takes the place of `path` if the body succeeds."""
    path = pathlib.Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
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


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Removes what writers killed below this folder have left under temporary names."""
    folder = pathlib.Path(folder)
    for pattern in (".*.tmp-*", ".*.old-*"):
        for leftover in list(folder.rglob(pattern)):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
