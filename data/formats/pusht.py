"""Push-T demonstrations: an npz file, or the zarr folder that Diffusion Policy publishes.

Both hold the steps of all episodes, one after another. A `state` is [5]: x and y of the agent, x, y
and angle of the block; an action is where the agent shall go. Lengths are in pixels.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, hdf5, npz, npz_file, replay_buffer, selection, zarr_store
from ibc.environments.pusht import keypoints

_TASK = "PUSHT"
_STATE_SIZE, _ACTION_SIZE = 5, 2
_KEYPOINT_SHAPES = ((18,), (9, 2))
_NAMES = {"state", "action", "keypoint", "img", "n_contacts", npz.ENDS}
_LARGEST_METRES = 10.0
# Recorded points are those of recorded poses but for rounding.
_LARGEST_DIFFERENCE_PIXELS = 1.0


@convert.register
class PushTDemonstrations:
    """The episodes of a recording of Push-T; an `EpisodeSource`.

    Observations are `keypoints` [18], the x and y of nine points of the block in turn, `agent_pos`
    [2], `block_pose` [3] (x, y, angle) and, where there are pictures, `image`, uint8. Key-points
    that were not recorded follow from the block's pose. Rewards were not recorded: they are 0.
    """

    description = "Push-T demonstrations (npz with state, action, episode_ends, or a zarr of them)"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is an npz or a zarr of episodes, with states and actions in pixels."""
        arrays = _open(path)
        if not {"state", "action", npz.ENDS} <= arrays.keys() <= _NAMES:
            return False
        state, action = arrays["state"], arrays["action"]
        sizes = state.shape[1:], action.shape[1:]
        if sizes != ((_STATE_SIZE,), (_ACTION_SIZE,)) or action.dtype.kind not in "iuf":
            return False
        # Robots of the same sizes are measured in metres.
        with hdf5.reading(path):
            return bool(np.nanmax(action[:], initial=0) > _LARGEST_METRES)

    def __init__(self, path: str, task: str | None, keys: Sequence[str] | None = None):
        """Reads the ends of the episodes and checks all shapes; see `convert.EpisodeSource`.

        Args:
          path: File or folder.
          task: None, or PUSHT.
          keys: Observations to keep; None for all.

        Raises:
          ImportError: It is a zarr, and the package zarr is not installed.
          ValueError: An array is missing, damaged or of another shape, or there is no such key.
        """
        if task not in (None, _TASK):
            raise ValueError(f"{path} holds Push-T demonstrations, whose task is not {task}.")
        self.path = path
        self._arrays = _open(path)
        with hdf5.reading(path):
            self._ends = _checked_ends(path, self._arrays)
        self.lengths = np.diff(self._ends, prepend=0) + 1
        self.returns = np.zeros(len(self._ends))
        self._keys = selection.chosen_keys(path, list(self._observation(slice(0, 1))), keys)

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return episodes.frame_spec(self._episode(slice(0, 1)))

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns an episode's frames, arrays [n + 1, ...]: the last one repeats what is seen."""
        start = self._ends[number - 1] if number else 0
        return episodes.frames(self._episode(slice(start, self._ends[number])))

    def _episode(self, steps: slice) -> episodes.Episode:
        observation = self._observation(steps)
        return episodes.Episode(
            {key: observation[key] for key in self._keys}, self._read("action", steps), None, False
        )

    def _observation(self, steps: slice) -> dict[str, np.ndarray]:
        state = self._read("state", steps)
        points = keypoints.keypoints_of(state[:, 2:]).reshape(len(state), -1)
        if "keypoint" in self._arrays:
            points = self._checked_points(steps.start, points, self._read("keypoint", steps))
        observation = {"keypoints": points, "agent_pos": state[:, :2], "block_pose": state[:, 2:]}
        if "img" in self._arrays:
            observation["image"] = self._checked_images(self._read("img", steps))
        return observation

    def _read(self, name: str, steps: slice) -> np.ndarray:
        with hdf5.reading(self.path):
            return np.asarray(self._arrays[name][steps])

    def _checked_points(self, start: int, expected: np.ndarray, found: np.ndarray) -> np.ndarray:
        found = np.reshape(found, np.shape(expected))
        distances = np.abs(found - expected).max(axis=1)
        if not np.all(distances <= _LARGEST_DIFFERENCE_PIXELS):
            worst = int(np.argmax(distances))
            raise ValueError(
                f"{self.path}: keypoint of step {start + worst} is {distances[worst]:.3g} pixels "
                f"from where the block's pose puts it, expected at most "
                f"{_LARGEST_DIFFERENCE_PIXELS:g}: these are other points; leave the array out to "
                "have the published ones."
            )
        return found

    def _checked_images(self, images: np.ndarray) -> np.ndarray:
        """Returns uint8 images; the published ones are whole numbers in float32."""
        if images.dtype == np.uint8:
            return images
        if not (images.min() >= 0 and 1 < images.max() <= 255):
            raise ValueError(
                f"{self.path}: img holds values from {images.min():g} to {images.max():g}, "
                "expected levels from 0 to 255."
            )
        return np.rint(images).astype(np.uint8)


def _open(path: str) -> Mapping[str, Any]:
    """Returns the arrays of an npz or a zarr; none of anything else."""
    if zarr_store.is_zarr(path):
        return zarr_store.open_arrays(path, replay_buffer.GROUPS)
    is_npz = path.endswith(npz_file.SUFFIX) and os.path.isfile(path)
    return npz_file.open_arrays(path) if is_npz else {}


def _checked_ends(path: str, arrays: Mapping[str, Any]) -> np.ndarray:
    """Returns the step after each episode's last one, int64 [num_episodes]; checks all arrays."""
    hdf5.check_keys(path, arrays, ("state", "action", npz.ENDS))
    steps = len(arrays["action"])
    ends = npz.checked_ends(path, arrays[npz.ENDS], steps)
    shapes = {
        "state": ((_STATE_SIZE,),),
        "action": ((_ACTION_SIZE,),),
        "keypoint": _KEYPOINT_SHAPES,
    }
    for name, expected in shapes.items():
        found = arrays.get(name)
        if found is None:
            continue
        if found.dtype.kind not in "iuf" or found.shape not in [(steps, *s) for s in expected]:
            wanted = " or ".join(str([steps, *shape]) for shape in expected)
            raise ValueError(
                f"{path}: {name} is {_described(found)}, expected numbers of shape {wanted}."
            )
    image = arrays.get("img")
    if image is not None and (
        image.ndim != 4
        or (image.shape[0], image.shape[-1]) != (steps, 3)
        or image.dtype.kind not in "uf"
    ):
        raise ValueError(
            f"{path}: img is {_described(image)}, expected levels of shape [{steps}, height, "
            "width, 3]."
        )
    return ends


def _described(array: Any) -> str:
    return f"{array.dtype} {list(array.shape)}"
