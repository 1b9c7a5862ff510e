"""Recorded episodes of other formats, behind one interface, become record files for training.

A format is a module of this folder with a class like `EpisodeSource` that registers itself. Nothing
else knows of it: a new file is found by being there.
"""

import dataclasses
import importlib
import inspect
import math
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data import episodes, formats, logged
from ibc.data.formats import fingerprint, hdf5, resumable, selection
from ibc.data.records import specs

_LISTED_NAMES = 8
_registered: list[type["EpisodeSource"]] = []


class EpisodeSource(Protocol):
    """The recorded episodes at a path, in one format; they need not all be in memory."""

    description: ClassVar[str]
    """What the format is, with an article, for messages: 'an HDF5 file of D4RL'."""
    path: str
    """The file or the glob that is read."""
    lengths: np.ndarray
    """Steps of each episode [num_episodes]."""
    returns: np.ndarray
    """Return of each episode [num_episodes]."""

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether what a path means is of this format; looks into it, reads no episode.

        Raises:
          ValueError, ImportError: it would be of this format, but is damaged, or a package is
            missing.
        """

    def __init__(self, path: str, task: str | None):
        """Opens what `recognizes` has accepted and checks it.

        Args:
          path: File, folder or glob.
          task: Name of a D4RL task: sizes are checked, and the task decides where episodes end
            and what their returns are if the recording does not say. None takes what there is.

        Raises:
          FileNotFoundError, ValueError: Something is missing, damaged, or of another task.
        """

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...], with step types."""

    # A source may also have:
    #   is_general: whether what it recognizes may be of a more special format, which comes first;
    #   fps, tasks, action_parts: see `about_source`; notes: what a user should know, a line each;
    #   stored(): how observations and actions are stored, name -> type and shape.


def register(source: type[EpisodeSource]) -> type[EpisodeSource]:
    """Decorates the class of a format, so that `open_source` knows it."""
    _registered.append(source)
    return source


def known_formats() -> tuple[type[EpisodeSource], ...]:
    """Returns the formats that the modules of this folder have registered, general ones last."""
    for module in pkgutil.iter_modules(formats.__path__, f"{formats.__name__}."):
        if not module.name.endswith("_test"):
            importlib.import_module(module.name)
    return tuple(sorted(_registered, key=lambda source: getattr(source, "is_general", False)))


def open_source(path: str | os.PathLike, task: str | None = None, **options: Any) -> EpisodeSource:
    """Opens recorded episodes of any known format.

    Args:
      path: File, folder or glob.
      task: Name of a D4RL task, see `EpisodeSource`.
      **options: Arguments that only some formats take, such as `mask`, and fields of
        `selection.Selection`, which is made of all of them; None stands for none.

    Raises:
      FileNotFoundError: There is nothing.
      ValueError: It is something else, of another task, or of a format without such an option;
        the message says what was found.
      ImportError: The package that reads the format is not installed.
    """
    path = os.path.expanduser(path)
    for kind in known_formats():
        if kind.recognizes(path):
            own, general = _divided(kind, path, options)
            source = kind(path, task, **own)
            return source if general.is_empty else selection.Selected(source, general)
    expected = " or ".join(source.description for source in known_formats())
    if os.path.isfile(path):
        if path.endswith(".npz"):
            found = np.load(path, allow_pickle=False).files
        else:
            with hdf5.open_hdf5(path) as file, hdf5.reading(path):
                found = list(file)
        raise ValueError(f"{path} is none of these: {expected}; it holds {_listed(found)}.")
    state = f"the folder holds {_listed(os.listdir(path))}" if os.path.isdir(path) else "missing"
    raise FileNotFoundError(f"no recorded episodes at {path} ({state}); give {expected}.")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What a conversion has done."""

    path: str
    """The record file."""
    episodes: int
    """Episodes written."""
    of_episodes: int
    """Episodes there were."""
    frames: int
    """Frames written."""
    mean_return: float
    """Average return of the episodes written."""
    too_short: int
    """Episodes left out because they have one step only."""

    @classmethod
    def of(
        cls,
        source: EpisodeSource,
        path: str,
        chosen: Sequence[int],
        kept: Sequence[int],
        frames: int,
    ) -> "Conversion":
        """Tells what has been made of a source's episodes.

        Args:
          source: Where they come from.
          path: What was written.
          chosen: Numbers of the episodes that were asked for.
          kept: Those that were written.
          frames: Frames written.
        """
        return cls(
            path=os.path.abspath(os.path.expanduser(path)),
            episodes=len(kept),
            of_episodes=len(source.returns),
            frames=frames,
            mean_return=float(np.mean(source.returns[kept])),
            too_short=len(chosen) - len(kept),
        )


def convert(
    source: EpisodeSource,
    path: str | os.PathLike,
    top_fraction: float = 1.0,
    on_frames: Callable[[int], None] = lambda count: None,
    asked: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Conversion:
    """Writes the episodes of a source, or those with the highest returns, to a record file.

    Episodes keep their order. The file is read back, compared, and then appears under its name.
    An interruption leaves the whole episodes so far, from which the same conversion goes on.

    Args:
      source: Where episodes are read from.
      path: Record file to make.
      top_fraction: Share of episodes to keep, by return, in (0, 1]; the number is rounded up.
      on_frames: Called with a number of frames when so many have been read.
      asked: What decides the result besides the input, as JSON has it: an interrupted conversion
        that was asked for something else is given up.
      about: What the manifest says besides what `about_source` finds.

    Raises:
      ValueError: There is nothing to write, or a value is not finite; no file is left.
    """
    _check_not_compressed(source)
    chosen = top_episodes(source.returns, top_fraction)
    # An episode is recognised by its first and its last frame.
    kept = [number for number in chosen if source.lengths[number] > 1]
    about = {**about_source(source, kept), **(about or {})}
    asked = {
        "input": source.path,
        "contents": fingerprint.of(source.path),
        "top_fraction": top_fraction,
        **(asked or {}),
    }
    with resumable.Shard(os.fspath(path), source.spec(), asked, about) as shard:
        for number in kept[: shard.episodes]:
            on_frames(int(source.lengths[number]))
        for number in kept[shard.episodes :]:
            frames = source.frames(number)
            check_finite(source, number, frames)
            shard.append(frames)
            on_frames(len(frames.step_type))
    return Conversion.of(source, shard.path, chosen, kept, shard.num_frames)


def about_source(source: EpisodeSource, numbers: Sequence[int]) -> dict[str, Any]:
    """Returns what is kept of some episodes besides their frames, where it is known.

    That is `fps`, their steps per second, `tasks`, in words, one for each episode, and
    `action_parts`, see `manifest.Manifest`.
    """
    about: dict[str, Any] = {}
    if (fps := getattr(source, "fps", None)) is not None:
        about["fps"] = float(fps)
    if (tasks := getattr(source, "tasks", None)) is not None:
        about["tasks"] = [tasks[number] for number in numbers]
    if parts := action_parts(source):
        about[episodes.ACTION_PARTS] = {key: list(numbers) for key, numbers in parts.items()}
    return about


def action_parts(source: EpisodeSource) -> logged.Parts:
    """Returns which numbers of a source's actions are what; nothing where that is not known."""
    parts = getattr(source, "action_parts", None) or {}
    (action, *others) = tf.nest.flatten(source.spec().action)
    is_whole = (
        not others and max((stop for _, stop in parts.values()), default=0) == action.shape[-1]
    )
    return dict(parts) if is_whole else {}


