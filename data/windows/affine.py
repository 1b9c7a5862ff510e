"""Affine normalization of one quantity, x · scale + offset per dimension.

Pure functions of statistics, in the ways of Diffusion Policy (arXiv 2303.04137). Where a dimension
hardly varies, none of them blows it up.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ibc.data.windows import window_statistics

LEAST_RANGE = 1e-4
"""Range, and standard deviation, from which on a dimension is scaled."""
LEAST_RANGE_OF_ROBOTS = 1e-7
"""The same range for the keys of robomimic's files."""
NORMALIZED_RANGE = 2.0
"""Length of [−1, 1]."""
_POSE = 10
"""Numbers of an absolute pose: position 3, rotation 6, gripper 1."""


@dataclasses.dataclass(frozen=True)
class Affine:
    """An affine map, and the statistics of what it maps."""

    scale: np.ndarray
    """float64 [D], not 0."""
    offset: np.ndarray
    """float64 [D]."""
    moments: window_statistics.Moments
    """Of x, each [D]; its bounds, put through the map, are those that actions are sampled in."""

    def normalize(self, values: np.ndarray) -> np.ndarray:
        """Maps numbers [..., D] to normalized ones."""
        return values * self.scale + self.offset

    def denormalize(self, values: np.ndarray) -> np.ndarray:
        """Inverts `normalize`."""
        return (values - self.offset) / self.scale

    @property
    def normalized_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest normalized value per dimension, [D] each."""
        return self.normalize(self.moments.minimum), self.normalize(self.moments.maximum)


def limits(
    moments: window_statistics.Moments, least_range: float = LEAST_RANGE, centred: bool = True
) -> Affine:
    """Maps [minimum, maximum] to [−1, 1].

    Args:
      moments: of x, each [D].
      least_range: a smaller range is not scaled, and its minimum mapped to 0.
      centred: False leaves 0 where it is and maps the largest |x| to 1; below `least_range` it is
        not scaled.
    """
    minimum, maximum = _float64(moments.minimum), _float64(moments.maximum)
    if not centred:
        largest = np.maximum(np.abs(minimum), np.abs(maximum))
        scale = 1 / np.where(largest < least_range, 1.0, largest)
        return Affine(scale, np.zeros_like(scale), moments)
    is_constant = maximum - minimum < least_range
    scale = NORMALIZED_RANGE / np.where(is_constant, NORMALIZED_RANGE, maximum - minimum)
    offset = np.where(is_constant, -minimum, -1 - scale * minimum)
    return Affine(scale, offset, moments)


def gaussian(moments: window_statistics.Moments, count: int, centred: bool = True) -> Affine:
    """Maps to mean 0 and standard deviation 1.

    Args:
      moments: of x, each [D].
      count: n, numbers that the statistics are of; the standard deviation is divided by n − 1.
      centred: False leaves 0 where it is.
    """
    std = _float64(moments.std) * np.sqrt(count / max(1, count - 1))
    scale = 1 / np.where(std < LEAST_RANGE, 1.0, std)
    offset = -_float64(moments.mean) * scale if centred else np.zeros_like(scale)
    return Affine(scale, offset, moments)


def identity(moments: window_statistics.Moments) -> Affine:
    """Maps x to x."""
    shape = np.shape(moments.minimum)
    return Affine(np.ones(shape), np.zeros(shape), moments)


def image() -> Affine:
    """Maps channels in [0, 1] to [−1, 1], whatever the data."""
    unit = window_statistics.Moments(*map(np.float64, (0.5, 12**-0.5, 0.0, 1.0)))
    return Affine(np.float64(2), np.float64(-1), unit)


def common_scale(parts: Sequence[window_statistics.Moments]) -> list[Affine]:
    """Divides all of several quantities by the largest |x| among them.

    Args:
      parts: statistics of each quantity.

    Returns:
      One map per quantity.
    """
    scale = 1 / max(
        float(np.max(np.abs(bound))) for part in parts for bound in (part.minimum, part.maximum)
    )
    shapes = [np.shape(part.minimum) for part in parts]
    return [
        Affine(np.full(shape, scale), np.zeros(shape), part)
        for shape, part in zip(shapes, parts, strict=True)
    ]


def absolute_pose(moments: window_statistics.Moments) -> Affine:
    """Maps the positions of absolute poses to [−1, 1], and leaves rotations and grippers alone.

    These are counted as being in [−1, 1].

    Args:
      moments: of poses of one arm or more, [10 · arms]: position 3, rotation 6, gripper 1 of each.

    Raises:
      ValueError: there are not so many numbers.
    """
    size = np.shape(moments.minimum)[-1]
    if not size or size % _POSE:
        raise ValueError(
            f"an absolute pose has {_POSE} numbers for each arm (position 3, rotation 6, gripper "
            f"1), but the data {size}: choose 'limits' or 'identity'."
        )
    is_position = np.arange(size) % _POSE < 3
    scaled = limits(moments, LEAST_RANGE_OF_ROBOTS)
    assumed = dict(mean=0.0, std=1.0, minimum=-1.0, maximum=1.0)
    counted = {
        name: np.where(is_position, getattr(moments, name), value)
        for name, value in assumed.items()
    }
    return Affine(
        np.where(is_position, scaled.scale, 1.0),
        np.where(is_position, scaled.offset, 0.0),
        window_statistics.Moments(**counted),
    )


def of_robomimic(key: str, moments: window_statistics.Moments) -> Affine:
    """Chooses the map by robomimic's names of observations.

    Args:
      key: name of the observation, 'robot0_eef_pos' for example.
      moments: of it, each [D].

    Raises:
      ValueError: there is no rule for such a name.
    """
    if key.endswith("pos"):  # And so qpos.
        return limits(moments, LEAST_RANGE_OF_ROBOTS)
    if key.endswith("quat"):
        return identity(moments)
    raise ValueError(
        f"robomimic's rules know names that end in pos, qpos or quat, but not {key!r}: give it a "
        "mode of its own."
    )


def _float64(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)


BY_NAME: dict[str, Callable[[window_statistics.Moments, int], Affine]] = {
    "limits": lambda moments, count: limits(moments),
    "gaussian": gaussian,
    "identity": lambda moments, count: identity(moments),
    "absolute_pose": lambda moments, count: absolute_pose(moments),
}
"""Name of a way → the map, from statistics and how many numbers they are of."""
