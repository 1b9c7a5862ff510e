"""Recordings of block pushing episodes as `.json.zip` files, from which they can be replayed.

A recording holds the state of the whole scene before the first action, the actions, and the
name of the task: far less than pictures of the episode, which can be made from it later.
"""

import json
import os
import pathlib
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, TypedDict

import gymnasium
import numpy as np

from ibc.environments import tasks
from ibc.utils import atomic_file

STATE_VERSION = 1
_SUFFIX = ".json.zip"
_RECORD_AGAIN = "copy it again from where it came from, or record the episode again"


class Recording(TypedDict):
    """Contents of a recording."""

    pybullet_state: dict[str, Any]
    """State of the scene before the first action, as `get_pybullet_state` returns it."""
    task: str
    """Name of the task, such as 'PUSH'."""
    actions: list[list[float]]
    """The episode's actions, in its order."""
    state_version: int
    """Version of this format."""


def write_pybullet_state(
    filename: str | os.PathLike,
    pybullet_state: dict[str, Any],
    task: str,
    actions: Sequence[np.ndarray] | None = None,
) -> None:
    """Writes a recording, whole or not at all.

    The same contents make the same file, byte for byte.

    Args:
      filename: Name of the file, ending in .json.zip; its folder is made if missing.
      pybullet_state: State of the scene before the first action; a nest of JSON types.
      task: Name of the task.
      actions: Actions [A] of the episode; None for a state alone.

    Raises:
      ValueError: The name has another suffix, or something is not finite or not JSON.
    """
    path = pathlib.Path(filename).expanduser()
    if not path.name.endswith(_SUFFIX):
        raise ValueError(f"{filename} does not end in {_SUFFIX}, the suffix of recordings.")
    recording = Recording(
        pybullet_state=pybullet_state,
        task=task,
        actions=[np.asarray(action).tolist() for action in actions or []],
        state_version=STATE_VERSION,
    )
    try:
        text = json.dumps(recording, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{filename} cannot be written: {error}.") from error
    # A time of writing would make each file of the same episode another.
    member = zipfile.ZipInfo(path.name.removesuffix(".zip"))
    member.compress_type = zipfile.ZIP_DEFLATED
    with atomic_file.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(member, text)


def read_pybullet_state(filename: str | os.PathLike) -> Recording:
    """Reads a recording.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: The file is damaged, is no recording, or is of another version.
    """
    path = pathlib.Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{filename} does not exist; give the name of a {_SUFFIX} file.")
    try:
        recording = json.loads(_unzipped(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"{filename} is damaged or not a recording ({error}); {_RECORD_AGAIN}."
        ) from error
    _check(filename, recording)
    return recording


def replay(env: gymnasium.Env, recording: Recording) -> list[tuple[dict, float, bool]]:
    """Restores the state of a recording and repeats its actions.

    Args:
      env: Block pushing environment of the recording's task; wrappers are left out.
      recording: What `read_pybullet_state` returned.

    Returns:
      Observation, reward and whether the episode terminated, after each action.

    Raises:
      ValueError: The recording is of another task, or its state is damaged.
    """
    inner: Any = env.unwrapped
    _check_task(inner, recording["task"])
    inner.reset()
    try:
        inner.set_pybullet_state(recording["pybullet_state"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the pybullet_state of the recording cannot be restored ({error!r}); {_RECORD_AGAIN}."
        ) from error
    outcomes = []
    for action in recording["actions"]:
        observation, reward, terminated, _, _ = inner.step(np.asarray(action, np.float32))
        outcomes.append((observation, reward, terminated))
    return outcomes


def _check_task(inner: gymnasium.Env, name: str) -> None:
    task = tasks.get_task(name)
    ids = [task.env_id, task.image_env_id]
    if inner.spec is not None and inner.spec.id.removeprefix("Shared") not in ids:
        raise ValueError(
            f"the recording is of task {name}, but the environment is {inner.spec.id}; load the "
            f"environment of {name}."
        )


def _unzipped(path: pathlib.Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1 or not names[0].endswith(".json"):
            raise ValueError(f"it holds {', '.join(names) or 'nothing'}, expected one .json file")
        return archive.read(names[0])


def _check(filename: str | os.PathLike, recording: Any) -> None:
    expected = Recording.__annotations__
    found = list(recording) if isinstance(recording, dict) else []
    missing = [key for key in expected if key not in found]
    if missing:
        raise ValueError(
            f"{filename} is not a recording: {', '.join(missing)} missing; give a file that "
            "write_pybullet_state wrote."
        )
    if recording["state_version"] != STATE_VERSION:
        raise ValueError(
            f"{filename} has state_version {recording['state_version']!r}, but this program "
            f"knows {STATE_VERSION}; update the program, or record the episode again."
        )
    if not isinstance(recording["pybullet_state"], dict) or not _is_matrix(recording["actions"]):
        raise ValueError(
            f"{filename} is damaged (pybullet_state must be a mapping, actions a list of equally "
            f"long lists of numbers); {_RECORD_AGAIN}."
        )


def _is_matrix(values: Any) -> bool:
    """Whether values are a list of equally long lists of finite numbers; it may be empty."""
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        return False
    numbers = [number for row in values for number in row]
    return len({len(row) for row in values}) <= 1 and all(
        isinstance(number, int | float) and np.isfinite(number) for number in numbers
    )
