"""Starts an episode where a recorded one started, as far as its first observation tells."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ibc.environments.block_pushing import observations
from ibc.environments.block_pushing.simulation import pose, scene

_SETTLING_ROUNDS = 3


def restore(
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
        for key in observations.numbered(kind, len(poses))
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
    placed: Mapping[str, np.ndarray], kind: str, drawn: Sequence[pose.Pose]
) -> tuple[pose.Pose, ...]:
    return tuple(
        pose.from_yaw(
            (*placed[f"{key}_translation"], at.translation[2]), placed[f"{key}_orientation"][0]
        )
        for key, at in zip(observations.numbered(kind, len(drawn)), drawn, strict=True)
    )
