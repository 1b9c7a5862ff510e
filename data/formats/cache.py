"""Recordings of other formats as data to train on: converted once, beside them."""

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence

from absl import logging

from ibc.data.formats import convert, fingerprint, states
from ibc.data.inspection import source_info
from ibc.data.records import manifest, shard_files
from ibc.environments.d4rl import task as d4rl_tasks
from ibc.utils import atomic_file

# Raised when the same recording is read as something else than before.
_VERSION = 1
_CONTENTS = "fingerprint"
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def record_files(
    dataset_path: str,
    tasks: Sequence[str] = (),
    note: Callable[[str], None] = logging.info,
) -> str:
    """Returns a dataset path of record files only, in place of one that names recordings, too.

    A recording is converted into a folder beside it, `<name>.ibc-cache`, unless what is there was
    made of it as it is now. Of programs that want it at the same time, one converts.

    Args:
      dataset_path: Files, folders, globs or ids that `convert.open_source` knows, and record
        files, separated by commas.
      tasks: What is trained on it; D4RL's and Minari's files are read as of the first one, if it
        is one of D4RL's.
      note: Is told in a line what is converted, and where to.

    Raises:
      ValueError, ImportError: A recording is damaged or without actions, or a package is missing.
      OSError: There is no room beside it.
    """
    task = next((name for name in tasks if name in d4rl_tasks.FAMILY_OF), None)
    return ",".join(_record_file(part.strip(), task, note) for part in dataset_path.split(","))


def place(path: str) -> str:
    """Returns the record file that a recording is converted to."""
    path = os.path.abspath(os.path.expanduser(path))
    name = _NOT_IN_NAMES.sub("_", os.path.basename(path)).strip("._") or "recording"
    folder = os.path.join(os.path.dirname(path), name + fingerprint.CACHE_SUFFIX)
    return os.path.join(folder, f"{name}.tfrecord")


def _record_file(path: str, task: str | None, note: Callable[[str], None]) -> str:
    if not path or not source_info.is_other_format(path):
        return path
    source = convert.open_source(path, task)
    if isinstance(source, states.StateRecordings):
        raise ValueError(
            f"{path} has states alone: without actions nothing can be cloned. Record them, too, or "
            "learn an energy of the states with python ibc/train_ncsn.py."
        )
    target = place(source.path)
    atomic_file.check_place(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with _alone(os.path.dirname(target), lambda: note(f"{path} is being converted; waiting.")):
        contents = f"{_VERSION} {task} {fingerprint.of(source.path)}"
        if _is_of(target, contents):
            note(f"{path} was converted before: training on {target}")
            return target
        state = "has changed since it was" if os.path.exists(target) else "is not"
        note(f"{path} {state} converted: converting {len(source.lengths)} episodes to {target}")
        convert.convert(source, target, about={_CONTENTS: contents})
    return target


def _is_of(target: str, contents: str) -> bool:
    """Whether a record file is whole, by its size, and was made of these contents."""
    if not all(map(os.path.isfile, shard_files.files_of(target))):
        return False
    try:
        found = manifest.load(target)
    except ValueError:
        return False
    is_whole = found.bytes == os.path.getsize(target)
    return is_whole and (found.about or {}).get(_CONTENTS) == contents


@contextlib.contextmanager
def _alone(folder: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Runs the body in one process at a time."""
    with open(os.path.join(folder, ".lock"), "w") as lock:
        with contextlib.suppress(OSError):  # File systems without locks are not waited for.
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
