"""D4RL's recordings: HDF5 files, and the returns of their episodes.

D4RL's kitchen recordings hold in each step how many elements were completed so far, in place of
rewards; an environment, and what is recorded in it, gives an element's reward in one step.
"""

from collections.abc import Sequence

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data.formats import convert, hdf5
from ibc.environments.d4rl import task as d4rl_tasks

_KEYS = ("observations", "actions", "rewards", "terminals")
_RANKS = {"observations": "[n, size]", "actions": "[n, size]"}
_LIST = "[n]"


@convert.register
class D4RLFile:
    """A D4RL file: the steps of all episodes, one after another; an `EpisodeSource`.

    An episode ends where `terminals` or `timeouts` say so; a file without `timeouts` is cut at
    the task's limit, as by D4RL. What the file ends with is an episode too.
    """

    description = f"an HDF5 file of D4RL (described at {d4rl_tasks.DESCRIBED})"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is an HDF5 file of observations and actions."""
        return {"observations", "actions"} <= set(hdf5.top_level(path))

    def __init__(self, path: str, task: str | None):
        """Reads rewards and ends; see `convert.EpisodeSource`."""
        self.path = path
        self._family = None if task is None else d4rl_tasks.get_family(task)
        with hdf5.closed_if_refused(hdf5.open_hdf5(path)) as self._file:
            self._check_and_divide()

    @hdf5.reads
    def _check_and_divide(self) -> None:
        file = self._file
        hdf5.check_keys(self.path, file, _KEYS)
        keys = _KEYS + (("timeouts",) if "timeouts" in file else ())
        for key in keys:
            hdf5.check_array(self.path, key, file[key], _RANKS.get(key, _LIST))
        hdf5.check_lengths(self.path, {key: len(file[key]) for key in keys})
        self._terminals = hdf5.read_flags(self.path, file, "terminals")
        self._starts, self._ends = self._divide()
        self.lengths = self._ends - self._starts
        rewards = np.asarray(file["rewards"][:], np.float64).ravel()
        self.returns = episode_returns(np.split(rewards, self._ends[:-1]), self._family)
        hdf5.check_sizes(
            self.path, self._family, file["observations"].shape[1:], file["actions"].shape[1:]
        )

    @hdf5.reads
    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return convert.frame_spec(self._file["observations"], self._file["actions"].shape[1])

    @hdf5.reads
    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        steps = slice(self._starts[number], self._ends[number])
        return convert.episode_frames(
            self._file["observations"][steps],
            self._file["actions"][steps],
            np.ravel(self._file["rewards"][steps]),
            bool(self._terminals[steps.stop - 1]),
        )

    def _divide(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the first step of each episode, and the one after its last."""
        is_end = self._terminals.copy()
        if "timeouts" in self._file:
            is_end |= hdf5.read_flags(self.path, self._file, "timeouts")
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


def episode_returns(
    rewards: Sequence[np.ndarray], family: d4rl_tasks.Family | None = None
) -> np.ndarray:
    """Returns each episode's return [num_episodes], float64.

    It is the sum of the rewards, but the largest of running counts.

    Args:
      rewards: Rewards [n] of each episode of one recording.
      family: The environment it is of, if known.
    """
    combine = np.max if are_running_counts(rewards, family) else np.sum
    return np.array([combine(np.asarray(episode, np.float64)) for episode in rewards])


def are_running_counts(
    rewards: Sequence[np.ndarray], family: d4rl_tasks.Family | None = None
) -> bool:
    """Whether the rewards of one recording count all that was done so far.

    Each element is completed once. An episode whose rewards exceed the number of elements in sum
    holds counts; else rewards that fall are those of single steps. Where neither is seen, a
    reward that stays to the end is taken for a count.

    Args:
      rewards: Rewards [n] of each episode.
      family: The environment; only the kitchens' recordings have such counts.
    """
    if family is None or not family.rewards_accumulate:
        return False
    elements = len(family.arguments["elements"])
    episodes = [np.asarray(episode, np.float64) for episode in rewards]
    if any(np.sum(episode) > elements for episode in episodes):
        return True
    return not any((np.diff(episode) < 0).any() for episode in episodes)


def _limit_reached(is_end: np.ndarray, limit: int) -> np.ndarray:
    """Returns where [n] an episode reaches the limit of its length."""
    steps = np.arange(len(is_end))
    begins = np.append(True, is_end[:-1])
    since_begin = steps - np.maximum.accumulate(np.where(begins, steps, 0))
    return since_begin % limit == limit - 1
