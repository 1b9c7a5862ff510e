"""Reads the HDF5 files of Minari data sets, without the package minari."""

import os
import re
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data.formats import convert, d4rl, hdf5
from ibc.environments.d4rl import kitchen
from ibc.environments.d4rl import task as d4rl_tasks

_FILE = "main_data.hdf5"
_KEYS = ("observations", "actions", "rewards", "terminations", "truncations")
_EPISODE_GROUP = re.compile(r"episode_(\d+)")
_KITCHEN_OBSERVATION = (59,)
_KITCHENS = (d4rl_tasks.KITCHEN, d4rl_tasks.KITCHEN_MIXED)
_MAZES = (d4rl_tasks.ANTMAZE_MEDIUM, d4rl_tasks.ANTMAZE_LARGE)


@convert.register
class MinariFile:
    """The file of a Minari data set: a group per episode; an `EpisodeSource`.

    An episode has one more observation than actions; the last one is left out, as no action was
    chosen from it. Observations of parts stay dicts, but for those of D4RL's kitchens.
    """

    description = "the folder of a Minari data set in HDF5 format (data/main_data.hdf5)"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is a file with groups of episodes, or a folder with such a file."""
        return any(map(_EPISODE_GROUP.fullmatch, hdf5.top_level(_file_of(path))))

    def __init__(self, path: str, task: str | None):
        """Reads the rewards and checks all shapes; see `convert.EpisodeSource`."""
        self.path = _file_of(path)
        self._family = None if task is None else d4rl_tasks.get_family(task)
        with hdf5.closed_if_refused(hdf5.open_hdf5(self.path)) as file:
            self._read_rewards(file)

    @hdf5.reads
    def _read_rewards(self, file: Any) -> None:
        matches = [match for match in map(_EPISODE_GROUP.fullmatch, file) if match]
        matches.sort(key=lambda match: int(match[1]))
        for number, match in enumerate(matches):
            if int(match[1]) != number:
                raise ValueError(
                    f"{self.path} has no episode_{number}, but the last one is {matches[-1][0]}: "
                    "copy it again from where it came from."
                )
        self._episodes = [file[match[0]] for match in matches]
        for episode in self._episodes:
            self._check(episode)
            first = self._episodes[0]
            if (found := _sizes(episode)) != (expected := _sizes(first)):
                raise ValueError(
                    f"{self.path}{episode.name} is unlike {first.name}: its steps are {found}, not "
                    f"{expected}."
                )
        rewards = [np.ravel(episode["rewards"][:]) for episode in self._episodes]
        self.lengths = np.array([len(values) for values in rewards])
        self.returns = d4rl.episode_returns(rewards, self._family)

    @hdf5.reads
    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        episode = self._episodes[0]
        return convert.frame_spec(self._observations(episode, 1), episode["actions"].shape[1])

    @hdf5.reads
    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        episode = self._episodes[number]
        return convert.episode_frames(
            self._observations(episode, len(episode["actions"])),
            episode["actions"][:],
            np.ravel(episode["rewards"][:]),
            bool(hdf5.read_flags(self.path + episode.name, episode, "terminations")[-1]),
        )

    def _observations(self, episode: Any, count: int) -> Any:
        """Returns the first observations of an episode, laid out as the task's."""
        stored = episode["observations"]
        if self._family in _KITCHENS and not _is_array(stored):
            goal = kitchen.goal_vector(self._family.arguments["elements"])
            return kitchen.layout(stored["observation"][:count], goal)
        return _read(stored, count)

    def _check(self, episode: Any) -> None:
        where = f"{self.path}{episode.name}"
        hdf5.check_group(where, "", episode)
        hdf5.check_keys(where, episode, _KEYS)
        actions, observations = episode["actions"], episode["observations"]
        hdf5.check_array(where, "actions", actions, "[n, size]")
        for key in _KEYS[2:]:
            hdf5.check_array(where, key, episode[key], "[n]")
        if not _is_array(observations):
            hdf5.check_group(where, "observations", observations)
        for array in _arrays(observations):
            hdf5.check_array(self.path, array.name, array, "[n, ...]")
        lengths = {key: len(episode[key]) for key in _KEYS[1:]}
        if "total_steps" in episode.attrs:
            lengths["total_steps"] = int(episode.attrs["total_steps"])
        hdf5.check_lengths(where, lengths)
        for array in _arrays(observations):
            if len(array) != len(actions) + 1:
                raise ValueError(
                    f"{where}: {len(actions)} actions need {len(actions) + 1} observations, but "
                    f"there are {len(array)} of {array.name.removeprefix(f'{episode.name}/')}."
                )
        if self._family is not None:
            shape = self._observation_shape(observations)
            hdf5.check_sizes(where, self._family, shape, actions.shape[1:])

    def _observation_shape(self, observations: Any) -> tuple[int, ...]:
        """Returns the shape that observations have once they are laid out as the task's."""
        if _is_array(observations):
            return observations.shape[1:]
        if self._family in _MAZES:
            raise ValueError(
                f"{self.path}: Minari's mazes are mirror images of D4RL's, with other starts and "
                "goals, so what was recorded in them does not fit D4RL's antmaze tasks: bring "
                "D4RL's HDF5 file, or leave out --task to convert the data as it is."
            )
        part = observations.get("observation")
        if part is not None and part.shape[1:] == _KITCHEN_OBSERVATION:
            return (self._family.observation_size,) if self._family in _KITCHENS else part.shape[1:]
        return ()


def in_store(path: str) -> str:
    """Returns the folder of a data set in Minari's local store; anything else stays as it is.

    The store is ~/.minari/datasets, or what MINARI_DATASETS_PATH names.

    Args:
      path: An id such as 'D4RL/door/human-v2', or anything.
    """
    if os.path.exists(path) or os.path.isabs(path):
        return path
    default = os.path.join("~", ".minari", "datasets")
    store = os.path.expanduser(os.environ.get("MINARI_DATASETS_PATH") or default)
    found = os.path.join(store, path)
    return found if os.path.isdir(os.path.join(found, "data")) else path


def _file_of(path: str) -> str:
    """Returns the HDF5 file of a data set's folder or id; anything else stays as it is."""
    path = in_store(path)
    for inside in (("data", _FILE), (_FILE,)):
        if os.path.isfile(file := os.path.join(path, *inside)):
            return file
    return path


def _is_array(stored: Any) -> bool:
    return hasattr(stored, "shape")


def _read(stored: Any, count: int) -> Any:
    """Reads an array, or a group of arrays as a nest of dicts."""
    if _is_array(stored):
        return stored[:count]
    return {key: _read(stored[key], count) for key in stored}


def _sizes(episode: Any) -> dict[str, list[int]]:
    """Returns name -> shape of one step's observations and action."""
    parts = [*_arrays(episode["observations"]), episode["actions"]]
    return {part.name.removeprefix(f"{episode.name}/"): list(part.shape[1:]) for part in parts}


def _arrays(stored: Any) -> list[Any]:
    """Lists the arrays in a group and its groups."""
    if _is_array(stored):
        return [stored]
    return [array for key in stored for array in _arrays(stored[key])]
