"""Nine points on the block by which its pose is observed.

A pose is [3]: x and y of the block's origin, the middle of the long bar's outer edge, in pixels,
and its angle in radians. y points down, so angles grow clockwise in pictures.
"""

import numpy as np

LOCAL_KEYPOINTS = np.array(
    [
        [9.269786713763871, 90.04097352393619],
        [-60.983472364471474, -1.1867297607997276],
        [60.91275557727772, -1.3933642242328201],
        [-0.2705034390160016, 25.54362499146542],
        [-14.064927576212233, 122.81585355412153],
        [39.002738500170146, 32.857404276587566],
        [-39.966414424694534, 32.729655446429945],
        [-16.82434437939744, 62.86317892234989],
        [23.54146122024909, -1.7002881094626152],
    ]
)
"""The points in the block's frame, pixels [9, 2]: the published ones, in their order."""

GOAL_POSE = np.array([256.0, 256.0, np.pi / 4])
"""The pose that the block has to be brought to."""


def keypoints_of(pose: np.ndarray) -> np.ndarray:
    """Returns where the points of a block are: position + R(angle)·p.

    Args:
      pose: [..., 3].

    Returns:
      Pixels [..., 9, 2].
    """
    pose = np.asarray(pose)
    return pose[..., np.newaxis, :2] + _turned(LOCAL_KEYPOINTS, pose[..., 2:])


def pose_of(keypoints: np.ndarray) -> np.ndarray:
    """Returns the pose that fits points best, in the sense of least squares.

    Args:
      keypoints: Pixels [18] or [9, 2], as `keypoints_of` gives them.

    Returns:
      float64 [3]; the angle is in (−π, π].
    """
    seen = np.reshape(np.asarray(keypoints, np.float64), LOCAL_KEYPOINTS.shape)
    local_centre, centre = LOCAL_KEYPOINTS.mean(axis=0), seen.mean(axis=0)
    local, arms = LOCAL_KEYPOINTS - local_centre, seen - centre
    sine = np.sum(local[:, 0] * arms[:, 1] - local[:, 1] * arms[:, 0])
    cosine = np.sum(local * arms)
    angle = np.arctan2(sine, cosine)
    return np.append(centre - _turned(local_centre, angle), angle)


def _turned(points: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Returns R(angle)·p, [..., 2] for points [..., 2] and angles that fit to them."""
    x, y = points[..., 0], points[..., 1]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
