"""Replay buffers in zarr folders or zip archives, as Diffusion Policy lays them out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ibc.data.formats import columns, convert, hdf5, npz, step_arrays, zarr_store

GROUPS = ("data", "meta")
"""Groups at the top that hold arrays."""


@convert.register
class ReplayBuffer(step_arrays.StepArrays):
    """The episodes of a replay buffer, one after another; an `EpisodeSource`."""

    description = "a replay buffer in a zarr folder or .zarr.zip (data/* and meta/episode_ends)"
    is_general = True

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is a folder that zarr has made, or a zip archive of one."""
        return zarr_store.is_zarr(path)

    def _open(self, rename: Mapping[str, str]) -> step_arrays.Table:
        return _Steps(self.path, zarr_store.open_arrays(self.path, GROUPS))


class _Steps:
    """Arrays with the steps of all episodes, one after another; a `Table`."""

    def __init__(self, path: str, arrays: Mapping[str, Any]):
        self._path, self._arrays = path, arrays
        hdf5.check_keys(path, arrays, (npz.ENDS,))
        with hdf5.reading(path):
            stored = arrays[npz.ENDS][:]
        steps = {name: len(array) for name, array in arrays.items() if name != npz.ENDS}
        if not steps:
            raise ValueError(f"{path} has {npz.ENDS}, but no arrays of steps in data/.")
        count = max(steps.values())
        short = next((name for name in steps if steps[name] != count), None)
        if short is not None:
            raise ValueError(f"{path}: {short} has {steps[short]} rows, other arrays {count}.")
        self._ends = npz.checked_ends(path, stored, count)
        self.counts = np.diff(self._ends, prepend=0).tolist()
        self.columns = {
            name: columns.Column(array.shape[1:], array.dtype)
            for name, array in arrays.items()
            if name != npz.ENDS
        }

    def where(self, number: int) -> str:
        """See `Table`."""
        return f"{self._path}: episode {number}"

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Table`."""
        end = int(self._ends[number])
        rows = slice(end - self.counts[number], end)
        with hdf5.reading(self._path):
            return {name: np.asarray(self._arrays[name][rows]) for name in names}
