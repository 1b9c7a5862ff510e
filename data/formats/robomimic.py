"""robomimic's HDF5 files: a group of arrays per demonstration."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, hdf5, selection
from ibc.environments import robosuite_env
from ibc.utils import rotations

DATA, MASK, DEMO = "data", "mask", "demo_"
"""Names of the groups: of all demonstrations, of choices among them, and of each one."""

_DEMO = re.compile(rf"{DEMO}(\d+)")
_KEYS = ("actions", "obs")
_OPTIONAL = ("rewards", "dones")
_IMAGE_NAMES = re.compile(r".*_image|image|rgb|front")
_JPEG_CHANNELS = (1, 3)


@convert.register
class RobomimicFile:
    """The demonstrations of a robomimic file, in the order of their numbers; an `EpisodeSource`.

    After its n steps, an episode has one more frame with what was seen at its end: the last row
    of `next_obs`, or of `obs` again.

    Attributes:
      env_args: What the file says of the environment: env_name, type, env_kwargs.
      keys: Observations that are read.
      absolute_actions: Whether actions are poses, whose rotations are read as 6 numbers.
      notes: What a user should know about the file, a line each.
    """

    description = "a robomimic HDF5 file (data/demo_0, data/demo_1, ...)"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is an HDF5 file with groups of demonstrations."""
        return any(map(_DEMO.fullmatch, hdf5.members(path, DATA)))

    def __init__(
        self,
        path: str,
        task: str | None,
        mask: str | None = None,
        keys: Sequence[str] | None = None,
        absolute_actions: bool | None = None,
    ):
        """Reads the rewards and checks all shapes; see `convert.EpisodeSource`.

        Args:
          path: The file.
          task: None: the file itself says what it is of.
          mask: Name of the choice of demonstrations to read, such as 'train'; None for all.
          keys: Observations to read; None for all.
          absolute_actions: Whether actions are poses; None for what `env_args` says.

        Raises:
          ValueError: There is no such mask or key, or an array is missing, damaged, of another
            length or shape.
        """
        if task is not None:
            raise ValueError(f"{path} is {self.description}, not data of task {task}.")
        self.path = path
        self.keys = keys
        self.absolute_actions = absolute_actions
        with hdf5.closed_if_refused(hdf5.open_hdf5(path)) as file:
            self._read(file, mask)

    @hdf5.reads
    def _read(self, file: Any, mask: str | None) -> None:
        data = file[DATA]
        self.env_args = _env_args(self.path, data)
        if self.absolute_actions is None:
            self.absolute_actions = robosuite_env.takes_poses(self.env_args)
        self.masks = {name: _members_of_mask(self.path, file, name) for name in file.get(MASK, {})}
        self._demos = [data[name] for name in self._chosen(data, mask)]
        first = self._demos[0]
        where = f"{self.path}{first.name}"
        hdf5.check_group(where, "", first)
        hdf5.check_keys(where, first, _KEYS)
        hdf5.check_group(where, "obs", first["obs"])
        self.keys = selection.chosen_keys(self.path, list(first["obs"]), self.keys)
        for demo in self._demos:
            self._check(demo)
            self._check_like_first(demo)
        self._check_actions(first["actions"].shape[1])
        self.returns = np.array([np.sum(_rewards(demo)) for demo in self._demos])
        self.lengths = np.array([len(demo["actions"]) + 1 for demo in self._demos])
        self.notes = list(self._notes(data, mask))

    @hdf5.reads
    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return episodes.frame_spec(self._episode(self._demos[0], slice(0, 1)))

    @hdf5.reads
    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n + 1, ...]."""
        with np.errstate(over="ignore"):  # What becomes infinite is refused later.
            return episodes.frames(self._episode(self._demos[number], slice(None)))

    @hdf5.reads
    def stored(self) -> dict[str, str]:
        """Returns how the file holds observations and actions: name -> type and shape."""
        first = self._demos[0]
        arrays = {f"observation/{key}": first["obs"][key] for key in self.keys}
        arrays["action"] = first["actions"]
        return {name: f"{a.dtype}{list(a.shape[1:])}" for name, a in arrays.items()}

    def _episode(self, demo: Any, steps: slice) -> episodes.Episode:
        actions = demo["actions"][steps]
        if self.absolute_actions:
            actions = rotations.with_6d_rotations(actions)
        observation = {key: demo["obs"][key][steps] for key in self.keys}
        if "next_obs" in demo:
            last = len(actions) - 1
            observation = {
                key: np.concatenate([values, demo["next_obs"][key][last : last + 1]])
                for key, values in observation.items()
            }
        where = f"{self.path}{demo.name}"
        is_done = hdf5.read_flags(where, demo, "dones")[-1] if "dones" in demo else False
        return episodes.Episode(observation, actions, _rewards(demo)[steps], bool(is_done))

    def _chosen(self, data: Any, mask: str | None) -> list[str]:
        """Returns the names of the demonstrations to read."""
        names = sorted(filter(_DEMO.fullmatch, data), key=lambda name: int(name[len(DEMO) :]))
        if mask is None:
            return names
        if mask not in self.masks:
            raise ValueError(
                f"{self.path} has no mask {mask!r}; it has: {', '.join(self.masks) or 'none'}."
            )
        missing = self.masks[mask] - set(names)
        if missing or not self.masks[mask]:
            raise ValueError(
                f"{self.path}: mask {mask!r} names {min(missing, default='no demonstration')}, "
                f"expected some of {names[0]} to {names[-1]}."
            )
        return [name for name in names if name in self.masks[mask]]

    def _check(self, demo: Any) -> None:
        """Checks the arrays of a demonstration that are read, and that they are equally long."""
        where = f"{self.path}{demo.name}"
        hdf5.check_group(where, "", demo)
        hdf5.check_keys(where, demo, _KEYS)
        hdf5.check_array(where, "actions", demo["actions"], "[n, size]")
        lengths = {"actions": len(demo["actions"])}
        for key in (key for key in _OPTIONAL if key in demo):
            hdf5.check_array(where, key, demo[key], "[n]")
            lengths[key] = len(demo[key])
        for group in (group for group in ("obs", "next_obs") if group in demo):
            hdf5.check_group(where, group, demo[group])
            hdf5.check_keys(f"{where}/{group}", demo[group], self.keys)
            for key in self.keys:
                array = demo[group][key]
                hdf5.check_array(f"{where}/{group}", key, array, "[n, ...]")
                _check_image(f"{where}/{group}", key, array)
                lengths[f"{group}/{key}"] = len(array)
        if "num_samples" in demo.attrs:
            lengths["num_samples"] = int(demo.attrs["num_samples"])
        hdf5.check_lengths(where, lengths)

    def _check_like_first(self, demo: Any) -> None:
        """Checks that a demonstration's arrays have the sizes of the first one's."""
        first = self._demos[0]
        for name in ("actions", *(f"{g}/{k}" for g in ("obs", "next_obs") for k in self.keys)):
            if name.startswith("next_obs") and "next_obs" not in demo:
                continue
            like = first[name.removeprefix("next_")]
            found, expected = demo[name].shape[1:], like.shape[1:]
            if found != expected:
                raise ValueError(
                    f"{self.path}{demo.name}: {name} is of shape {list(found)} in each step, "
                    f"expected {list(expected)} as in {first.name}."
                )

    def _check_actions(self, size: int) -> None:
        if self.absolute_actions and size not in rotations.SIZES:
            raise ValueError(
                f"{self.path} has actions of {size} numbers, expected "
                f"{' or '.join(map(str, rotations.SIZES))} of absolute ones: position, axis-angle "
                "and gripper of each arm."
            )

    def _notes(self, data: Any, mask: str | None) -> Iterator[str]:
        if mask is not None:
            return
        last = int(self._demos[-1].name.rpartition(DEMO)[2])
        if len(self._demos) != last + 1:
            yield f"Demo numbers have gaps: {len(self._demos)} demos, the last is {DEMO}{last}."
        steps = int(self.lengths.sum()) - len(self.lengths)
        if "total" in data.attrs and int(data.attrs["total"]) != steps:
            yield f"Attribute total says {data.attrs['total']} steps, but there are {steps}."


def _rewards(demo: Any) -> np.ndarray:
    """Returns the rewards of a demonstration's steps [n]; 0 where none were recorded."""
    if "rewards" not in demo:
        return np.zeros(len(demo["actions"]))
    return np.ravel(demo["rewards"][:])


def _check_image(where: str, key: str, array: Any) -> None:
    """Checks that what is an image by its name or type can be stored as one."""
    is_image = array.dtype == np.uint8 and array.ndim == 4
    if not (is_image or _IMAGE_NAMES.fullmatch(key)):
        return
    if not is_image or array.shape[-1] not in _JPEG_CHANNELS:
        raise ValueError(
            f"{where}: {key} is {array.dtype} {list(array.shape)}, expected images, uint8 [n, "
            "height, width, 3]."
        )


def _env_args(path: str, data: Any) -> dict[str, Any]:
    """Returns what a file says of its environment; nothing if it does not."""
    try:
        found = json.loads(data.attrs.get("env_args", "{}"))
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: attribute env_args of {DATA} is no JSON object in a string.")
    return found


def _members_of_mask(path: str, file: Any, name: str) -> set[str]:
    values = file[MASK][name]
    if not hasattr(values, "shape") or values.dtype.kind not in "SO":
        raise ValueError(f"{path}: mask {name!r} is no list of names of demonstrations.")
    return {bytes(value).decode() for value in np.ravel(values[()])}
