"""What the arrays of recorded steps are, told by their names: observations, actions, rewards."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from ibc.data.formats import selection

ACTIONS = ("action", "actions")
"""Names of what was done."""
REWARDS = ("reward", "rewards", "next.reward")
"""Names of what it brought."""
ENDS = ("done", "dones", "terminal", "terminals", "terminated", "terminations", "next.done")
"""Names of flags that the episode ended by itself."""
TIMES = ("timestamp", "timestamps", "time")
"""Names of when it was, in seconds."""
EPISODES = ("episode_index", "episode_id", "episode")
"""Names of the number of the episode that a step is of."""

_COUNTERS = ("frame_index", "index", "step", "step_index", "task_index", "subtask_index")
_LIMITS = ("truncated", "truncations", "timeouts")
_OTHERS = re.compile(r"(next[._/]|infos?([._/]|$)|annotation|success$|episode_ends$).*")
_OBSERVATION = re.compile(r"(?:observations?|obs)(?:[./](.+))?")
_IMAGES = re.compile(r"^images[./]")
_NUMBER_KINDS = "biuf"
_LISTED = 12


@dataclasses.dataclass(frozen=True)
class Column:
    """An array with a row for each step."""

    shape: tuple[int, ...]
    """Shape of one row."""
    dtype: np.dtype
    """Type of its elements, as they come from the file."""

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"

    @property
    def is_number(self) -> bool:
        """Whether the elements are numbers or flags."""
        return self.dtype.kind in _NUMBER_KINDS


@dataclasses.dataclass(frozen=True)
class Roles:
    """Which array is what, by the names that they are stored under."""

    observations: dict[str, str]
    """Observation key → array."""
    action: str
    """What was done."""
    reward: str | None
    """What it brought, if that was recorded."""
    end: str | None
    """Whether the episode ended by itself, if that was recorded."""
    time: str | None
    """Seconds, if they were recorded."""

    def names(self) -> list[str]:
        """Lists the arrays of an episode."""
        others = (self.action, self.reward, self.end)
        return [*self.observations.values(), *(name for name in others if name is not None)]


def assign(
    path: str,
    columns: Mapping[str, Column],
    keys: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
) -> Roles:
    """Tells arrays apart by their names.

    `action` or `actions` is what was done. What is called `observation.…` or `obs/…` was seen; if
    nothing is, then all arrays of numbers whose names say nothing else were. An observation's key
    is its name without `observation.` and `images.`, with `_` for dots and slashes.

    Args:
      path: File or folder, for messages.
      columns: Arrays by name.
      keys: Observation keys to keep, None for all.
      rename: Names of arrays, or observation keys → the names that they shall have.

    Raises:
      ValueError: There is no action or no observation, one is not of numbers, or a name is wrong.
    """
    rename = dict(rename or {})
    names = _renamed(path, columns, rename)
    action = _first(names, ACTIONS)
    held = ", ".join(f"{name} {column}" for name, column in list(columns.items())[:_LISTED])
    if action is None:
        raise ValueError(
            f"{path} has no action or actions; it holds {held or 'nothing'}: say which array it "
            "is with --rename=<name>=action."
        )
    observations = _observations(columns, names)
    for name in (action, *observations.values()):
        if not columns[name].is_number:
            raise ValueError(f"{path}: {name} is {columns[name]}, expected numbers.")
    if len(columns[action].shape) > 1 or 0 in columns[action].shape:
        raise ValueError(
            f"{path}: {action} is {columns[action]} in each step, expected one vector."
        )
    if not observations:
        raise ValueError(
            f"{path} has no observations; it holds {held}: say which arrays they are with "
            "--rename=<name>=observation.<key>."
        )
    observations = _with_new_keys(path, observations, rename)
    chosen = selection.chosen_keys(path, list(observations), keys)
    return Roles(
        observations={key: observations[key] for key in chosen},
        action=action,
        reward=_first(names, REWARDS),
        end=_first(names, ENDS),
        time=_first(names, TIMES),
    )


def _renamed(path: str, columns: Mapping[str, Column], rename: dict[str, str]) -> dict[str, str]:
    """Returns name → array it is stored as; takes from `rename` what was used of it."""
    names: dict[str, str] = {}
    for stored in columns:
        name = rename.pop(stored, stored)
        if name in names:
            raise ValueError(f"{path}: --rename calls both {names[name]} and {stored} {name}.")
        names[name] = stored
    return names


def _with_new_keys(path: str, observations: dict[str, str], rename: dict[str, str]) -> dict:
    renamed: dict[str, str] = {}
    for key, stored in observations.items():
        key = rename.pop(key, key)
        if key in renamed:
            raise ValueError(f"{path}: --rename gives the key {key} to two observations.")
        renamed[key] = stored
    if rename:
        raise ValueError(
            f"{path} has no {next(iter(rename))} to rename; its observations are "
            f"{', '.join(observations)}."
        )
    return renamed


def _observations(columns: Mapping[str, Column], names: Mapping[str, str]) -> dict[str, str]:
    """Returns key → array of all observations."""
    explicit = {name: match for name in names if (match := _OBSERVATION.fullmatch(name))}
    if explicit:
        # Text beside observations, such as a task's, is no observation.
        keys = {name: match[1] or "observation" for name, match in explicit.items()}
        keys = {name: key for name, key in keys.items() if columns[names[name]].is_number}
    else:
        said = {*ACTIONS, *REWARDS, *ENDS, *TIMES, *EPISODES, *_COUNTERS, *_LIMITS}
        keys = {
            name: name
            for name, stored in names.items()
            if name not in said and not _OTHERS.match(name) and columns[stored].is_number
        }
    short = {name: _IMAGES.sub("", key) for name, key in keys.items()}
    taken = list(short.values())
    return {
        re.sub(r"[./]", "_", short[name] if taken.count(short[name]) == 1 else key): names[name]
        for name, key in keys.items()
    }


def _first(names: Mapping[str, str], wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)
