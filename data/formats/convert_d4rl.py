"""Reads D4RL's HDF5 files."""

from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data.formats import convert, convert_hdf5, recorded_returns
from ibc.environments.d4rl import d4rl_tasks

_KEYS = ("observations", "actions", "rewards", "terminals")
_RANKS = {"observations": "[n, size]", "actions": "[n, size]"}
_LIST = "[n]"


class D4RLFile:
    """A D4RL file: the steps of all episodes, one after another; an `EpisodeSource`.

    An episode ends where `terminals` or `timeouts` say so; a file without `timeouts` is cut at
    the task's limit, as by D4RL. What the file ends with is an episode too.
    """

    def __init__(self, file: Any, family: d4rl_tasks.Family | None):
        """Reads rewards and ends; see `convert_sources.open_source`."""
        self.path = file.filename
        self._file = file
        self._family = family
        convert_hdf5.check_keys(self.path, file, _KEYS)
        for key in (*_KEYS, *self._optional):
            convert_hdf5.check_array(self.path, key, file[key], _RANKS.get(key, _LIST))
        convert_hdf5.check_lengths(
            self.path, {key: len(file[key]) for key in (*_KEYS, *self._optional)}
        )
        self._terminals = convert_hdf5.read_flags(self.path, file, "terminals")
        self._starts, self._ends = self._divide()
        self.lengths = self._ends - self._starts
        rewards = np.asarray(file["rewards"][:], np.float64).ravel()
        self.returns = recorded_returns.episode_returns(np.split(rewards, self._ends[:-1]), family)
        convert_hdf5.check_sizes(
            self.path, family, file["observations"].shape[1:], file["actions"].shape[1:]
        )

    @convert_hdf5.reads
    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return convert.frame_spec(self._file["observations"], self._file["actions"].shape[1])

    @convert_hdf5.reads
    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        steps = slice(self._starts[number], self._ends[number])
        return convert.episode_frames(
            self._file["observations"][steps],
            self._file["actions"][steps],
            np.ravel(self._file["rewards"][steps]),
            bool(self._terminals[steps.stop - 1]),
        )

    @property
    def _optional(self) -> tuple[str, ...]:
        return ("timeouts",) if "timeouts" in self._file else ()

    def _divide(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the first step of each episode, and the one after its last."""
        is_end = self._terminals.copy()
        if self._optional:
            is_end |= convert_hdf5.read_flags(self.path, self._file, "timeouts")
        elif self._family is None:
            raise ValueError(
                f"{self.path} has no 'timeouts', so episodes that reached their limit have no end: "
                "name the task, whose limit is known, with --task."
            )
        else:
            is_end |= _limit_reached(is_end, self._family.max_episode_steps)
        is_end[-1] = True
        ends = np.flatnonzero(is_end) + 1
        return np.append(0, ends[:-1]), ends


def _limit_reached(is_end: np.ndarray, limit: int) -> np.ndarray:
    """Returns where [n] an episode reaches the limit of its length."""
    steps = np.arange(len(is_end))
    begins = np.append(True, is_end[:-1])
    since_begin = steps - np.maximum.accumulate(np.where(begins, steps, 0))
    return since_begin % limit == limit - 1
