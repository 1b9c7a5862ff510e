"""What is observed of the table: keys, their order, and bounds."""

import collections
from collections.abc import Sequence

import gymnasium
import numpy as np

from ibc.environments.block_pushing.simulation import pose

_TRANSLATION_BOUND = 5.0
_ORIENTATION_BOUND = 2 * np.pi
_EFFECTOR_MARGIN = 0.1


def numbered(name: str, count: int) -> list[str]:
    """Returns the keys' beginnings for `count` bodies of a kind: block, block2, ..."""
    return [name, *(f"{name}{i}" for i in range(2, count + 1))]


def of_bodies(name: str, poses: Sequence[pose.Pose]) -> dict[str, np.ndarray]:
    """Returns translation (x, y in metres) and orientation (yaw in radians) of some bodies."""
    observation = {}
    for key, body in zip(numbered(name, len(poses)), poses, strict=True):
        observation[f"{key}_translation"] = np.array(body.translation[:2])
        observation[f"{key}_orientation"] = np.array([body.yaw])
    return observation


def of_effector(effector: pose.Pose, commanded: pose.Pose) -> dict[str, np.ndarray]:
    """Returns where the effector is and where it should be (x, y in metres)."""
    return {
        "effector_translation": np.array(effector.translation[:2]),
        "effector_target_translation": np.array(commanded.translation[:2]),
    }


def make_space(
    blocks: int,
    targets: int,
    effector_low: Sequence[float],
    effector_high: Sequence[float],
    image_size: tuple[int, int] | None,
) -> gymnasium.spaces.Dict:
    """Returns the space of observations.

    Args:
      blocks: Number of blocks.
      targets: Number of targets.
      effector_low: Smallest x, y of the commanded effector.
      effector_high: Largest x, y of the commanded effector.
      image_size: Height and width of images, or None.
    """
    spaces = collections.OrderedDict(_space_of_bodies("block", blocks))
    for key in ("effector_translation", "effector_target_translation"):
        spaces[key] = gymnasium.spaces.Box(
            np.float32(np.subtract(effector_low, _EFFECTOR_MARGIN)),
            np.float32(np.add(effector_high, _EFFECTOR_MARGIN)),
            dtype=np.float32,
        )
    spaces.update(_space_of_bodies("target", targets))
    if image_size is not None:
        spaces["rgb"] = gymnasium.spaces.Box(0, 255, (*image_size, 3), np.uint8)
    return gymnasium.spaces.Dict(spaces)


def _space_of_bodies(name: str, count: int) -> dict[str, gymnasium.spaces.Box]:
    spaces = {}
    for key in numbered(name, count):
        spaces[f"{key}_translation"] = _box(_TRANSLATION_BOUND, 2)
        spaces[f"{key}_orientation"] = _box(_ORIENTATION_BOUND, 1)
    return spaces


def _box(bound: float, size: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-bound, bound, (size,), np.float32)
