"""The base of formats whose episodes are arrays by name, with a row for each step."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import columns as columns_lib
from ibc.data.formats import pictures

# Clocks of robots are not exact, but do not run at another rate in between.
_SAME_RATE = 0.05


class Table(Protocol):
    """Where the arrays are."""

    columns: Mapping[str, columns_lib.Column]
    """Arrays by name."""
    counts: Sequence[int]
    """Actions of each episode."""

    def where(self, number: int) -> str:
        """Says where an episode is, for messages: file and number."""

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Reads arrays of an episode, [n, ...] or, of observations, [n + 1, ...]."""


class StepArrays(abc.ABC):
    """The episodes of a table; an `EpisodeSource` but for `recognizes`.

    A format says what it recognizes, and opens its table in `_open`. What it knows of `fps`,
    `tasks` and `notes` it sets there; it may also replace `path` by where it has found the data.

    Attributes:
      path: File or folder.
      lengths: Frames of each episode [num_episodes].
      returns: Sum of each episode's rewards [num_episodes]; 0 where none were recorded.
      fps: Steps per second, None if that was not recorded.
      tasks: What was to be done in each episode, in words; None if that was not recorded.
      notes: What a user should know, a line each.
    """

    description: ClassVar[str]
    bare_key: ClassVar[str | None] = None
    """Key of an observation that, where it is the only one, is no part of a dict."""
    fps: float | None = None
    tasks: Sequence[str] | None = None
    notes: Sequence[str] = ()

    def __init__(
        self,
        path: str,
        task: str | None,
        keys: Sequence[str] | None = None,
        rename: Mapping[str, str] | None = None,
    ):
        """Opens the data, tells arrays apart, reads rewards and times; see `EpisodeSource`.

        Args:
          path: File, folder or whatever else the format recognizes.
          task: None: data of these formats are of no task here.
          keys: Observations to keep; None for all.
          rename: Names of arrays → names that tell what they are, see `columns.assign`.

        Raises:
          ImportError: A package that reads the format is not installed.
          ValueError: An array is missing, of another type or damaged; times do not rise, or their
            rate changes; or a task is named.
        """
        if task is not None:
            raise ValueError(
                f"{path} is read as {self.description.partition(' (')[0]}, not as data of task "
                f"{task}: leave --task out."
            )
        self.path = path
        self._table = table = self._open(rename or {})
        self._roles = columns_lib.assign(self.path, table.columns, keys, rename)
        self._pictures = {
            key: pictures.Layout(self.path, name, table.columns[name])
            for key, name in self._roles.observations.items()
            if pictures.is_picture(table.columns[name])
        }
        for number, count in enumerate(table.counts):
            if count < 1:
                raise ValueError(f"{table.where(number)} has no steps: leave it out.")
        self.lengths = np.asarray(table.counts, np.int64) + 1
        self.returns = self._sums_of_rewards()
        self.fps = self._checked_rate(self.fps)

    @abc.abstractmethod
    def _open(self, rename: Mapping[str, str]) -> Table:
        """Opens what is at `self.path`; raises as `__init__` does."""

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        of = {key: self._table.columns[name] for key, name in self._roles.observations.items()}
        observation = {
            key: np.zeros((1, *self._pictures[key].shape), np.uint8)
            if key in self._pictures
            else np.zeros((1, *(column.shape or (1,))), np.float32)
            for key, column in of.items()
        }
        observation = self._without_key(observation)
        size = self._table.columns[self._roles.action].shape or (1,)
        return episodes.frame_spec(episodes.Episode(observation, np.zeros((1, *size), np.float32)))

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n + 1, ...]."""
        where, roles, count = self._table.where(number), self._roles, self._table.counts[number]
        arrays = self._table.read(number, roles.names())
        for name, values in arrays.items():
            self._check(where, name, values, count)
        observation = {
            key: self._pictures[key].uint8(where, arrays[name])
            if key in self._pictures
            else _as_rows(arrays[name])
            for key, name in roles.observations.items()
        }
        observation = self._without_key(observation)
        reward = None if roles.reward is None else np.ravel(arrays[roles.reward])
        is_end = roles.end is not None and bool(np.ravel(arrays[roles.end])[-1])
        with np.errstate(over="ignore"):  # What becomes infinite is refused later.
            action = _as_rows(arrays[roles.action])
            return episodes.frames(episodes.Episode(observation, action, reward, is_end))

    def stored(self) -> dict[str, str]:
        """Returns how observations and actions are stored: name → type and shape."""
        names = {f"observation/{key}": name for key, name in self._roles.observations.items()}
        if list(self._roles.observations) == [self.bare_key]:
            names = {"observation": names[f"observation/{self.bare_key}"]}
        names["action"] = self._roles.action
        return {title: str(self._table.columns[name]) for title, name in names.items()}

    def _without_key(self, observation: dict[str, np.ndarray]) -> Any:
        return observation[self.bare_key] if list(observation) == [self.bare_key] else observation

    def _check(self, where: str, name: str, values: np.ndarray, count: int) -> None:
        """Checks the shape of an array of an episode against the first one's and the actions'."""
        expected = self._table.columns[name]
        if values.shape[1:] != expected.shape or values.dtype.kind not in "biuf":
            raise ValueError(
                f"{where}: {name} is {values.dtype}{list(values.shape[1:])} in each step, expected "
                f"{expected} as in the first episode."
            )
        lengths = (count, count + 1) if name in self._roles.observations.values() else (count,)
        if len(values) not in lengths:
            raise ValueError(
                f"{where}: {name} has {len(values)} rows, but there are {count} actions."
            )

    def _sums_of_rewards(self) -> np.ndarray:
        if self._roles.reward is None:
            return np.zeros(len(self._table.counts))
        return np.array(
            [
                np.sum(self._read_list(number, self._roles.reward), dtype=np.float64)
                for number in range(len(self._table.counts))
            ]
        )

    def _checked_rate(self, fps: float | None) -> float | None:
        """Returns steps per second, if they were recorded; checks that times rise, and how fast."""
        if self._roles.time is None:
            return fps
        for number in range(len(self._table.counts)):
            times = self._read_list(number, self._roles.time).astype(np.float64)
            where = f"{self._table.where(number)}: {self._roles.time}"
            falls = np.flatnonzero(~(np.diff(times) > 0))
            if len(falls) or not np.isfinite(times).all():
                at = int(falls[0]) if len(falls) else 0
                raise ValueError(
                    f"{where} must rise from step to step, but goes from {times[at]:g} to "
                    f"{times[min(at + 1, len(times) - 1)]:g} after step {at}: sort the steps, or "
                    "leave the array out."
                )
            if len(times) < 2:
                continue
            rate = 1 / float(np.median(np.diff(times)))
            if fps is not None and abs(rate - fps) > _SAME_RATE * fps:
                raise ValueError(
                    f"{where} has {rate:.4g} steps per second, expected {fps:.4g} as before it or "
                    "as the format's description says: convert recordings of one rate together."
                )
            fps = fps or round(rate, 4)
        return fps

    def _read_list(self, number: int, name: str) -> np.ndarray:
        """Reads one number per step [n]."""
        values = self._table.read(number, [name])[name]
        count = self._table.counts[number]
        if values.size != count or values.dtype.kind not in "biuf":
            raise ValueError(
                f"{self._table.where(number)}: {name} is {values.dtype}{list(values.shape)}, "
                f"expected one number for each of {count} steps."
            )
        return np.ravel(values)


def _as_rows(values: np.ndarray) -> np.ndarray:
    """Returns values [n, ...] whose steps have at least one dimension."""
    return values.reshape(len(values), -1) if values.ndim == 1 else values
