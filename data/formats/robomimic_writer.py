"""Writes recorded episodes as robomimic's HDF5 files, so that other programs can train on them."""

import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, robomimic
from ibc.data.records import specs
from ibc.utils import atomic_file, rotations

GYM_TYPE = 2
"""robomimic's number for Gymnasium's environments, in `env_args`."""

_FLAT = "flat"
# Images of single steps are read at random; the lightest compression saves most of what any does.
_IMAGE_COMPRESSION = {"compression": "gzip", "compression_opts": 1}


def write(
    source: convert.EpisodeSource,
    path: str | os.PathLike,
    top_fraction: float = 1.0,
    on_frames: Callable[[int], None] = lambda count: None,
    env_args: Mapping[str, Any] | None = None,
    absolute_actions: bool = False,
) -> convert.Conversion:
    """Writes the episodes of a source, or those with the highest returns, to a robomimic file.

    The last frame of an episode, which joins it to the next, gives the last row of `next_obs`; one
    that brings a reward or a discount of 0, as in D4RL's recordings, is a step of its own. One
    episode at a time is in memory. The file appears under its name when it is complete.

    Args:
      source: Where episodes are read from.
      path: File to make.
      top_fraction: Share of episodes to keep, by return, in (0, 1]; the number is rounded up.
      on_frames: Called with a number of frames when so many have been read.
      env_args: The environment as robomimic describes it; the source's, if it has any, or one
        named like the file if None.
      absolute_actions: Whether actions are poses with rotations of 6 numbers, which are written
        as axis-angle.

    Raises:
      ValueError: Observations or actions cannot be kept in such a file, or a value is not finite;
        no file is left.
      OSError: No file can be made there.
    """
    import h5py

    chosen = convert.top_episodes(source.returns, top_fraction)
    kept = [number for number in chosen if source.lengths[number] > 1]
    _check_spec(source, absolute_actions)
    steps = frame_count = 0
    with atomic_file.replacing(path) as temporary, _CarefulFile(temporary, "w+") as storage:
        with h5py.File(storage, "w") as file:
            data = file.create_group(robomimic.DATA)
            data.attrs["env_args"] = json.dumps(env_args or _env_args(source, path), indent=4)
            for number, episode in enumerate(kept):
                frames = source.frames(episode)
                convert.check_finite(source, episode, frames)
                demo = data.create_group(f"{robomimic.DEMO}{number}")
                steps += _write(demo, frames, absolute_actions)
                storage.check()
                frame_count += len(frames.step_type)
                on_frames(len(frames.step_type))
            data.attrs["total"] = steps
        storage.check()
    return convert.Conversion.of(source, path, chosen, kept, frame_count)


class _CarefulFile(io.FileIO):
    """A file that keeps its first error for `check`: HDF5 crashes where a write fails."""

    _error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = self._error or error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def flush(self) -> None:
        pass  # Nothing is held back.

    def check(self) -> None:
        """Raises the first error that writing has met."""
        if self._error is not None:
            raise self._error


def _write(demo: Any, frames: trajectory.Trajectory, absolute_actions: bool) -> int:
    """Fills the group of an episode; returns its number of steps."""
    length = episodes.num_steps(frames)
    actions = frames.action[:length]
    demo["actions"] = rotations.with_axis_angles(actions) if absolute_actions else actions
    demo["rewards"] = frames.reward[:length]
    dones = np.zeros(length, np.int64)
    dones[-1] = not frames.discount[length - 1]
    demo["dones"] = dones
    after = np.minimum(np.arange(1, length + 1), len(frames.step_type) - 1)
    for key, values in _by_key(frames.observation).items():
        for group, rows in (("obs", values[:length]), ("next_obs", values[after])):
            is_image = rows.dtype == np.uint8 and rows.ndim == 4
            options = {"chunks": (1, *rows.shape[1:]), **_IMAGE_COMPRESSION} if is_image else {}
            demo.create_dataset(f"{group}/{key}", data=rows, **options)
    demo.attrs["num_samples"] = length
    return length


def _env_args(source: convert.EpisodeSource, path: str | os.PathLike) -> dict[str, Any]:
    """Returns what a source says of its environment, else one named like the file."""
    name = os.path.splitext(os.path.basename(path))[0]
    own = getattr(source, "env_args", None)
    return own or {"env_name": name, "type": GYM_TYPE, "env_kwargs": {}}


def _check_spec(source: convert.EpisodeSource, absolute_actions: bool) -> None:
    """Checks that observations are in one dict, and actions one vector."""
    spec = source.spec()
    nested = [key for key in specs.leaves(spec.observation) if "/" in key]
    if nested:
        raise ValueError(
            f"{source.path}: observation {nested[0]} is a part of a part, but robomimic's files "
            "have one level of names: leave it out, or write the parts under names of their own."
        )
    actions = specs.leaves(spec.action)
    if list(actions) != [""] or len(actions[""].shape) != 1:
        described = ", ".join(f"{name} {specs.describe(leaf)}" for name, leaf in actions.items())
        raise ValueError(f"{source.path} has actions {described.strip()}, expected one vector.")
    size = actions[""].shape[0]
    if absolute_actions and size not in rotations.SIZES_6D:
        raise ValueError(
            f"{source.path} has actions of {size} numbers, expected "
            f"{' or '.join(map(str, rotations.SIZES_6D))} of absolute ones with rotations of 6 "
            "numbers."
        )


def _by_key(observation: Any) -> dict[str, np.ndarray]:
    """Returns observations by name; a single array is called 'flat', as robomimic calls it."""
    return dict(observation) if isinstance(observation, Mapping) else {_FLAT: observation}
