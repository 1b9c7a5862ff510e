"""What is observed of the table, and how an episode is started where it was observed to start."""

import collections
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import gymnasium
import numpy as np

from ibc.environments.block_pushing.simulation import bullet, scene

_TRANSLATION_BOUND = 5.0
_ORIENTATION_BOUND = 2 * np.pi
_EFFECTOR_MARGIN = 0.1


def numbered(name: str, count: int) -> list[str]:
    """Returns the keys' beginnings for `count` bodies of a kind: block, block2, ..."""
    return [name, *(f"{name}{i}" for i in range(2, count + 1))]


def of_bodies(name: str, poses: Sequence[bullet.Pose]) -> dict[str, np.ndarray]:
    """Returns translation (x, y in metres) and orientation (yaw in radians) of some bodies."""
    observation = {}
    for key, body in zip(numbered(name, len(poses)), poses, strict=True):
        observation[f"{key}_translation"] = np.array(body.translation[:2])
        observation[f"{key}_orientation"] = np.array([body.yaw])
    return observation


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


_SETTLING_ROUNDS = 3


def restore_start(
    begin: Callable[[scene.Start], Mapping[str, np.ndarray]],
    drawn: scene.Start,
    observation: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Lets everything settle where it was observed, which is not quite where it was placed.

    Args:
      begin: Starts an episode and returns its first observation.
      drawn: Any start of the environment; heights and the effector are taken from it.
      observation: First observation of the recorded episode.

    Returns:
      The first observation of the episode that has begun.

    Raises:
      ValueError: A block or target is not in the observation.
    """
    names = [
        f"{key}_{what}"
        for kind, poses in (("block", drawn.blocks), ("target", drawn.targets))
        for key in numbered(kind, len(poses))
        for what in ("translation", "orientation")
    ]
    missing = [name for name in names if name not in observation]
    if missing:
        raise ValueError(
            "An episode of block pushing is restored from an observation that has "
            f"{', '.join(names)}, but {', '.join(missing)} is not among {', '.join(observation)}."
        )
    placed = {name: np.array(observation[name], np.float64) for name in names}
    for _ in range(_SETTLING_ROUNDS):
        settled = begin(_start_at(placed, drawn))
        for name in names:
            placed[name] += observation[name] - settled[name]
    return begin(_start_at(placed, drawn))


def _start_at(placed: Mapping[str, np.ndarray], drawn: scene.Start) -> scene.Start:
    return dataclasses.replace(
        drawn,
        blocks=_poses(placed, "block", drawn.blocks),
        targets=_poses(placed, "target", drawn.targets),
    )


def _poses(
    placed: Mapping[str, np.ndarray], kind: str, drawn: Sequence[bullet.Pose]
) -> tuple[bullet.Pose, ...]:
    return tuple(
        bullet.from_yaw(
            (*placed[f"{key}_translation"], at.translation[2]), placed[f"{key}_orientation"][0]
        )
        for key, at in zip(numbered(kind, len(drawn)), drawn, strict=True)
    )
