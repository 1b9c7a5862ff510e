"""The camera that looks at the table."""

import dataclasses
import functools
import math
from typing import NamedTuple

import numpy as np

from ibc.environments.block_pushing.simulation import bullet

# Focal length in widths of the picture; that of a RealSense D415.
_FOCAL_LENGTH_IN_WIDTHS = 0.803
_NEAR_METRES, _FAR_METRES = 0.01, 10.0


class CameraParameters(NamedTuple):
    """A camera as OpenGL describes it."""

    view_matrix: tuple[float, ...]
    """View matrix [16], column after column."""
    projection_matrix: tuple[float, ...]
    """Projection matrix [16], column after column."""
    position: tuple[float, float, float]
    """Where the camera is, metres."""
    look_at: tuple[float, float, float]
    """A point in the middle of the picture, 1 m from the camera."""
    up: tuple[float, float, float]
    """The direction that is up in the picture."""


@dataclasses.dataclass(frozen=True)
class Camera:
    """A camera at a fixed place. Its z axis is the direction it looks in, −y is up."""

    position: tuple[float, float, float]
    """Where the camera is, metres."""
    euler: tuple[float, float, float]
    """Its orientation as extrinsic 'xyz' Euler angles, radians."""
    image_size: tuple[int, int]
    """Height and width of its pictures when nothing else is asked for, pixels."""

    def parameters(self, image_size: tuple[int, int]) -> CameraParameters:
        """Returns view and projection for pictures of some height and width."""
        return _parameters(self, tuple(image_size))

    def render(self, client: bullet.Client, image_size: tuple[int, int]) -> np.ndarray:
        """Returns a picture of the simulation, uint8 [height, width, 3]."""
        height, width = image_size
        parameters = self.parameters(image_size)
        rgba = client.getCameraImage(
            width=width,
            height=height,
            viewMatrix=parameters.view_matrix,
            projectionMatrix=parameters.projection_matrix,
            # TinyRenderer draws none that show; those of EGL flicker in stripes.
            shadow=0,
            flags=bullet.pybullet.ER_NO_SEGMENTATION_MASK,
            renderer=bullet.pybullet.ER_BULLET_HARDWARE_OPENGL,
        )[2]
        return np.ascontiguousarray(np.reshape(rgba, (height, width, 4))[:, :, :3], dtype=np.uint8)


DEFAULT = Camera((1.0, 0.0, 0.75), (math.pi / 4, math.pi, -math.pi / 2), (240, 320))
REAL = Camera((0.75, 0.0, 0.5), (math.pi / 5, math.pi, -math.pi / 2), (180, 320))


@functools.lru_cache(maxsize=32)
def _parameters(camera: Camera, image_size: tuple[int, int]) -> CameraParameters:
    height, width = image_size
    rotation = np.reshape(
        bullet.pybullet.getMatrixFromQuaternion(
            bullet.pybullet.getQuaternionFromEuler(camera.euler)
        ),
        (3, 3),
    )
    look_at = tuple((np.array(camera.position) + rotation @ (0, 0, 1)).tolist())
    up = tuple((rotation @ (0, -1, 0)).tolist())
    focal_length = _FOCAL_LENGTH_IN_WIDTHS * width
    field_of_view = math.degrees(2 * math.atan(height / 2 / focal_length))
    return CameraParameters(
        view_matrix=bullet.pybullet.computeViewMatrix(camera.position, look_at, up),
        projection_matrix=bullet.pybullet.computeProjectionMatrixFOV(
            field_of_view, width / height, _NEAR_METRES, _FAR_METRES
        ),
        position=camera.position,
        look_at=look_at,
        up=up,
    )
