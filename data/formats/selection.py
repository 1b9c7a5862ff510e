"""What is taken of recorded episodes, whatever their format: which, and what of them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data import episodes as episodes_lib
from ibc.data.formats import pictures
from ibc.data.records import specs

_RANGE = re.compile(r"(\d*):(\d*)|(\d+)")


@dataclasses.dataclass(frozen=True)
class Selection:
    """What is asked for; None for all of it, as it is."""

    keys: Sequence[str] | None = None
    """Observations to keep."""
    rename: Mapping[str, str] | None = None
    """Observation key → the key that it shall have."""
    resize: tuple[int, int] | None = None
    """Height and width of pictures."""
    fps: float | None = None
    """Steps per second, at most those recorded."""
    episodes: str | None = None
    """Numbers of episodes and ranges without their end, such as '0:50,60'."""

    @property
    def is_empty(self) -> bool:
        """Whether everything is taken as it is."""
        return all(value is None for value in dataclasses.astuple(self))


class Selected:
    """A part of another source's episodes, an `EpisodeSource`; all else is the source's own."""

    def __init__(self, source: Any, selection: Selection):
        """Checks what is asked for against what there is.

        Args:
          source: The `EpisodeSource`.
          selection: What to take of it.

        Raises:
          ValueError: It has no such key, picture, episode or rate.
        """
        self._source, self._selection = source, selection
        self._numbers = episode_numbers(source, selection.episodes)
        self._rate = _share_of_rate(source, selection.fps)
        self._names = _names(source, selection)
        if selection.resize is not None and not any(map(specs.is_image, self._leaves().values())):
            raise ValueError(f"{source.path} has no pictures to --resize.")
        self.fps = selection.fps or getattr(source, "fps", None)
        self.returns = source.returns[self._numbers]
        self.lengths = source.lengths[self._numbers]
        if self._rate != 1:
            self.lengths = np.array([len(self._kept_steps(n - 1)) + 1 for n in self.lengths])
        tasks = getattr(source, "tasks", None)
        self.tasks = None if tasks is None else [tasks[number] for number in self._numbers]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._source, name)

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        spec = self._source.spec()
        return spec._replace(observation=self._taken(spec.observation, _resized_spec))

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        frames = self._source.frames(int(self._numbers[number]))
        if self._rate != 1:
            frames = self._thinned(frames)
        return frames._replace(observation=self._taken(frames.observation, _resized))

    def stored(self) -> dict[str, str]:
        """Returns how what is taken is stored: name → type and shape."""
        return {
            name: specs.describe(leaf)
            for part in ("observation", "action")
            for name, leaf in specs.leaves(getattr(self.spec(), part), part).items()
        }

    def _taken(self, observation: Any, resize: Any) -> Any:
        if self._names is not None:
            observation = {new: observation[old] for new, old in self._names.items()}
        if self._selection.resize is None:
            return observation
        return tf.nest.map_structure(
            lambda values: resize(values, *self._selection.resize), observation
        )

    def _leaves(self) -> dict[str, Any]:
        observation = self._source.spec().observation
        if self._names is not None:
            observation = {new: observation[old] for new, old in self._names.items()}
        return specs.leaves(observation)

    def _kept_steps(self, count: int) -> np.ndarray:
        """Returns which of an episode's steps are kept: those nearest to the times wanted."""
        times = np.arange(max(1, int(np.ceil(count * self._rate - 1e-9))))
        return np.unique(np.minimum(np.rint(times / self._rate).astype(int), count - 1))

    def _thinned(self, frames: trajectory.Trajectory) -> trajectory.Trajectory:
        """Leaves out steps, whose rewards the kept step before them gets."""
        count, total = episodes_lib.num_steps(frames), len(frames.step_type)
        steps = self._kept_steps(count)
        kept = np.append(steps, np.arange(count, total))
        thinned = tf.nest.map_structure(lambda values: values[kept], frames)
        thinned.reward[: len(steps)] = np.add.reduceat(frames.reward[:count], steps)
        thinned.discount[: len(steps)] = np.minimum.reduceat(frames.discount[:count], steps)
        step_type = np.full(len(kept), ts.StepType.MID, np.int32)
        step_type[0], step_type[-1] = ts.StepType.FIRST, ts.StepType.LAST
        following = np.append(step_type[1:], np.int32(ts.StepType.FIRST))
        return thinned._replace(step_type=step_type, next_step_type=following)


def chosen_keys(path: str, known: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the observation keys that are wanted of those in a file; all if None.

    Raises:
      ValueError: There is no such key, or none is wanted.
    """
    keys = tuple(known if wanted is None else dict.fromkeys(wanted))
    unknown = [key for key in keys if key not in known]
    if unknown or not keys:
        raise ValueError(
            f"{path} has no observation {', '.join(map(repr, unknown)) or 'left'}; it has: "
            f"{', '.join(known)}."
        )
    return keys


def episode_numbers(source: Any, wanted: str | None) -> np.ndarray:
    """Returns the numbers of the episodes that are wanted, ascending.

    Raises:
      ValueError: There is no such episode, or the text is no list of them.
    """
    count = len(source.lengths)
    if wanted is None:
        return np.arange(count)
    found: set[int] = set()
    for part in wanted.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match:
            raise ValueError(
                f"--episodes={wanted} is no list of numbers and ranges; give one such as 0:50,60."
            )
        start, stop = (
            (int(match[3]), int(match[3]) + 1)
            if match[3]
            else (int(match[1] or 0), int(match[2] or count))
        )
        if not start < stop <= count:
            raise ValueError(
                f"--episodes={wanted}: {source.path} has {count} episodes, 0 to {count - 1}, and "
                f"none in {part.strip()}."
            )
        found.update(range(start, stop))
    return np.array(sorted(found))


def _share_of_rate(source: Any, fps: float | None) -> float:
    recorded = getattr(source, "fps", None)
    if fps is None:
        return 1.0
    if not fps > 0:
        raise ValueError(f"--fps must be above 0, got {fps:g}.")
    if recorded is None:
        raise ValueError(
            f"{source.path} does not tell how many steps per second it has: leave --fps out."
        )
    if fps > recorded:
        raise ValueError(
            f"{source.path} has {recorded:g} steps per second, less than --fps={fps:g}."
        )
    return fps / recorded


def _names(source: Any, selection: Selection) -> dict[str, str] | None:
    """Returns new key → key of the observations to keep; None if all are kept as they are."""
    if selection.keys is None and selection.rename is None:
        return None
    observation = source.spec().observation
    if not isinstance(observation, Mapping):
        raise ValueError(f"{source.path} has a single observation without a key: leave --keys out.")
    rename = dict(selection.rename or {})
    chosen_keys(source.path, list(observation), list(rename) or None)
    names = {rename.get(key, key): key for key in observation}
    if len(names) < len(observation):
        raise ValueError(f"{source.path}: --rename gives one key to two observations.")
    return {key: names[key] for key in chosen_keys(source.path, list(names), selection.keys)}


def _resized_spec(spec: Any, height: int, width: int) -> Any:
    if not specs.is_image(spec):
        return spec
    kind = tf.TensorSpec if isinstance(spec, tf.TensorSpec) else array_spec.ArraySpec
    return kind((height, width, spec.shape[-1]), spec.dtype, spec.name)


def _resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    is_picture = values.dtype == np.uint8 and values.ndim == 4
    return pictures.resized(values, height, width) if is_picture else values
