"""Recordings of states without actions: an npz file or a zarr with `state` and `episode_ends`."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, hdf5, npz, npz_file, replay_buffer, zarr_store

STATE = "state"
"""Name of the array of states, and of the observation that they become."""


@convert.register
class StateRecordings:
    """The episodes of a recording of states alone, one after another; an `EpisodeSource`.

    Learning from observation needs no more. The frames' actions, one number each, are 0.
    """

    description = "recordings of states (npz or zarr with state, episode_ends, without actions)"
    notes = ("No actions were recorded: they are stored as 0, and nothing can be cloned.",)

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is an npz or a zarr with states and ends of episodes, and nothing else.

        What is there besides may be actions whose name is misspelt.
        """
        return {STATE, npz.ENDS} == _open(path).keys()

    def __init__(self, path: str, task: str | None):
        """Reads the ends of the episodes and checks all shapes; see `convert.EpisodeSource`.

        Args:
          path: File or folder.
          task: Of what these are states, or None; nothing depends on it.

        Raises:
          ValueError: An array has another shape, or an episode has one state only.
        """
        del task
        self.path = path
        arrays = _open(path)
        self._states = arrays[STATE]
        steps, is_numbers = len(self._states), self._states.dtype.kind in "iuf"
        if len(self._states.shape) != 2 or not is_numbers or not self._states.shape[1]:
            raise ValueError(
                f"{path}: {STATE} is {self._states.dtype} {list(self._states.shape)}, expected "
                "numbers [frames, size]."
            )
        with hdf5.reading(path):
            self._ends = npz.checked_ends(path, arrays[npz.ENDS][:], steps)
        self.lengths = np.diff(self._ends, prepend=0)
        if self.lengths.min() < 2:
            raise ValueError(
                f"{path}: episode {int(self.lengths.argmin())} has one state, expected two or "
                "more: leave it out."
            )
        self.returns = np.zeros(len(self._ends))

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return episodes.frame_spec(_episode(np.zeros((2, self._states.shape[1]), np.float32)))

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns an episode's frames, arrays [n, ...], one for each state."""
        end = int(self._ends[number])
        with hdf5.reading(self.path):
            states = np.asarray(self._states[end - int(self.lengths[number]) : end])
        return episodes.frames(_episode(states))


def _episode(states: np.ndarray) -> episodes.Episode:
    action = np.zeros((len(states) - 1, 1), np.float32)
    return episodes.Episode({STATE: states}, action, None, terminated=False)


def _open(path: str) -> Mapping[str, Any]:
    """Returns the arrays of an npz or a zarr; none of anything else."""
    if zarr_store.is_zarr(path):
        return zarr_store.open_arrays(path, replay_buffer.GROUPS)
    is_npz = path.endswith(npz_file.SUFFIX) and os.path.isfile(path)
    return npz_file.open_arrays(path) if is_npz else {}
