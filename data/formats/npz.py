"""Episodes in npz files of one's own: one file, or a folder with a file for each episode."""

import glob
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ibc.data import action_parts
from ibc.data.formats import columns, convert, npz_file, step_arrays

ENDS = "episode_ends"
"""Name of the array that says where episodes end: the step after the last one of each."""

NAMES = "action_names"
"""Name of the array that names an action's numbers, see `action_parts.to_names`."""


@convert.register
class NpzFiles(step_arrays.StepArrays):
    """The episodes of npz files, in the natural order of their names; an `EpisodeSource`.

    A file with `episode_ends` holds the steps of several episodes, one after another; any other
    one episode, whose observations may have a last row for what was seen at its end.
    """

    description = "npz files (action and observations, an episode each or with episode_ends)"
    is_general = True

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is an npz file, a folder with such files or a glob of them."""
        return bool(_files(path))

    def _open(self, rename: Mapping[str, str]) -> step_arrays.Table:
        table = _Files(_files(self.path), rename)
        self.action_parts = action_parts.from_names(table.action_names)
        return table


class _Files:
    """The arrays of several files; a `Table`."""

    def __init__(self, files: Sequence[str], rename: Mapping[str, str]):
        self._parts: list[tuple[str, slice | None]] = []
        self._opened: tuple[str, dict[str, npz_file.NpzArray]] | None = None
        self.counts: list[int] = []
        self.columns: dict[str, columns.Column] = {}
        self.action_names: list[str] = []
        actions = [old for old, new in rename.items() if new in columns.ACTIONS]
        self._actions = [*actions, *columns.ACTIONS]
        for file in files:
            self._add(file, self._arrays(file))

    def where(self, number: int) -> str:
        """See `Table`."""
        file, rows = self._parts[number]
        return file if rows is None else f"{file}: episode {number}"

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Table`."""
        file, rows = self._parts[number]
        arrays = self._arrays(file)
        return {name: arrays[name][slice(None) if rows is None else rows] for name in names}

    def _arrays(self, file: str) -> dict[str, npz_file.NpzArray]:
        # Files are opened one at a time: there may be more than a process may have open.
        if self._opened is None or self._opened[0] != file:
            self._opened = file, npz_file.open_arrays(file)
        return self._opened[1]

    def _add(self, file: str, arrays: dict[str, npz_file.NpzArray]) -> None:
        found = {
            name: columns.Column(array.shape[1:], array.dtype)
            for name, array in arrays.items()
            if name not in (ENDS, NAMES) and array.ndim
        }
        if not self.columns:
            self.columns = found
            self.action_names = np.ravel(arrays[NAMES]).tolist() if NAMES in arrays else []
        elif missing := [name for name in self.columns if name not in found]:
            raise ValueError(
                f"{file} has no {missing[0]}, which the first file has; it holds "
                f"{', '.join(found) or 'nothing'}."
            )
        action = next((name for name in self._actions if name in found), None)
        if ENDS not in arrays:
            self._parts.append((file, None))
            self.counts.append(len(arrays[action]) if action else 1)
            return
        steps = len(arrays[action]) if action else max((len(arrays[n]) for n in found), default=0)
        ends = checked_ends(file, arrays[ENDS], steps)
        short = {name: len(arrays[name]) for name in found if len(arrays[name]) != steps}
        for name, length in short.items():
            raise ValueError(f"{file}: {name} has {length} rows, but there are {steps} actions.")
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            self._parts.append((file, slice(int(start), int(end))))
            self.counts.append(int(end - start))


def checked_ends(path: str, stored: Any, steps: int) -> np.ndarray:
    """Returns the step after each episode's last one, int64 [num_episodes].

    Args:
      path: File, for messages.
      stored: What it holds as `episode_ends`.
      steps: Number of actions in it.

    Raises:
      ValueError: They are no whole numbers that rise to the number of actions.
    """
    ends = np.asarray(stored)
    if ends.ndim != 1 or ends.dtype.kind not in "iu" or not ends.size:
        raise ValueError(
            f"{path}: {ENDS} is {ends.dtype} {list(ends.shape)}, expected whole numbers "
            "[episodes], the step after the last one of each episode."
        )
    ends = ends.astype(np.int64)
    if np.any(np.diff(ends, prepend=0) < 1) or ends[-1] != steps:
        raise ValueError(
            f"{path}: {ENDS} must rise from above 0 to {steps}, the number of actions, but runs "
            f"from {ends[0]} to {ends[-1]}, or falls in between."
        )
    return ends


def _files(path: str) -> list[str]:
    """Lists the npz files that a path means, `episode_2.npz` before `episode_10.npz`."""
    if npz_file.is_npz(path):
        return [path]
    pattern = os.path.join(glob.escape(path), "*.npz") if os.path.isdir(path) else path
    found = [name for name in glob.glob(pattern) if name.endswith(npz_file.SUFFIX)]
    return sorted(found, key=_natural) if os.path.isdir(path) or pattern.endswith(".npz") else []


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