def top_episodes(returns: Sequence[float], fraction: float = 1.0) -> np.ndarray:
    """Chooses the episodes with the highest returns, the earlier of equal ones.

    With a fraction of 0.5 it is the data of the paper's reward-weighted variant (Florence et al.,
    2021, section 5, D4RL).

    Args:
      returns: Return of each episode [n].
      fraction: Share to choose, in (0, 1]; the number is rounded up.

    Returns:
      int64 numbers of the chosen episodes, ascending.

    Raises:
      ValueError: The fraction is outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"top_fraction must be above 0 and at most 1, got {fraction}.")
    # Rounded first: 0.07 · 100 is a little more than 7.
    count = math.ceil(round(fraction * len(returns), 6))
    return np.sort(np.argsort(-np.asarray(returns), kind="stable")[:count])


def frame_spec(observation: Any, action_size: int) -> trajectory.Trajectory:
    """Returns the spec of frames as published D4RL shards have it, without bounds.

    Args:
      observation: Nest of shapes of one observation; its numbers are float32.
      action_size: Numbers in an action.
    """
    number, step_type = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)
    return trajectory.Trajectory(
        step_type=step_type,
        observation=tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape[1:], tf.float32), observation
        ),
        action=tf.TensorSpec([action_size], tf.float32),
        policy_info=(),
        next_step_type=step_type,
        reward=number,
        discount=number,
    )


def episode_frames(
    observation: Any, action: np.ndarray, reward: np.ndarray, terminated: bool
) -> trajectory.Trajectory:
    """Returns an episode's frames as published D4RL shards have them: one per step.

    Frame i holds what was seen before step i, its action and its reward; the last one has step
    type LAST and, if the episode ended by itself, discount 0.

    Args:
      observation: Nest of arrays [n, ...].
      action: [n, action_size].
      reward: [n].
      terminated: Whether the episode ended by itself, not at a limit.
    """
    with np.errstate(over="ignore"):  # What becomes infinite is refused later.
        steps = tf.nest.map_structure(np.float32, (observation, action, reward))
    return episodes.stacked_frames(*steps, terminated)


def check_finite(source: EpisodeSource, number: int, frames: trajectory.Trajectory) -> None:
    """Checks that all values of an episode's frames are finite.

    Raises:
      ValueError: One is not; the message names the array and the episode.
    """
    for name, values in zip(specs.leaves(frames), tf.nest.flatten(frames), strict=True):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{source.path}: {name} is not finite in episode {number}: copy the file again "
                "from where it came from."
            )


def _divided(
    source: type[EpisodeSource], path: str, options: dict[str, Any]
) -> tuple[dict[str, Any], selection.Selection]:
    """Returns the options that a format takes itself, and what is selected of any format."""
    parameters = inspect.signature(source).parameters
    own, general = {}, {}
    for name, value in options.items():
        if value is None:
            continue
        if name in parameters:
            own[name] = value
        elif name in selection.Selection.__dataclass_fields__:
            general[name] = value
        else:
            raise ValueError(
                f"{path} is read as {source.description}, which has no --{name}: leave it out."
            )
    return own, selection.Selection(**general)


def _check_not_compressed(source: EpisodeSource) -> None:
    if getattr(source, "images_are_compressed", False):
        raise ValueError(
            f"{source.path} has images, which would lose quality when compressed again: convert "
            "shards without images."
        )


def _listed(names: list[str]) -> str:
    return ", ".join(map(str, sorted(names)[:_LISTED_NAMES])) or "nothing"
