"""The points on the block, against complex numbers and the published ones."""

import numpy as np
import pytest

from ibc.environments.pusht import keypoints


def _poses(number: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform((50, 50, -7), (450, 450, 7), (number, 3))


def test_points_are_turned_and_moved_with_the_block():
    poses = _poses(20)
    local = keypoints.LOCAL_KEYPOINTS @ (1, 1j)
    for (x, y, angle), points in zip(poses, keypoints.keypoints_of(poses), strict=True):
        expected = local * np.exp(1j * angle) + complex(x, y)
        np.testing.assert_allclose(points @ (1, 1j), expected, rtol=0, atol=1e-12 * 512)
        np.testing.assert_array_equal(keypoints.keypoints_of(np.array([x, y, angle])), points)


@pytest.mark.parametrize(("dtype", "pixels"), [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_the_pose_follows_from_the_points(dtype, pixels):
    for pose in _poses(20):
        seen = keypoints.keypoints_of(pose).ravel().astype(dtype)
        found = keypoints.pose_of(seen)
        np.testing.assert_allclose(found[:2], pose[:2], rtol=0, atol=pixels)
        turn = (found[2] - pose[2] + np.pi) % (2 * np.pi) - np.pi
        assert abs(turn) < pixels / 100


def test_points_are_the_published_ones(golden):
    published = np.load(golden("sequences/pusht.npz"))
    np.testing.assert_array_equal(keypoints.LOCAL_KEYPOINTS, published["local_keypoints"])
