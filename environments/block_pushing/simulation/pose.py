"""Positions and orientations of bodies."""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import transform

_GIMBAL_LOCK = 1e-7


class Pose(NamedTuple):
    """Where a body is and how it is turned."""

    translation: tuple[float, float, float]
    """Position x, y, z in metres."""
    quaternion: tuple[float, float, float, float]
    """Orientation x, y, z, w."""

    @property
    def yaw(self) -> float:
        """Third angle of the extrinsic 'xyz' Euler angles, in radians.

        0 where it is not determined: when the second one is a right angle.
        """
        x, y, z, w = self.quaternion
        sine, cosine = 2 * (w * z + x * y), w * w + x * x - y * y - z * z
        return math.atan2(sine, cosine) if math.hypot(sine, cosine) > _GIMBAL_LOCK else 0.0


def from_yaw(translation: tuple[float, float, float], yaw: float) -> Pose:
    """Returns the pose at `translation`, turned by `yaw` radians about the vertical."""
    return from_rotation_vector(translation, (0.0, 0.0, yaw))


def from_rotation_vector(
    translation: tuple[float, float, float], rotation_vector: tuple[float, float, float]
) -> Pose:
    """Returns the pose at `translation`, turned by a rotation vector (axis times radians)."""
    rotation = transform.Rotation.from_rotvec(np.asarray(rotation_vector, np.float64))
    return Pose(tuple(float(x) for x in translation), tuple(rotation.as_quat().tolist()))
